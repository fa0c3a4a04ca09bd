"""Folders of runs: runs/NAME/1, runs/NAME/2, ..., each with its configuration, logs and checkpoints."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from seq2seq.checkpoint import folder_of, last_checkpoint
from seq2seq.errors import UserError, system_errors
from seq2seq.storage import PARTIAL, atomic_write, path_inside, plain, write_json

FINISHED = "finished.json"
CONFIG = "config.yaml"


def numbered(folder: Path) -> list[Path]:
    """The runs of a name, oldest first."""
    found = [path for path in folder.glob("*") if path.name.isdecimal() and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name))


def next_run(folder: Path) -> Path:
    """The folder that the next run will have."""
    return folder / str(int(runs[-1].name) + 1 if (runs := numbered(folder)) else 1)


def begin(run: Path, config: str) -> None:
    """Make the folder of a run, which nobody else may have."""
    with system_errors(f"cannot write {run}"):
        try:
            run.mkdir(parents=True)
        except FileExistsError as error:
            raise UserError(f"{run} was made by another training meanwhile; start this one again") from error
    with atomic_write(run / CONFIG) as temporary:
        temporary.write_text(config, encoding="utf-8")


def go_on(run: Path, config: str) -> None:
    """Let a run that stopped or finished, and is owned now, be trained again, perhaps with other options."""
    with system_errors(f"cannot write {run}"):
        for partial in (*run.glob(f".*{PARTIAL}"), *folder_of(run).glob(f".*{PARTIAL}")):
            partial.unlink()  # left by a kill -9 during a write
        with atomic_write(run / CONFIG) as temporary:
            temporary.write_text(config, encoding="utf-8")
        (run / FINISHED).unlink(missing_ok=True)


def newest(folder: Path) -> Path:
    """The newest run of a name that can go on."""
    with system_errors(f"cannot read {folder}"):
        for run in reversed(numbered(folder)):
            if last_checkpoint(run).exists():
                return run
    raise UserError(f"there is nothing to resume: no run in {folder} has written checkpoints/last.ckpt")


def finish(run: Path, summary: dict[str, Any]) -> None:
    """Mark a run as finished, with its last numbers in strict JSON: null for what is no finite one."""
    write_json(run / FINISHED, plain(summary))


def finished_like(folder: Path, config: str) -> Path | None:
    """The newest finished run of the same configuration."""
    with system_errors(f"cannot read {folder}"):
        for run in reversed(numbered(folder)):
            saved = run / CONFIG
            if (run / FINISHED).exists() and saved.exists() and saved.read_text(encoding="utf-8") == config:
                return run
    return None


def latest(folder: Path, name: str | None = None, kind: str | None = None) -> Path:
    """The newest run with a checkpoint, of a name or of a kind of model if these are given."""
    with system_errors(f"cannot read {folder}"):
        names = (
            [path_inside(folder, name, "--name")]
            if name is not None
            else [path for path in folder.glob("*") if path.is_dir()]
        )
        found = [run for one in names for run in numbered(one) if last_checkpoint(run).exists() and fits(run, kind)]
        if not found:
            wanted = " ".join(filter(None, (name and f"called {name}", kind and f"of a {kind}")))
            raise UserError(f"there is no run {wanted} in {folder}: train one first, or name a CHECKPOINT")
        return max(found, key=lambda run: last_checkpoint(run).stat().st_mtime)


def fits(run: Path, kind: str | None) -> bool:
    """Whether a run's configuration is one of a model of this kind."""
    config = run / CONFIG
    return kind is None or (config.exists() and f".{kind}\n" in config.read_text(encoding="utf-8"))


def main(arguments: list[str] | None = None) -> None:
    """Print the newest run that fits, for the Makefile."""
    parser = ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name")
    parser.add_argument("--kind", choices=("LanguageModel", "Translator"))
    given = parser.parse_args(arguments)
    try:
        run = latest(given.folder, given.name, given.kind)
    except UserError as error:
        sys.exit(f"seq2seq: {error}")
    print(f"taking {run}", file=sys.stderr)
    print(run)


if __name__ == "__main__":
    main()
