"""The series of the growth benchmark: one variable changes, with the expected slope."""

from typing import NamedTuple

from benchmarks.growing import Case
from benchmarks.setting import Setting


class Series(NamedTuple):
    """A quantity as a function of one field of a case."""

    name: str
    variable: str  # display name of the field
    field: str
    values: tuple[int, ...]
    expected: str
    case: Case
    plotted: bool = False


def geometric_values(first: int, last: int, factor: int = 2) -> tuple[int, ...]:
    values = [first]
    while values[-1] * factor <= last:
        values.append(values[-1] * factor)
    return tuple(values)


LANGUAGE_CASE, TRANSLATOR_CASE, DECODING_CASE = (
    Case("language"),
    Case("translator", length=16),
    Case("decoding", length=16, batch=8),
)
TIME_SERIES = (
    Series(
        "a language model's step",
        "length",
        "length",
        geometric_values(16, 1024),
        "1",
        LANGUAGE_CASE._replace(width=128),
        True,
    ),
    Series(
        "a translator's step",
        "length",
        "length",
        geometric_values(16, 1024),
        "1; towards 2 where attention is all",
        TRANSLATOR_CASE._replace(width=128, batch=4),
        True,
    ),
    Series(
        "translating with beam 5",
        "length",
        "length",
        geometric_values(8, 256),
        "1; towards 2 where attention is all",
        DECODING_CASE._replace(width=128, batch=4),
        True,
    ),
    Series("a language model's step", "batch", "batch", geometric_values(1, 128), "below 1, towards 1", LANGUAGE_CASE),
    Series("a translator's step", "batch", "batch", geometric_values(1, 128), "below 1, towards 1", TRANSLATOR_CASE),
    Series("a language model's step", "width", "width", geometric_values(64, 1024), "towards 2", LANGUAGE_CASE),
    Series(
        "a translator's step",
        "width",
        "width",
        geometric_values(64, 1024),
        "towards 2",
        TRANSLATOR_CASE._replace(batch=4),
    ),
    Series(
        "a language model's step",
        "vocabulary",
        "vocabulary",
        geometric_values(1000, 64000),
        "towards 1",
        LANGUAGE_CASE._replace(length=16),
        True,
    ),
    Series(
        "a translator's step",
        "vocabulary",
        "vocabulary",
        geometric_values(1000, 64000),
        "towards 1",
        TRANSLATOR_CASE,
        True,
    ),
    Series(
        "translating with beam 5",
        "vocabulary",
        "vocabulary",
        geometric_values(1000, 64000),
        "towards 1",
        DECODING_CASE,
        True,
    ),
    Series("translating", "beam", "beams", geometric_values(1, 32), "below 1, towards 1", DECODING_CASE),
)
MEMORY_SERIES = (
    Series("memory of a language model's step", "length", "length", geometric_values(64, 4096, 4), "1", LANGUAGE_CASE),
    Series(
        "memory of a translator's step",
        "vocabulary",
        "vocabulary",
        geometric_values(4000, 64000, 4),
        "1",
        TRANSLATOR_CASE,
    ),
)


def select_series(all_series: tuple[Series, ...], setting: Setting) -> list[Series]:
    """Return all series on the chosen device; in a quick run two points of a tiny case each."""
    if not setting.quick:
        return [series._replace(case=series.case._replace(device=setting.device)) for series in all_series]
    tiny = Case("", length=4, batch=2, width=16, vocabulary=100, beams=2, device=setting.device)
    selected = []
    for series in all_series:
        first = max(1, series.values[0] // 4)
        selected.append(series._replace(values=(first, 2 * first), case=tiny._replace(kind=series.case.kind)))
    return selected
