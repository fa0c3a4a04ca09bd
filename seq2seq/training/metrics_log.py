"""What a run logs: written for as long as the disk takes it, and read as one table however often the run went on."""

import csv
import io
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seq2seq.checkpoint import folder_of
from seq2seq.errors import UserError, reason
from seq2seq.storage import DISK_ERRORS
from seq2seq.training.checkpoints import last_good

Row = dict[str, float]


def rows(run: Path) -> list[Row]:
    """The log of a run, whose parts are several if it went on; what a later part trained again counts once."""
    joined: list[Row] = []
    versions = sorted((run / "logs").glob("version_*/metrics.csv"), key=lambda path: int(path.parent.name[8:]))
    for version in versions:
        text = version.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]  # a process that was killed may have left half a line
        table = csv.DictReader(io.StringIO(whole))
        part = [{key: float(value) for key, value in row.items() if value} for row in table]
        first = min((row["tokens"] for row in part if "tokens" in row), default=math.inf)
        joined = [row for row in joined if row.get("tokens", math.inf) < first or not part] + part
    return joined


@contextmanager
def logging_to(run: Path) -> Iterator[None]:
    """Raise a UserError where a logger cannot write into the folder of a run, as with a full disk.

    TensorBoard writes in a thread, whose error is not printed, since the next write of this one raises it again.
    """
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if not (isinstance(args.exc_value, OSError) and args.exc_value.errno in DISK_ERRORS):
            before(args)

    threading.excepthook = hook
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        raise UserError(f"cannot write to {run}: {reason(error)}; {last_good(folder_of(run))}") from error
    finally:
        threading.excepthook = before
