"""A translator of lines, alone or several together."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seq2seq.data.buckets import buckets
from seq2seq.data.output_lengths import OutputLengths
from seq2seq.data.pairs import Vocabularies, pad, pair_batch
from seq2seq.errors import UserError, refuse_string
from seq2seq.inference.search_options import MAX_SOURCE_LENGTH, SearchOptions
from seq2seq.inference.shortlist import Shortlist
from seq2seq.inference.truncation_counts import TruncationCounts
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.ranges import Count, checked
from seq2seq.search import DecodingProblem, Hypothesis, beam_search, ensemble, greedy
from seq2seq.special_tokens import EOS, NUM_SPECIAL
from seq2seq.tokenizers.unknown import UnknownTokens

CELLS = 1 << 24  # next tokens of hypotheses that are compared at once, so that wide beams do not fill the memory
WINDOW = 20_000  # lines that are ordered by length together, so that a file of any size takes the same memory


class Translated(NamedTuple):
    """A translation of a line."""

    text: str
    score: float  # log-probability of the tokens and the end mark
    rank: float  # by which translations are ordered: the score after the length penalty, or -inf without an end
    limited: bool  # whether the limit of its length cut it off, or another one that ranked above it


ABSENT = Translated("", float("-inf"), float("-inf"), False)  # stands for one that was not found


class Alignment(NamedTuple):
    """Where a translation looked at its source."""

    source: list[str]  # the pieces of the source, and its end
    target: list[str]
    weights: Tensor  # [target, source]


class TranslationPipeline:
    """Translates lines.

    Args:
        models: One translator, or several with the same vocabularies whose probabilities are averaged.
        vocabularies: Their tokenizers.
        output_lengths: How long translations may become, as each of the trainings learned; the largest limit holds.
        corpus: Where the training found its text.
        shortlist: The few target words that each line may be translated into; without it, all of them. Scores are then
            probabilities among these few.
    """

    def __init__(
        self,
        models: Sequence[EncoderDecoder],
        vocabularies: Vocabularies,
        output_lengths: Sequence[OutputLengths],
        corpus: dict[str, Any] | None = None,
        shortlist: Shortlist | None = None,
    ) -> None:
        self.models = list(models)
        self.vocabularies = vocabularies
        self.output_lengths = list(output_lengths)
        self.corpus = corpus or {}
        self.shortlist = shortlist
        self.counts = TruncationCounts()  # of what could not be read or written in full
        self.read = {"source": UnknownTokens(), "target": UnknownTokens()}  # all that was translated or scored

    @property
    def device(self) -> torch.device:
        return self.models[0].device

    def __call__(self, lines: Sequence[str], searching: SearchOptions | None = None) -> list[str]:
        """The best translation of each line."""
        return [found[0].text for found in self.translate(lines, searching)]

    def translate(
        self,
        lines: Iterable[str],
        searching: SearchOptions | None = None,
        progress: Callable[[int], object] = lambda lines: None,
    ) -> Iterator[list[Translated]]:
        """Yield the best translations of each line, in the order of the lines, for each at least one.

        They are different texts, of which each has the score of its best-ranked segmentation; there may be fewer than
        `n_best`. A line without any text has one translation, the empty one, whose score is 0.

        Args:
            lines: What is translated, read some at a time, so that there may be any number of them.
            searching: How translations are looked for.
            progress: Told after each batch how many more lines are done.
        """
        refuse_string(lines, "lines")
        how, rest = searching or SearchOptions(), iter(lines)
        if self.vocabularies.target.vocab_size <= NUM_SPECIAL and not how.allow_unknown:
            raise UserError("nothing can be translated, since the target vocabulary holds nothing but special tokens")
        windows = iter(lambda: list(itertools.islice(rest, WINDOW)), [])
        return (found for some in windows for found in self.window(some, how, progress))

    @torch.inference_mode()
    def window(
        self, lines: Sequence[str], how: SearchOptions, progress: Callable[[int], object]
    ) -> list[list[Translated]]:
        """Translate lines together, those of like length in one batch."""
        sources = self.encode_sources(lines, how.max_source_length)
        found = [[Translated("", 0.0, 0.0, False)] for _ in lines]
        asked = np.array([row for row, line in enumerate(lines) if line.strip()], dtype=np.int32)
        counts = np.array([len(sources[row]) for row in asked], dtype=np.int32)
        progress(len(lines) - len(asked))
        most = max(1, CELLS // (how.beams * min(2 * how.beams, self.vocabularies.target.vocab_size)))
        for batch in buckets(counts, counts, how.batch_tokens):
            for begin in range(0, len(batch), most):
                rows = asked[batch[begin : begin + most]].tolist()
                for row, hypotheses in zip(rows, self.search([sources[row] for row in rows], how), strict=True):
                    found[row] = self.distinct(hypotheses, how.n_best)
                progress(len(rows))
        self.counts.translations += len(lines)
        self.counts.limited += sum(best[0].limited for best in found)
        return found

    def encode_sources(self, lines: Sequence[str], max_length: int) -> list[list[int]]:
        """Return the ids of sources with their ends, cut after so many tokens; what is too long is counted."""
        encoded = self.vocabularies.source.encode_batch(list(lines))
        self.read["source"].add(encoded)
        longest = max(known.longest_source for known in self.output_lengths)
        self.counts.add_sources([len(ids) for ids in encoded], max_length, longest)
        return [[*ids[:max_length], EOS] for ids in encoded]

    def limits(self, sources: Sequence[Sequence[int]], how: SearchOptions) -> list[int]:
        """Return how many tokens the translations of these sources, with their ends, may have."""
        if how.max_length is not None:
            return [how.max_length] * len(sources)
        lengths = [len(ids) - 1 for ids in sources]
        return list(map(max, zip(*(known.limits(lengths) for known in self.output_lengths), strict=True)))

    def distinct(self, hypotheses: Sequence[Hypothesis], count: int) -> list[Translated]:
        """Return the first `count` different texts."""
        found: dict[str, Translated] = {}
        for ids, score, rank, ended, limited in hypotheses:
            if len(found) == count:
                break
            text = self.text(ids)
            found.setdefault(text, Translated(text, score, rank if ended else float("-inf"), limited))
        return list(found.values())

    def search(self, sources: Sequence[Sequence[int]], how: SearchOptions) -> list[list[Hypothesis]]:
        """Return the best hypotheses of each source; with several translations, more than will be needed."""
        source, device = pad(sources), self.device
        lengths = torch.tensor([len(ids) for ids in sources], device=device)
        few = None if self.shortlist is None else self.shortlist.candidates(source).to(device)
        problem: DecodingProblem[Any] = ensemble(
            [model.problem(source.to(device), lengths, few) for model in self.models]
        )
        limits = torch.tensor(self.limits(sources, how), device=device)
        if how.beams == 1:
            found = [[hypothesis] for hypothesis in greedy(problem, limits, how.allow_unknown)]
        else:
            # twice as many as are wanted, since several may be segmentations of one text
            count = 2 * how.n_best if how.n_best > 1 else 1
            options = how.beams, how.length_penalty, count, how.patience, how.threshold, how.allow_unknown
            found = beam_search(problem, limits, *options)
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

    @checked
    def score(
        self, pairs: Iterable[tuple[str, str]], max_source_length: Count = MAX_SOURCE_LENGTH
    ) -> Iterator[list[tuple[str, float]]]:
        """Yield the pieces of each given translation, its end last, with their log-probabilities.

        Args:
            pairs: Sources and their translations.
            max_source_length: Tokens of a source that are read; what is longer is cut, as it is in translating.
        """
        refuse_string(pairs, "pairs")
        return self.scored(iter(pairs), max_source_length)

    @torch.inference_mode()
    def scored(self, rest: Iterator[tuple[str, str]], max_source_length: int) -> Iterator[list[tuple[str, float]]]:
        while some := list(itertools.islice(rest, 64)):
            for pair in some:
                refuse_string(pair, "a pair")
            sources = [ids[:-1] for ids in self.encode_sources([source for source, _ in some], max_source_length)]
            targets = self.vocabularies.target.encode_batch([target for _, target in some])
            self.read["target"].add(targets)
            batch = pair_batch(sources, targets, 0)
            batch = batch._replace(**{k: v.to(self.device) for k, v in batch._asdict().items() if k != "tokens"})
            chances = torch.stack([-model.nats(batch) for model in self.models]).logsumexp(0) - np.log(len(self.models))
            if not chances.isfinite().all():
                raise UserError("nothing can be scored, since the model gives NaN or infinity for what comes next")
            for (_, target), row in zip(some, chances.tolist(), strict=True):
                pieces = [*self.vocabularies.target.pieces(target), "</s>"]
                yield list(zip(pieces, row, strict=False))

    @checked
    @torch.inference_mode()
    def align(self, source: str, target: str, max_source_length: Count = MAX_SOURCE_LENGTH) -> Alignment:
        """Return the attention of a given translation, the mean over the models, its source cut as in translating."""
        ids = self.vocabularies.source.encode(source)[:max_source_length]
        batch = pair_batch([ids], [self.vocabularies.target.encode(target)], 0)
        where = [
            model(batch.source.to(self.device), batch.lengths.to(self.device), batch.inputs.to(self.device)).weights
            for model in self.models
        ]
        return Alignment(
            [*self.vocabularies.source.pieces(source)[:max_source_length], "</s>"],
            [*self.vocabularies.target.pieces(target), "</s>"],
            torch.stack(where).mean(dim=0)[0].cpu(),
        )
