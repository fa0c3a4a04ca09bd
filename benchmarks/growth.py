"""Measure how time and memory grow with length, batch, width, vocabulary, beam and corpus."""

from collections.abc import Callable
from functools import partial

from benchmarks import corpus_memory
from benchmarks.children import run_in_process, worker_process
from benchmarks.figure import Growth, Section
from benchmarks.growing import measure_memory, measure_time
from benchmarks.growth_series import MEMORY_SERIES, TIME_SERIES, Series, select_series
from benchmarks.interleaved import run_interleaved
from benchmarks.progress import print_progress
from benchmarks.setting import Setting

CORPUS_MEGABYTES = (1, 4, 16, 64)


def measure(setting: Setting) -> Section:
    """Measure every series; the points of a series are measured in interleaved rounds."""
    growths = [
        *(time_growth(series, setting) for series in select_series(TIME_SERIES, setting)),
        *(memory_growth(series, setting) for series in select_series(MEMORY_SERIES, setting)),
        *corpus_growth(setting),
    ]
    notes = [
        "The slope is that of a line through the logarithms: 1 for proportional growth, 0 for no growth.",
        "Times are the least of three interleaved runs, since disturbances only make a run longer.",
        "Memory is the increase over that before the step, with a separate process for each point.",
    ]
    return Section("Growth", [], notes, growths)


def time_growth(series: Series, setting: Setting) -> Growth:
    print_progress(f"  {series.name}, {series.variable}")
    cases = {str(value): series.case._replace(**{series.field: value}) for value in series.values}
    with worker_process(setting) as call:
        times_by_value = run_interleaved(
            {value: partial(call, measure_time, case) for value, case in cases.items()}, 2 if setting.quick else 3
        )
    points = [(float(value), min(times)) for value, times in times_by_value.items()]  # the least disturbed run
    return Growth(f"time of {series.name}", series.variable, "s", points, series.expected, series.plotted)


def memory_growth(series: Series, setting: Setting) -> Growth:
    print_progress(f"  {series.name}, {series.variable}")
    cases = {value: series.case._replace(**{series.field: value}) for value in series.values}
    points = [
        (float(value), max(1, run_in_process(setting, measure_memory, case)) / 2**20) for value, case in cases.items()
    ]
    return Growth(series.name, series.variable, "MiB", points, series.expected, series.plotted)


def corpus_growth(setting: Setting) -> list[Growth]:
    """Measure loading a text and training on it, for several sizes of the text."""
    costs = {}
    for size in (0.01, 0.02) if setting.quick else CORPUS_MEGABYTES:
        costs[float(size)] = corpus_memory.measure_corpus("text", int(size * 1e6), "", setting)

    def make_growth(name: str, unit: str, value: Callable[[corpus_memory.CorpusCost], float], expected: str) -> Growth:
        points = [(size, value(cost)) for size, cost in costs.items()]
        return Growth(name, "corpus, MB", unit, points, expected, True)

    return [
        make_growth("time of reading a text in", "s", lambda cost: cost.load_seconds, "1"),
        make_growth("time of a step", "s", lambda cost: cost.step_seconds, "0"),
        make_growth("memory while it trains", "MiB", lambda cost: max(1, cost.training_memory) / 2**20, "0"),
    ]
