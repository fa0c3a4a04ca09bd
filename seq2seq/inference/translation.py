"""A translator of lines, alone or several together."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seq2seq.data.buckets import buckets
from seq2seq.data.pairs import Vocabularies, pad, pair_batch
from seq2seq.errors import UserError
from seq2seq.inference.shortlist import Shortlist
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.search import Hypothesis, Problem, beam_search, ensemble, greedy
from seq2seq.special import EOS
from seq2seq.tokenizers.unknown import UnknownTokens

LONGEST = 1000  # source tokens, after which a line is cut
WINDOW = 20_000  # lines that are ordered by length together, so that a file of any size takes the same memory


class Translated(NamedTuple):
    text: str
    score: float  # log-probability of the tokens and the end mark


class Alignment(NamedTuple):
    """Where a translation looked at its source."""

    source: list[str]  # the pieces of the source, and its end
    target: list[str]
    weights: Tensor  # [target, source]


class Searching(NamedTuple):
    """How translations are looked for.

    Args:
        beams: Hypotheses that are followed at once; 1 takes the likeliest word each time.
        length_penalty: Exponent of the length by which scores are divided (Wu et al., 2016); 0 prefers short ones.
        n_best: Translations of each line, at most as many as beams.
        batch_tokens: Source tokens that are translated at once, padding counted.
        max_length: Source tokens after which a line is cut.
        patience: How much longer translations are hoped to become at no cost, as a share of their length, before better
            ones are no longer looked for; a large one, as 99, goes on until nothing can rank better.
        threshold: How much less likely than the `n_best`-th best that goes on a hypothesis may be, in nats, before it
            is dropped; with a large one, as 99, none is.
    """

    beams: int = 5
    length_penalty: float = 1.0
    n_best: int = 1
    batch_tokens: int = 4000
    max_length: int = LONGEST
    patience: float = 0.2
    threshold: float = 2.0

    def check(self) -> None:
        """Raise a ValueError for a number out of its range."""
        if self.beams < 1 or self.batch_tokens < 1:
            raise UserError(f"beams and batch_tokens must be at least 1, not {self.beams} and {self.batch_tokens}")
        if not 1 <= self.n_best <= self.beams:
            raise UserError(f"n_best must be from 1 to the number of beams ({self.beams}), and {self.n_best} was given")
        if self.max_length < 1:
            raise UserError(f"max_length must be at least 1, and {self.max_length} was given")
        if not self.patience >= 0:
            raise UserError(f"patience must be at least 0, and {self.patience} was given")
        if not self.threshold >= 0:
            raise UserError(f"the threshold must be at least 0, and {self.threshold} was given")
        if self.length_penalty < 0:
            raise UserError(f"the length penalty must be at least 0, and {self.length_penalty} was given")


class Translation:
    """Translates lines.

    Args:
        models: One translator, or several with the same vocabularies whose probabilities are averaged.
        vocabularies: Their tokenizers.
        corpus: Where the training found its text.
        shortlist: The few target words that each line may be translated into; without it, all of them. Scores are then
            probabilities among these few.
    """

    def __init__(
        self,
        models: Sequence[EncoderDecoder],
        vocabularies: Vocabularies,
        corpus: dict[str, Any] | None = None,
        shortlist: Shortlist | None = None,
    ) -> None:
        self.models = list(models)
        self.vocabularies = vocabularies
        self.corpus = corpus or {}
        self.shortlist = shortlist
        self.cut = 0  # lines that were longer than max_length
        self.read = {"source": UnknownTokens(), "target": UnknownTokens()}  # all that was translated or scored

    @property
    def device(self) -> torch.device:
        return self.models[0].device

    def __call__(self, lines: Sequence[str], searching: Searching | None = None) -> list[str]:
        """The best translation of each line."""
        return [found[0].text for found in self.translate(lines, searching)]

    def translate(
        self,
        lines: Iterable[str],
        searching: Searching | None = None,
        progress: Callable[[int], object] = lambda lines: None,
    ) -> Iterator[list[Translated]]:
        """The best translations of each line, in the order of the lines, for each as many as were found, at least one.

        A line without any text has one translation, the empty one, whose score is 0.

        Args:
            lines: What is translated, read some at a time, so that there may be any number of them.
            searching: How translations are looked for.
            progress: Told after each batch how many more lines are done.
        """
        how = searching or Searching()
        how.check()
        rest = iter(lines)
        while some := list(itertools.islice(rest, WINDOW)):
            yield from self.window(some, how, progress)

    @torch.inference_mode()
    def window(self, lines: Sequence[str], how: Searching, progress: Callable[[int], object]) -> list[list[Translated]]:
        """Translate lines together, those of like length in one batch."""
        encoded = self.vocabularies.source.encode_batch(list(lines))
        self.read["source"].add(encoded)
        self.cut += sum(len(ids) > how.max_length for ids in encoded)
        sources = [[*ids[: how.max_length], EOS] for ids in encoded]
        found = [[Translated("", 0.0)] for _ in lines]
        asked = np.array([row for row, line in enumerate(lines) if line.strip()], dtype=np.int32)
        counts = np.array([len(sources[row]) for row in asked], dtype=np.int32)
        progress(len(lines) - len(asked))
        for batch in buckets(counts, counts, how.batch_tokens):
            rows = asked[batch].tolist()
            for row, hypotheses in zip(rows, self.search([sources[row] for row in rows], how), strict=True):
                found[row] = [Translated(self.text(h.ids), h.score) for h in hypotheses]
            progress(len(rows))
        return found

    def search(self, sources: Sequence[Sequence[int]], how: Searching) -> list[list[Hypothesis]]:
        source, device = pad(sources), self.device
        lengths = torch.tensor([len(ids) for ids in sources], device=device)
        few = None if self.shortlist is None else self.shortlist.candidates(source).to(device)
        problem: Problem[Any] = ensemble([model.problem(source.to(device), lengths, few) for model in self.models])
        limits = 2 * lengths + 10
        if how.beams == 1:
            found = [[hypothesis] for hypothesis in greedy(problem, limits)]
        else:
            found = beam_search(problem, limits, how.beams, how.length_penalty, how.n_best, how.patience, how.threshold)
        if any(not some or math.isnan(some[0].score) for some in found):
            raise UserError("nothing can be translated, since the model gives NaN for what comes next")
        if few is None:
            return found
        return [[h._replace(ids=words[h.ids].tolist()) for h in some] for words, some in zip(few, found, strict=True)]

    def text(self, ids: Sequence[int]) -> str:
        """One line: a newline that a model of bytes may write becomes a space."""
        return self.vocabularies.target.decode(ids).replace("\r", " ").replace("\n", " ")

    def report_unknown(self) -> None:
        """Say on standard error how much of what was translated or scored the tokenizers do not know."""
        for side, counts in self.read.items():
            counts.report(f"{side} tokens")

    @torch.inference_mode()
    def score(self, pairs: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, float]]]:
        """The pieces of each given translation, its end last, with their log-probabilities."""
        rest = iter(pairs)
        while some := list(itertools.islice(rest, 64)):
            sources = self.vocabularies.source.encode_batch([source for source, _ in some])
            targets = self.vocabularies.target.encode_batch([target for _, target in some])
            self.read["source"].add(sources)
            self.read["target"].add(targets)
            batch = pair_batch(sources, targets, 0)
            batch = batch._replace(**{k: v.to(self.device) for k, v in batch._asdict().items() if k != "tokens"})
            chances = torch.stack([-model.nats(batch) for model in self.models]).logsumexp(0) - np.log(len(self.models))
            if not chances.isfinite().all():
                raise UserError("nothing can be scored, since the model gives NaN or infinity for what comes next")
            for (_, target), row in zip(some, chances.tolist(), strict=True):
                pieces = [*self.vocabularies.target.pieces(target), "</s>"]
                yield list(zip(pieces, row, strict=False))

    @torch.inference_mode()
    def align(self, source: str, target: str, max_length: int = LONGEST) -> Alignment:
        """Where each piece of a given translation looked, the mean over the models; the source is cut as translated."""
        ids = self.vocabularies.source.encode(source)[:max_length]
        batch = pair_batch([ids], [self.vocabularies.target.encode(target)], 0)
        where = [
            model(batch.source.to(self.device), batch.lengths.to(self.device), batch.inputs.to(self.device)).weights
            for model in self.models
        ]
        return Alignment(
            [*self.vocabularies.source.pieces(source)[:max_length], "</s>"],
            [*self.vocabularies.target.pieces(target), "</s>"],
            torch.stack(where).mean(dim=0)[0].cpu(),
        )
