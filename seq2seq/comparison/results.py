"""What came out of all trials, brought together: one result for each layer, best first."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seq2seq.comparison.curves import Point, best, curve
from seq2seq.comparison.measures import Generation
from seq2seq.comparison.plan import Plan, Variant
from seq2seq.comparison.trials import Outcome, run_of
from seq2seq.storage import read_json
from seq2seq.training import runs


class Trial(NamedTuple):
    """A training of one layer with one seed."""

    seed: int
    outcome: Outcome
    value: float  # its best validation; nan unless it finished
    seconds: float
    tokens: float
    peak_memory: float
    curve: list[Point]


class Result(NamedTuple):
    """All trainings of one layer."""

    variant: Variant
    trials: list[Trial]
    generation: list[Generation]
    note: str = ""  # why there is no measure of generation

    @property
    def finished(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.outcome.status == "finished"]

    @property
    def mean(self) -> float:
        return mean([trial.value for trial in self.finished])

    @property
    def spread(self) -> float | None:
        """The sample standard deviation over seeds; None for less than two."""
        values = [trial.value for trial in self.finished]
        return statistics.stdev(values) if len(values) > 1 else None

    @property
    def tokens_per_second(self) -> float:
        return mean([trial.tokens / trial.seconds for trial in self.finished if trial.seconds])

    @property
    def seconds(self) -> float:
        return mean([trial.seconds for trial in self.finished])

    @property
    def peak_memory(self) -> float:
        peaks = [trial.peak_memory for trial in self.finished if math.isfinite(trial.peak_memory)]
        return max(peaks, default=math.nan)

    @property
    def troubles(self) -> list[str]:
        """What happened to the trials that did not finish."""
        return [f"seed {trial.seed} {trouble(trial.outcome)}" for trial in self.trials if trial not in self.finished]


def trouble(outcome: Outcome) -> str:
    if outcome.status == "diverged":
        return f"diverged at step {outcome.step:,}" if outcome.step is not None else "diverged"
    return f"failed: {outcome.sentence}"


def mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else math.nan


def trial_of(seed: int, ended: Outcome, folder: Path, name: str, metric: str) -> Trial:
    """What a trial has left in its folder."""
    run = run_of(folder, name)
    points = curve(run, metric) if run is not None else []
    if ended.status != "finished" or run is None:
        last = points[-1] if points else Point(0, 0.0, math.nan, math.nan)
        return Trial(seed, ended, math.nan, last.seconds, last.tokens, math.nan, points)
    held = read_json(run / runs.FINISHED)
    value = best(points, metric)
    if math.isnan(value) or not math.isfinite(points[-1].value):
        step = next((point.step for point in points if not math.isfinite(point.value)), None)
        sentence = f"no {metric} that is a finite number was logged"
        ended = Outcome("diverged", step, sentence) if points else Outcome("failed", None, sentence)
        value = math.nan
    # a training that was stopped behind its last step does not know what it took
    peak = held.get("peak_memory")
    return Trial(seed, ended, value, held["seconds"], held["tokens"], math.nan if peak is None else peak, points)


def ordered(results: Sequence[Result], plan: Plan) -> list[Result]:
    """Best first; those of which no trial finished last."""
    sign = -1 if plan.metric == "val_bleu" else 1
    return sorted(results, key=lambda result: (math.isnan(result.mean), sign * result.mean))
