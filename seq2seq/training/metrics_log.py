"""The metrics of a run: read the logs of all its resumes as one table, and report errors of writing them."""

import csv
import io
import math
import re
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from seq2seq.checkpoint import checkpoint_folder
from seq2seq.errors import UserError, reason, system_errors
from seq2seq.ranges import shorten
from seq2seq.storage import DISK_ERRORS, check_regular
from seq2seq.training.checkpoints import describe_last_checkpoint

Row = dict[str, float]
VERSION_FOLDER = re.compile(r"version_(\d+)")


class CurvePoint(NamedTuple):
    """One validation of a run."""

    step: int  # optimizer steps before it
    tokens: float  # target tokens trained on before it
    seconds: float  # of training before it
    value: float


def read_metrics(run: Path) -> list[Row]:
    """Return all logged metrics of a run, one dict for each row; steps repeated after a resume appear once.

    Raises:
        UserError: if a log is damaged.
    """
    metrics: list[Row] = []
    for version in log_versions(run):
        path = run / "logs" / f"version_{version}" / "metrics.csv"
        rows = read_log(path) if path.exists() else []
        first_tokens = min((row["tokens"] for row in rows if "tokens" in row), default=math.inf)
        metrics = [row for row in metrics if row.get("tokens", math.inf) < first_tokens or not rows] + rows
    return metrics


def learning_curve(run: Path, metric: str) -> list[CurvePoint]:
    """Return the validations of a run, in order."""
    validations = [row for row in read_metrics(run) if metric in row and "tokens" in row]
    return [CurvePoint(int(row["step"]) + 1, row["tokens"], row["seconds"], row[metric]) for row in validations]


def seconds_per_step(run: Path) -> float | None:
    """Return the seconds per step, without the slow first quarter of the steps."""
    times = [(row["step"] + 1, row["seconds"]) for row in read_metrics(run) if "seconds" in row]
    steady = [(0.0, 0.0), *times][(len(times) + 1) // 4 :]
    return statistics.linear_regression(*zip(*steady, strict=True)).slope if times else None


def log_versions(run: Path) -> list[int]:
    """Return the numbers of the logs of a run, one for each time it was started or resumed, oldest first."""
    with system_errors(f"cannot read {run / 'logs'}"):
        names = [VERSION_FOLDER.fullmatch(path.name) for path in (run / "logs").glob("version_*")]
    return sorted(int(name[1]) for name in names if name)


def read_log(path: Path) -> list[Row]:
    """Return the rows of a metrics.csv without empty values; raise a UserError that names the first damaged line."""
    check_regular(path)
    with system_errors(f"cannot read {path}"):
        content = path.read_bytes()
    complete_lines = content[: content.rfind(b"\n") + 1]  # a process that was killed may have left half a line
    try:
        table = csv.DictReader(io.StringIO(complete_lines.decode()))
    except UnicodeDecodeError as error:
        line = complete_lines.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path} is damaged: line {line} is not UTF-8") from error
    rows = []
    try:
        for row in table:
            rows.append(parse_row(row))
    except UserError as error:
        raise UserError(f"{path} is damaged: line {table.line_num} {error}") from error
    except csv.Error as error:  # in the line after the last one that was read
        raise UserError(f"{path} is damaged: line {table.line_num + 1} must have comma-separated numbers") from error
    return rows


def parse_row(row: dict[str, str]) -> Row:
    """Return the values of a row as numbers; raise a UserError, which continues "line N", if it is damaged."""
    if None in row or None in row.values():  # csv.DictReader has these for surplus and missing values
        raise UserError("must have one value for each column of the first line")
    try:
        metrics = {key: float(value) for key, value in row.items() if value}
    except ValueError as error:
        raise UserError(f"must have numbers: {shorten(error)}") from error
    step = metrics.get("step", math.nan)
    if not (step >= 0 and step.is_integer()):
        raise UserError("must have a whole number as its step")
    if "tokens" in metrics and "seconds" not in metrics:
        raise UserError("must have seconds, since it has tokens")
    for name in ("tokens", "seconds"):
        if not 0 <= metrics.get(name, 0) < math.inf:
            raise UserError(f"must have {name} that are at least 0 and finite, not {metrics[name]}")
    return metrics


@contextmanager
def logger_errors(run: Path) -> Iterator[None]:
    """Raise a UserError if a logger cannot write into the folder of a run, for example because the disk is full.

    TensorBoard writes in a thread, whose traceback is suppressed, since the next write of this thread raises it again.
    """
    previous_hook = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if not (isinstance(args.exc_value, OSError) and args.exc_value.errno in DISK_ERRORS):
            previous_hook(args)

    threading.excepthook = hook
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        raise UserError(
            f"cannot write to {run}: {reason(error)}; {describe_last_checkpoint(checkpoint_folder(run))}"
        ) from error
    finally:
        threading.excepthook = previous_hook
