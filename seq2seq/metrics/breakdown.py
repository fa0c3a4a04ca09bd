"""Scores of parts of a test set: by length, by unknown tokens, and of words by their frequency in training."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from seq2seq.metrics.lines import Metrics, References, first_references, score_lines

Property: TypeAlias = Literal["length", "unknown", "frequency"]

_PARTS = 6  # into which lines are divided by length
_MANY = 3  # unknown tokens from which lines are not told apart
# the first count of each class of words
_FREQUENCIES = (0, 1, 2, 5, 10, 100, 1000, 10_000)


class Breakdown(NamedTuple):
    """A table of scores, with a row for each part of a test set."""

    title: str
    part: str  # what the parts are, as the heading of their column
    columns: tuple[str, ...]
    rows: dict[str, tuple[float, ...]]


def break_down_lines(
    title: str,
    part: str,
    parts: Mapping[str, Sequence[int]],
    hypotheses: Sequence[str],
    references: References,
    metrics: Metrics,
) -> Breakdown:
    """Return the number of lines and the scores of each part of some lines.

    Args:
        title: Title of the table.
        part: What the parts are.
        parts: The indices of the lines of each part.
        hypotheses: The lines.
        references: One reference for each line, or several as a list.
        metrics: The metrics and their settings.
    """
    rows: dict[str, tuple[float, ...]] = {}
    columns: tuple[str, ...] = ()
    for label, lines in parts.items():
        scores = score_lines([hypotheses[line] for line in lines], [references[line] for line in lines], metrics)
        columns = ("lines", *(score.name for score in scores))
        rows[label] = (len(lines), *(score.value for score in scores))
    return Breakdown(title, part, columns, rows)


def parts_by_length(lengths: Sequence[int]) -> dict[str, list[int]]:
    """Return up to six ranges of lengths with about equally many lines each, such as 5-9, and their lines."""
    ends = sorted({int(end) for end in np.quantile(lengths, np.linspace(0, 1, _PARTS + 1)[1:], method="higher")})
    starts = [min(lengths), *(end + 1 for end in ends)]
    return {
        str(end) if start == end else f"{start}-{end}": [
            line for line, length in enumerate(lengths) if start <= length <= end
        ]
        for start, end in zip(starts, ends, strict=False)
    }


def parts_by_count(counts: Sequence[int]) -> dict[str, list[int]]:
    """Return the numbers of unknown tokens 0, 1, 2 and 3+ that occur, and the indices of their lines."""
    capped = [min(count, _MANY) for count in counts]
    return {
        str(count) if count < _MANY else f"{count}+": [line for line, other in enumerate(capped) if other == count]
        for count in sorted(set(capped))
    }


def break_down_words(
    hypotheses: Sequence[str],
    references: References,
    training: Iterable[str],
    split: Callable[[str], Iterable[str]],
    lowercase: bool = False,
) -> Breakdown:
    """Return precision, recall and F-score of words by their number of occurrences in the training targets.

    A word of a line is right if its first reference has it, as often as there (Neubig et al., 2019).

    Args:
        hypotheses: The lines.
        references: One reference for each line, or several as a list, of which the first is used.
        training: The training targets.
        split: Returns the words of a line.
        lowercase: Ignore case.
    """

    def words(line: str) -> Counter[str]:
        return Counter(split(line.lower() if lowercase else line))

    found = [words(line) for line in hypotheses]
    wanted = [words(line) for line in first_references(references)]
    counts = count_words(map(words, training), set().union(*found, *wanted))
    names = _frequency_names()
    totals = {name: np.zeros(3) for name in names}  # of references, of hypotheses, right
    for ours, theirs in zip(found, wanted, strict=True):
        for word in ours.keys() | theirs.keys():
            name = names[int(np.searchsorted(_FREQUENCIES, counts.get(word, 0), side="right")) - 1]
            totals[name] += theirs[word], ours[word], min(theirs[word], ours[word])
    rows: dict[str, tuple[float, ...]] = {}
    for name, (reference, hypothesis, right) in totals.items():
        if reference or hypothesis:
            precision, recall = _percent(right, hypothesis), _percent(right, reference)
            rows[name] = (int(reference), precision, recall, _percent(2 * right, reference + hypothesis))
    columns = ("words", "precision", "recall", "F1")
    return Breakdown("by frequency of the target's words", "times in training", columns, rows)


def count_words(lines: Iterable[Mapping[str, int]], known: set[str]) -> dict[str, int]:
    """Return how often each of some words occurs in lines, in memory for these words only."""
    counts: dict[str, int] = dict.fromkeys(known, 0)
    for line in lines:
        for word, count in line.items():
            if word in counts:
                counts[word] += count
    return counts


def _frequency_names() -> list[str]:
    ends = [start - 1 for start in _FREQUENCIES[1:]]
    ranges = zip(_FREQUENCIES, ends, strict=False)
    names = [f"{start:,}" if start == end else f"{start:,}-{end:,}" for start, end in ranges]
    return [*names, f"{_FREQUENCIES[-1]:,}+"]


def _percent(part: float, whole: float) -> float:
    return 100 * float(part) / float(whole) if whole else 0.0
