"""Results of all trials: one result per layer, best first."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seq2seq import runs
from seq2seq.comparison.curves import CurvePoint, best_value, learning_curve
from seq2seq.comparison.generation import GenerationCost
from seq2seq.comparison.plan import Plan, Variant
from seq2seq.comparison.records import read_record
from seq2seq.comparison.trials import Outcome, run_folder
from seq2seq.ranges import NonNegative


class Summary(NamedTuple):
    """The cost of a finished training."""

    seconds: NonNegative
    tokens: NonNegative
    peak_memory: NonNegative | None = None  # unknown on some systems, and if it was stopped after its last step


class Trial(NamedTuple):
    """A training of one variant with one seed."""

    seed: int
    outcome: Outcome
    value: float  # the best validation; NaN unless it finished
    seconds: float
    tokens: float
    peak_memory: float
    curve: list[CurvePoint]


class Score(NamedTuple):
    """The mean over seeds, and the sample standard deviation, which is None for one seed."""

    name: str
    mean: float
    spread: float | None


class Result(NamedTuple):
    """All trials of one variant."""

    variant: Variant
    trials: list[Trial]
    generation: list[GenerationCost]
    note: str = ""  # why generation was not measured

    @property
    def finished(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.outcome.status == "finished"]

    @property
    def score(self) -> Score:
        values = [trial.value for trial in self.finished]
        return Score(self.variant.entry, mean(values), statistics.stdev(values) if len(values) > 1 else None)

    @property
    def tokens_per_second(self) -> float:
        return mean([trial.tokens / trial.seconds for trial in self.finished if trial.seconds])

    @property
    def seconds(self) -> float:
        return mean([trial.seconds for trial in self.finished])

    @property
    def peak_memory(self) -> float:
        return max((trial.peak_memory for trial in self.finished if trial.peak_memory >= 0), default=math.nan)

    @property
    def problems(self) -> list[str]:
        """Descriptions of the trials that did not finish."""
        return [
            f"seed {seed} failed: {outcome.sentence}"
            if outcome.status == "failed"
            else f"seed {seed} diverged" + ("" if outcome.step is None else f" at step {outcome.step:,}")
            for seed, outcome, *_ in self.trials
            if outcome.status != "finished"
        ]


def mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else math.nan


def load_trial(seed: int, outcome: Outcome, folder: Path, name: str, metric: str) -> Trial:
    """Load a trial from the folder of its run."""
    run = run_folder(folder, name)
    points = learning_curve(run, metric) if run is not None else []
    if outcome.status != "finished" or run is None:
        last = points[-1] if points else CurvePoint(0, 0.0, math.nan, math.nan)
        return Trial(seed, outcome, math.nan, last.seconds, last.tokens, math.nan, points)
    summary: Summary = read_record(run / runs.FINISHED, Summary, other_fields=True)
    value = best_value(points, metric)
    if math.isnan(value) or not math.isfinite(points[-1].value):
        step = next((point.step for point in points if not math.isfinite(point.value)), None)
        outcome = Outcome("diverged" if points else "failed", step, f"no finite {metric} was logged")
        value = math.nan
    peak_memory = math.nan if summary.peak_memory is None else summary.peak_memory
    return Trial(seed, outcome, value, summary.seconds, summary.tokens, peak_memory, points)


def sort_results(results: Sequence[Result], plan: Plan) -> list[Result]:
    """Sort results best first, and last those without a finished trial."""
    sign = -1 if plan.metric == "val_bleu" else 1
    return sorted(results, key=lambda result: (math.isnan(result.score.mean), sign * result.score.mean))
