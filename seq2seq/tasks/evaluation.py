"""What `seq2seq evaluate` and `seq2seq score` give to a task, and what they get."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.search import Beam, Search

ShowProgress: TypeAlias = Callable[[str, Callable[[], int | None]], AbstractContextManager[Callable[[int], object]]]
ScoredPieces: TypeAlias = list[tuple[str, float]]  # of a line, each with its log-probability

PAIRS_NEEDED = "a translator needs --source and --target, and takes no --text"


def show_nothing(task: str, total: Callable[[], int | None]) -> AbstractContextManager[Callable[[int], object]]:
    """Return a context whose value is called with the number of lines after each batch, and does nothing."""
    return nullcontext(lambda lines: None)


@dataclass(frozen=True)
class EvaluationOptions:
    """The options of `seq2seq evaluate`; a task names those that apply to it.

    Args:
        source: File of sources.
        reference: File of references.
        text: Text file.
        corpus: Corpus with the split; by default that of the training.
        split: Split of the corpus.
        lowercase: Ignore case.
        search: How to search.
        limits: Limits of lengths.
        window: Reset the state every this many tokens.
        examples: Number of examples to show.
        progress: Shows the progress.
    """

    source: str | None = None
    reference: str | None = None
    text: str | None = None
    corpus: str | None = None
    split: str | None = None
    lowercase: bool = False
    search: Search = Beam()
    limits: TranslationLimits = TranslationLimits()
    window: int | None = None
    examples: int = 0
    progress: ShowProgress = show_nothing


class Evaluation(NamedTuple):
    """The scores of a model."""

    results: dict[str, Any]  # for --json
    text: str  # for people


class ScoringInput(NamedTuple):
    """The texts that `seq2seq score` scores: one text, or sources with their targets."""

    text: Iterator[str] | None  # lines with line ends
    sources: list[str] | None
    targets: list[str] | None
    max_source_length: int | None


def evaluate_lines(hypotheses: Sequence[str], references: Sequence[str], lowercase: bool = False) -> Evaluation:
    """Return BLEU, chrF, TER and the percentage of exact matches of some lines."""
    from seq2seq.metrics import bleu, chrf, exact_match, ter

    scores = [metric(hypotheses, references, lowercase=lowercase) for metric in (bleu, chrf, ter, exact_match)]
    return Evaluation(
        {score.name: {"score": score.value, "signature": score.signature} for score in scores},
        "\n".join(f"{score.name:<12} {score.value:6.2f}   {score.signature}" for score in scores),
    )


def evenly_spaced(rows: int, count: int) -> list[int]:
    """Return the indices of `count` rows that are evenly spaced over all rows."""
    return list(range(0, rows, max(1, rows // max(1, count))))[:count]


def format_example(pair: dict[str, str], translation: str) -> str:
    """Return three lines: a source, its translation and its reference."""
    return f"  source     {pair['source']}\n  model      {translation}\n  reference  {pair['target']}"
