"""What a run has logged, as one table however often it went on."""

import csv
import math
from pathlib import Path

Row = dict[str, float]


def rows(run: Path) -> list[Row]:
    """The log of a run, whose parts are several if it went on; what a later part trained again counts once."""
    joined: list[Row] = []
    versions = sorted((run / "logs").glob("version_*/metrics.csv"), key=lambda path: int(path.parent.name[8:]))
    for version in versions:
        with version.open(encoding="utf-8", newline="") as file:
            part = [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]
        first = min((row["tokens"] for row in part if "tokens" in row), default=math.inf)
        joined = [row for row in joined if row.get("tokens", math.inf) < first or not part] + part
    return joined
