"""How time and memory grow with length, batch, width, vocabulary, beam and corpus."""

from collections.abc import Callable
from functools import partial

from benchmarks import corpus_memory
from benchmarks.children import child, once
from benchmarks.contest import in_turns
from benchmarks.figure import Growth, Section
from benchmarks.growing import memory, time
from benchmarks.growth_series import MEMORY, TIMES, Series, shortened
from benchmarks.progress import tell
from benchmarks.setting import Setting

CORPUS = (1, 4, 16, 64)  # megabytes


def measure(setting: Setting) -> Section:
    """Every series; its points in turns."""
    growths = [
        *(timed(series, setting) for series in shortened(TIMES, setting)),
        *(held(series, setting) for series in shortened(MEMORY, setting)),
        *with_corpus(setting),
    ]
    notes = [
        "The slope is that of a line through the logarithms: 1 for what doubles with each doubling, 0 for what stays.",
        "Times are the least of three, in turns: what disturbs a run only makes it longer.",
        "Memory is what the process holds beyond what it held before the step, each point in a process of its own.",
    ]
    return Section("Growth", [], notes, growths)


def timed(series: Series, setting: Setting) -> Growth:
    tell(f"  {series.what}, {series.along}")
    cases = {str(value): series.case._replace(**{series.field: value}) for value in series.values}
    with child(setting) as call:
        found = in_turns({value: partial(call, time, case) for value, case in cases.items()}, 2 if setting.quick else 3)
    points = [(float(value), min(times)) for value, times in found.items()]  # the least disturbed
    return Growth(f"time of {series.what}", series.along, "s", points, series.expected, series.pictured)


def held(series: Series, setting: Setting) -> Growth:
    tell(f"  {series.what}, {series.along}")
    cases = {value: series.case._replace(**{series.field: value}) for value in series.values}
    points = [(float(value), max(1, once(setting, memory, case)) / 2**20) for value, case in cases.items()]
    return Growth(series.what, series.along, "MiB", points, series.expected, series.pictured)


def with_corpus(setting: Setting) -> list[Growth]:
    """Reading a text in, training on it, and the memory of both."""
    outcomes = {}
    for size in (0.01, 0.02) if setting.quick else CORPUS:
        outcomes[float(size)] = corpus_memory.of_size("text", int(size * 1e6), "", setting)

    def growth(what: str, unit: str, value: Callable[[corpus_memory.Outcome], float], expected: str) -> Growth:
        points = [(size, value(outcome)) for size, outcome in outcomes.items()]
        return Growth(what, "corpus, MB", unit, points, expected, True)

    return [
        growth("time of reading a text in", "s", lambda o: o.reading, "1"),
        growth("time of a step", "s", lambda o: o.step, "0"),
        growth("memory while it trains", "MiB", lambda o: max(1, o.trained) / 2**20, "0"),
    ]
