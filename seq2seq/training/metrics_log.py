"""The metrics of a run: read the logs of all its resumes as one table, and report errors of writing them."""

import csv
import io
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seq2seq.checkpoint import checkpoint_folder
from seq2seq.errors import UserError, reason
from seq2seq.storage import DISK_ERRORS
from seq2seq.training.checkpoints import describe_last_checkpoint

Row = dict[str, float]


def read_metrics(run: Path) -> list[Row]:
    """Return all logged metrics of a run, one dict for each row; steps repeated after a resume appear once."""
    metrics: list[Row] = []
    versions = sorted((run / "logs").glob("version_*/metrics.csv"), key=lambda path: int(path.parent.name[8:]))
    for version in versions:
        text = version.read_text(encoding="utf-8")
        complete_lines = text[: text.rfind("\n") + 1]  # a process that was killed may have left half a line
        table = csv.DictReader(io.StringIO(complete_lines))
        rows = [{key: float(value) for key, value in row.items() if value} for row in table]
        first_tokens = min((row["tokens"] for row in rows if "tokens" in row), default=math.inf)
        metrics = [row for row in metrics if row.get("tokens", math.inf) < first_tokens or not rows] + rows
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
