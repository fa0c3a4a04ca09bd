"""Translation and scoring of lines with one translator or an ensemble."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seq2seq.data.buckets import bucket_by_length
from seq2seq.data.output_lengths import OutputLengths
from seq2seq.data.pairs import Vocabularies, collate_pairs, pad
from seq2seq.data.translation_limits import MAX_SOURCE_LENGTH, TranslationLimits
from seq2seq.errors import UserError, refuse_string
from seq2seq.inference.shortlist import Shortlist
from seq2seq.inference.truncation_counts import TruncationCounts
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.ranges import Count, checked
from seq2seq.search import Beam, DecodingProblem, Hypothesis, Search
from seq2seq.search.ensemble import ensemble
from seq2seq.special_tokens import EOS, NUM_SPECIAL
from seq2seq.tokenizers.unknown import UnknownTokenCounts

MAX_CANDIDATES = 1 << 24  # of all beams of a batch in one step, so that wide beams do not exhaust the memory
WINDOW_LINES = 20_000  # sorted by length together, so that memory does not grow with the size of a file
SCORE_BATCH = 64  # pairs


class TranslationResult(NamedTuple):
    """A translation of a line."""

    text: str
    score: float  # log-probability of the tokens and EOS
    normalized_score: float  # score after the length penalty, by which translations are ranked; -inf without EOS
    truncated: bool  # whether the length limit cut it off, or another one that ranked above it


NO_TRANSLATION = TranslationResult(
    "", float("-inf"), float("-inf"), False
)  # a placeholder where there are fewer than `n_best`


class Alignment(NamedTuple):
    """The attention weights of a translation."""

    source: list[str]  # pieces, EOS last
    target: list[str]
    weights: Tensor  # [target, source]


class TranslationPipeline:
    """Translates lines.

    Args:
        models: One translator, or several with the same vocabularies whose probabilities are averaged.
        vocabularies: Their tokenizers.
        output_lengths: The length limits that each training learned; the largest one is used.
        corpus: The corpus of the training, as the arguments of its data.
        shortlist: Restricts the target tokens of each line; scores are then normalized over these tokens only.
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
        self.truncation_counts = TruncationCounts()
        self.unknown_tokens = {"source": UnknownTokenCounts(), "target": UnknownTokenCounts()}

    @property
    def device(self) -> torch.device:
        return self.models[0].device

    def __call__(
        self, lines: Sequence[str], search: Search = Beam(), limits: TranslationLimits = TranslationLimits()
    ) -> list[str]:
        """Return the best translation of each line."""
        return [results[0].text for results in self.translate(lines, search, limits=limits)]

    @checked
    def translate(
        self,
        lines: Iterable[str],
        search: Search = Beam(),
        n_best: Count = 1,
        limits: TranslationLimits = TranslationLimits(),
        progress: Callable[[int], object] = lambda lines: None,
    ) -> Iterator[list[TranslationResult]]:
        """Yield the best translations of each line, at least one, in the order of the lines.

        They are different texts, each with the score of its best segmentation; there may be fewer than `n_best`. A line
        without any text has one translation, the empty one, whose score is 0.

        Args:
            lines: Lines to translate, read in windows of limited size, so that they may be an endless stream.
            search: How to search, such as Beam(beams=10).
            n_best: Number of translations of each line.
            limits: Limits of lengths, and of a batch.
            progress: Called after each batch with the number of lines in it.
        """
        refuse_string(lines, "lines")
        search.check_n_best(n_best)
        if self.vocabularies.target.vocab_size <= NUM_SPECIAL and not search.allow_unknown:
            raise UserError("nothing can be translated, since the target vocabulary contains only special tokens")
        remaining = iter(lines)
        windows = iter(lambda: list(itertools.islice(remaining, WINDOW_LINES)), [])
        return (
            results for window in windows for results in self.translate_window(window, search, n_best, limits, progress)
        )

    @torch.inference_mode()
    def translate_window(
        self,
        lines: Sequence[str],
        search: Search,
        n_best: int,
        limits: TranslationLimits,
        progress: Callable[[int], object],
    ) -> list[list[TranslationResult]]:
        """Translate lines in batches of similar length."""
        sources = self.encode_sources(lines, limits.max_source_length)
        results = [[TranslationResult("", 0.0, 0.0, False)] for _ in lines]
        nonempty = np.array([row for row, line in enumerate(lines) if line.strip()], dtype=np.int32)
        lengths = np.array([len(sources[row]) for row in nonempty], dtype=np.int32)
        progress(len(lines) - len(nonempty))
        count = 2 * n_best if n_best > 1 else 1  # hypotheses of each line, since the texts of two may coincide
        for batch in bucket_by_length(lengths, lengths, limits.batch_tokens):
            rows = nonempty[batch].tolist()
            found = self.search([sources[row] for row in rows], search, count, limits.max_length)
            for row, hypotheses in zip(rows, found, strict=True):
                results[row] = self.distinct_texts(hypotheses, n_best)
            progress(len(rows))
        self.truncation_counts.translations += len(lines)
        self.truncation_counts.truncated += sum(best[0].truncated for best in results)
        return results

    def encode_sources(self, lines: Sequence[str], max_length: int) -> list[list[int]]:
        """Return the ids of sources with EOS, truncated to `max_length` tokens; count those that are too long."""
        encoded = self.vocabularies.source.encode_batch(list(lines))
        self.unknown_tokens["source"].add(encoded)
        longest = max(lengths.longest_source for lengths in self.output_lengths)
        self.truncation_counts.add_sources([len(ids) for ids in encoded], max_length, longest)
        return [[*ids[:max_length], EOS] for ids in encoded]

    def length_limits(self, sources: Sequence[Sequence[int]], max_length: int | None = None) -> list[int]:
        """Return the maximum number of tokens of the translation of each source, which ends with EOS."""
        if max_length is not None:
            return [max_length] * len(sources)
        lengths = [len(ids) - 1 for ids in sources]
        return list(map(max, zip(*(learned.limits(lengths) for learned in self.output_lengths), strict=True)))

    def distinct_texts(self, hypotheses: Sequence[Hypothesis], count: int) -> list[TranslationResult]:
        """Return the first `count` hypotheses whose texts differ."""
        results: dict[str, TranslationResult] = {}
        for ids, score, normalized_score, finished, truncated in hypotheses:
            if len(results) == count:
                break
            text = self.detokenize(ids)
            rank = normalized_score if finished else float("-inf")
            results.setdefault(text, TranslationResult(text, score, rank, truncated))
        return list(results.values())

    def search(
        self, sources: Sequence[Sequence[int]], search: Search, n_best: int = 1, max_length: int | None = None
    ) -> list[list[Hypothesis]]:
        """Return the `n_best` best hypotheses of each source, found in batches that a wide search keeps small.

        A source without any text has one hypothesis, the empty one, whose score is 0.
        """
        results = [[Hypothesis([], 0.0, 0.0, True, False)] for _ in sources]
        nonempty = [row for row, ids in enumerate(sources) if self.vocabularies.source.decode(ids).strip()]
        rows_per_sentence = search.rows_per_sentence(n_best)
        candidates = rows_per_sentence * min(2 * rows_per_sentence, self.vocabularies.target.vocab_size)
        max_sentences = max(1, MAX_CANDIDATES // candidates)
        for start in range(0, len(nonempty), max_sentences):
            rows = nonempty[start : start + max_sentences]
            found = self.search_batch([sources[row] for row in rows], search, n_best, max_length)
            for row, hypotheses in zip(rows, found, strict=True):
                results[row] = hypotheses
        return results

    def search_batch(
        self, sources: Sequence[Sequence[int]], search: Search, n_best: int, max_length: int | None
    ) -> list[list[Hypothesis]]:
        """Search for all sources at once."""
        source, device = pad(sources), self.device
        lengths = torch.tensor([len(ids) for ids in sources], device=device)
        shortlist = None if self.shortlist is None else self.shortlist.allowed_ids(source).to(device)
        problem: DecodingProblem[Any] = ensemble(
            [model.decoding_problem(source.to(device), lengths, shortlist) for model in self.models]
        )
        limits = torch.tensor(self.length_limits(sources, max_length), device=device)
        results = search(problem, limits, n_best)
        if shortlist is None:
            return results
        return [
            [hypothesis._replace(ids=token_ids[hypothesis.ids].tolist()) for hypothesis in hypotheses]
            for token_ids, hypotheses in zip(shortlist, results, strict=True)
        ]

    def detokenize(self, ids: Sequence[int]) -> str:
        """Decode ids to one line of text: newlines, which byte-level models may generate, become spaces."""
        return self.vocabularies.target.decode(ids).replace("\r", " ").replace("\n", " ")

    def report_unknown(self) -> None:
        """Report on standard error the share of unknown tokens in all that was translated or scored."""
        for side, counts in self.unknown_tokens.items():
            counts.report(f"{side} tokens")

    @checked
    def score(
        self, pairs: Iterable[tuple[str, str]], max_source_length: Count = MAX_SOURCE_LENGTH
    ) -> Iterator[list[tuple[str, float]]]:
        """Yield the pieces of each given translation, EOS last, with their log-probabilities.

        Args:
            pairs: Sources and their translations.
            max_source_length: Maximum tokens of a source; longer ones are truncated, as in `translate`.
        """
        refuse_string(pairs, "pairs")
        return self.score_batches(iter(pairs), max_source_length)

    @torch.inference_mode()
    def score_batches(
        self, pairs: Iterator[tuple[str, str]], max_source_length: int
    ) -> Iterator[list[tuple[str, float]]]:
        while chunk := list(itertools.islice(pairs, SCORE_BATCH)):
            for pair in chunk:
                refuse_string(pair, "a pair")
            sources = [ids[:-1] for ids in self.encode_sources([source for source, _ in chunk], max_source_length)]
            targets = self.vocabularies.target.encode_batch([target for _, target in chunk])
            self.unknown_tokens["target"].add(targets)
            batch = collate_pairs(sources, targets, 0)
            batch = batch._replace(**{k: v.to(self.device) for k, v in batch._asdict().items() if k != "tokens"})
            each_model = torch.stack([-model.token_nats(batch) for model in self.models])
            log_probabilities = each_model.logsumexp(0) - np.log(len(self.models))
            if not log_probabilities.isfinite().all():
                raise UserError("nothing can be scored, since the model gives NaN or infinity for the next token")
            for (_, target), row in zip(chunk, log_probabilities.tolist(), strict=True):
                pieces = [*self.vocabularies.target.pieces(target), "</s>"]
                yield list(zip(pieces, row, strict=False))

    @checked
    @torch.inference_mode()
    def align(self, source: str, target: str, max_source_length: Count = MAX_SOURCE_LENGTH) -> Alignment:
        """Return the attention weights of a given translation, averaged over the models; long sources are truncated."""
        ids = self.vocabularies.source.encode(source)[:max_source_length]
        batch = collate_pairs([ids], [self.vocabularies.target.encode(target)], 0)
        weights = [
            model(batch.source.to(self.device), batch.lengths.to(self.device), batch.inputs.to(self.device)).weights
            for model in self.models
        ]
        return Alignment(
            [*self.vocabularies.source.pieces(source)[:max_source_length], "</s>"],
            [*self.vocabularies.target.pieces(target), "</s>"],
            torch.stack(weights).mean(dim=0)[0].cpu(),
        )
