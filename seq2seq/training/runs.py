"""Folders of runs: runs/NAME/1, runs/NAME/2, ..., each with its configuration, logs and checkpoints."""

import json
from pathlib import Path
from typing import Any

FINISHED = "finished.json"
CONFIG = "config.yaml"


def numbered(folder: Path) -> list[Path]:
    """The runs of a name, oldest first."""
    found = [path for path in folder.glob("*") if path.name.isdecimal() and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name))


def new(folder: Path) -> Path:
    """The folder of the next run, made now, so that no two runs get the same."""
    folder.mkdir(parents=True, exist_ok=True)
    number = int(runs[-1].name) + 1 if (runs := numbered(folder)) else 1
    while True:
        try:
            (folder / str(number)).mkdir()
            return folder / str(number)
        except FileExistsError:
            number += 1


def last_checkpoint(run: Path) -> Path:
    return run / "checkpoints" / "last.ckpt"


def newest(folder: Path) -> Path:
    """The newest run of a name that can go on."""
    for run in reversed(numbered(folder)):
        if last_checkpoint(run).exists():
            return run
    raise FileNotFoundError(f"there is nothing to resume: no run in {folder} has written checkpoints/last.ckpt")


def finish(run: Path, summary: dict[str, Any]) -> None:
    """Mark a run as finished."""
    (run / FINISHED).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


def finished_like(folder: Path, config: str) -> Path | None:
    """The newest finished run of the same configuration."""
    for run in reversed(numbered(folder)):
        saved = run / CONFIG
        if (run / FINISHED).exists() and saved.exists() and saved.read_text(encoding="utf-8") == config:
            return run
    return None
