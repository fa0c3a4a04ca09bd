"""What is changed, everything else left as it is, and what one would expect to come of it."""

from typing import NamedTuple

from benchmarks.growing import Case
from benchmarks.setting import Setting


class Series(NamedTuple):
    """What grows with one number of a case."""

    what: str
    along: str  # for people
    field: str
    values: tuple[int, ...]
    expected: str
    case: Case
    pictured: bool = False


def doublings(first: int, last: int, factor: int = 2) -> tuple[int, ...]:
    found = [first]
    while found[-1] * factor <= last:
        found.append(found[-1] * factor)
    return tuple(found)


TEXT, SENTENCES, DECODING = Case("language"), Case("translator", length=16), Case("decoding", length=16, batch=8)
TIMES = (
    Series("a language model's step", "length", "length", doublings(16, 1024), "1", TEXT._replace(width=128), True),
    Series(
        "a translator's step",
        "length",
        "length",
        doublings(16, 1024),
        "1; towards 2 where attention is all",
        SENTENCES._replace(width=128, batch=4),
        True,
    ),
    Series(
        "translating with beam 5",
        "length",
        "length",
        doublings(8, 256),
        "1; towards 2 where attention is all",
        DECODING._replace(width=128, batch=4),
        True,
    ),
    Series("a language model's step", "batch", "batch", doublings(1, 128), "below 1, towards 1", TEXT),
    Series("a translator's step", "batch", "batch", doublings(1, 128), "below 1, towards 1", SENTENCES),
    Series("a language model's step", "width", "width", doublings(64, 1024), "towards 2", TEXT),
    Series("a translator's step", "width", "width", doublings(64, 1024), "towards 2", SENTENCES._replace(batch=4)),
    Series(
        "a language model's step",
        "vocabulary",
        "vocabulary",
        doublings(1000, 64000),
        "towards 1",
        TEXT._replace(length=16),
        True,
    ),
    Series("a translator's step", "vocabulary", "vocabulary", doublings(1000, 64000), "towards 1", SENTENCES, True),
    Series("translating with beam 5", "vocabulary", "vocabulary", doublings(1000, 64000), "towards 1", DECODING, True),
    Series("translating", "beam", "beams", doublings(1, 32), "below 1, towards 1", DECODING),
)
MEMORY = (
    Series("memory of a language model's step", "length", "length", doublings(64, 4096, 4), "1", TEXT),
    Series("memory of a translator's step", "vocabulary", "vocabulary", doublings(4000, 64000, 4), "1", SENTENCES),
)


def shortened(every: tuple[Series, ...], setting: Setting) -> list[Series]:
    """For a quick look, two points of a small case."""
    if not setting.quick:
        return [series._replace(case=series.case._replace(device=setting.device)) for series in every]
    tiny = Case("", length=4, batch=2, width=16, vocabulary=100, beams=2, device=setting.device)
    found = []
    for series in every:
        first = max(1, series.values[0] // 4)
        found.append(series._replace(values=(first, 2 * first), case=tiny._replace(kind=series.case.kind)))
    return found
