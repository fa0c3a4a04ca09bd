"""What `seq2seq evaluate` and `seq2seq score` give to a task, and what they get."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from seq2seq.data.text import read_lines
from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.errors import UserError
from seq2seq.search import Beam, Search

if TYPE_CHECKING:
    from seq2seq.metrics import Metrics
    from seq2seq.metrics.breakdown import Breakdown
    from seq2seq.metrics.lines import References

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
        reference: Files of references.
        text: Text file.
        corpus: Corpus with the split; by default that of the training.
        split: Split of the corpus.
        metrics: Names of the metrics of translations; None for the default ones.
        tokenize: Tokenizer of BLEU; None to choose it by the script of the references.
        lowercase: Ignore case.
        by: Property by which the scores are broken down; None for none.
        bootstrap: Number of bootstrap resamples; 0 for none.
        against: Pipelines of other systems, by name, that are compared with this one.
        name: Name of this system in such a comparison.
        search: How to search.
        limits: Limits of lengths.
        window: Reset the state every this many tokens.
        examples: Number of examples to show.
        progress: Shows the progress.
    """

    source: str | None = None
    reference: Sequence[str] = ()
    text: str | None = None
    corpus: str | None = None
    split: str | None = None
    metrics: tuple[Any, ...] | None = None
    tokenize: Any = None
    lowercase: bool = False
    by: Any = None
    bootstrap: int = 0
    against: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    search: Search = Beam()
    limits: TranslationLimits = TranslationLimits()
    window: int | None = None
    examples: int = 0
    progress: ShowProgress = show_nothing


class Evaluation(NamedTuple):
    """The scores of a model."""

    results: dict[str, Any]  # for --json
    text: str  # for people
    breakdown: "Breakdown | None" = None


class ScoringInput(NamedTuple):
    """The texts that `seq2seq score` scores: one text, or sources with their targets."""

    text: Iterator[str] | None  # lines with line ends
    sources: list[str] | None
    targets: list[str] | None
    max_source_length: int | None


def evaluate_lines(
    systems: Mapping[str, Sequence[str]], references: "References", metrics: "Metrics", resamples: int = 0
) -> Evaluation:
    """Return the scores of the lines of one system, or compare those of several with the first of them.

    Args:
        systems: The lines of each system, by its name.
        references: One reference for each line, or several as a list.
        metrics: The metrics and their settings.
        resamples: Number of bootstrap resamples; 0 for none, which only one system may have.
    """
    if resamples:
        return _compare_lines(systems, references, metrics, resamples)
    from seq2seq.metrics import score_lines

    [lines] = systems.values()
    scores = score_lines(lines, references, metrics)
    return Evaluation(
        {score.name: {"score": score.value, "signature": score.signature} for score in scores},
        "\n".join(f"{score.name:<10} {score.value:6.2f}   {score.signature}" for score in scores),
    )


def _compare_lines(
    systems: Mapping[str, Sequence[str]], references: "References", metrics: "Metrics", resamples: int
) -> Evaluation:
    from seq2seq.metrics.bootstrap import compare_lines, conclude

    comparisons = compare_lines(systems, references, metrics, resamples)
    conclusions = conclude(comparisons)
    results: dict[str, Any] = {}
    lines = []
    for comparison in comparisons:
        estimates = [estimate._asdict() for estimate in comparison.estimates.values()]
        scores = [f"{estimate.score:6.2f} ± {estimate.half_width:.2f}" for estimate in comparison.estimates.values()]
        results[comparison.name] = {"signature": comparison.signature}
        if len(systems) == 1:
            results[comparison.name] |= estimates[0]
            lines.append(f"{comparison.name:<10} {scores[0]}   {comparison.signature}")
            continue
        results[comparison.name]["systems"] = dict(zip(systems, estimates, strict=True))
        lines.append(f"{comparison.name:<10}   {comparison.signature}")
        width = max(map(len, systems))
        for (system, estimate), score in zip(comparison.estimates.items(), scores, strict=True):
            chance = "" if estimate.p_value is None else f"   p = {estimate.p_value:.3f}"
            lines.append(f"  {system:<{width}}  {score}{chance}")
    if conclusions:
        results["conclusions"] = conclusions
        lines += ["", *conclusions]
    return Evaluation(results, "\n".join(lines))


def read_references(paths: Sequence[str], lines_of: str, count: int) -> list[tuple[str, ...]]:
    """Return the references of each line, one from each of some files.

    Args:
        paths: The files.
        lines_of: The file with the lines, for errors.
        count: Number of lines.
    """
    files = [list(read_lines(path)) for path in paths]
    for path, lines in zip(paths, files, strict=True):
        if len(lines) != count:
            raise UserError(f"every line needs a reference: {lines_of} has {count} lines and {path} {len(lines)}")
    return list(zip(*files, strict=True))


def evenly_spaced(rows: int, count: int) -> list[int]:
    """Return the indices of `count` rows that are evenly spaced over all rows."""
    return list(range(0, rows, max(1, rows // max(1, count))))[:count]


def format_example(pair: dict[str, str], translation: str) -> str:
    """Return three lines: a source, its translation and its reference."""
    return f"  source     {pair['source']}\n  model      {translation}\n  reference  {pair['target']}"
