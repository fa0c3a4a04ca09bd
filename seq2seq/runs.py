"""Run folders runs/NAME/1, runs/NAME/2, ..., each with its configuration, logs and checkpoints."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from seq2seq.checkpoint import checkpoint_folder, last_checkpoint, list_runs
from seq2seq.errors import UserError, system_errors
from seq2seq.storage import PARTIAL, json_value, path_inside, write_json, write_text

FINISHED = "finished.json"
CONFIG = "config.yaml"


def next_run(folder: Path) -> Path:
    """Return the folder for the next run."""
    return folder / str(int(runs[-1].name) + 1 if (runs := list_runs(folder)) else 1)


def create_run(run: Path, config: str) -> None:
    """Create the folder of a new run and write its configuration.

    Raises:
        UserError: if the folder exists, because another training created it at the same time.
    """
    with system_errors(f"cannot write {run}"):
        try:
            run.mkdir(parents=True)
        except FileExistsError as error:
            raise UserError(f"{run} was just created by another training; start this one again") from error
    write_text(run / CONFIG, config)


def reopen_run(run: Path, config: str) -> None:
    """Prepare a stopped or finished run, which must be locked, for resuming, possibly with other options."""
    with system_errors(f"cannot write {run}"):
        for partial in (*run.glob(f".*{PARTIAL}"), *checkpoint_folder(run).rglob(f".*{PARTIAL}")):
            partial.unlink()  # left by a kill -9 during a write
        write_text(run / CONFIG, config)
        (run / FINISHED).unlink(missing_ok=True)


def newest_resumable_run(folder: Path) -> Path:
    """Return the newest run in the folder of a name that has a checkpoint to resume from."""
    with system_errors(f"cannot read {folder}"):
        for run in reversed(list_runs(folder)):
            if last_checkpoint(run).exists():
                return run
    raise UserError(f"there is nothing to resume: no run in {folder} has written checkpoints/last.ckpt")


def mark_finished(run: Path, summary: dict[str, Any]) -> None:
    """Mark a run as finished, with its final metrics in strict JSON: null for NaN and infinity."""
    write_json(run / FINISHED, json_value(summary))


def find_finished(folder: Path, config: str) -> Path | None:
    """Return the newest finished run with the same configuration, or None."""
    with system_errors(f"cannot read {folder}"):
        for run in reversed(list_runs(folder)):
            if (run / FINISHED).exists() and saved_config(run) == config.encode():
                return run
    return None


def saved_config(run: Path) -> bytes:
    """Return the configuration of a run as bytes, since it may be damaged; empty if the run has none."""
    path = run / CONFIG
    return path.read_bytes() if path.is_file() else b""


def newest_run(folder: Path, name: str | None = None, kind: str | None = None) -> Path:
    """Return the run with the newest checkpoint, optionally only of a name or of a class of model."""
    with system_errors(f"cannot read {folder}"):
        folders = (
            [path_inside(folder, name, "--name")]
            if name is not None
            else [path for path in folder.glob("*") if path.is_dir()]
        )
        candidates = [run for runs in folders for run in list_runs(runs) if last_checkpoint(run).exists()]
        candidates = [run for run in candidates if has_model_kind(run, kind)]
        if not candidates:
            description = " ".join(filter(None, (name and f"called {name}", kind and f"of a {kind}")))
            raise UserError(f"there is no run {description} in {folder}: train one first, or name a CHECKPOINT")
        return max(candidates, key=lambda run: last_checkpoint(run).stat().st_mtime)


def has_model_kind(run: Path, kind: str | None) -> bool:
    """Return whether the configuration of a run is for a model of this class; True if kind is None."""
    return kind is None or f".{kind}\n".encode() in saved_config(run)


def main(arguments: list[str] | None = None) -> None:
    """Print the newest run with a checkpoint, for the Makefile.

    The options of `seq2seq fit` may follow the default folder of all runs: --runs, --name and --config choose the run.
    """
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("folder")
    parser.add_argument("--runs")
    parser.add_argument("--name")
    parser.add_argument("-c", "--config", type=Path)
    parser.add_argument("--kind")  # the class of the model, as its configuration names it
    options, _ = parser.parse_known_args(arguments)
    try:
        name = options.name or (options.config and options.config.stem)
        run = newest_run(Path(options.runs or options.folder), name, options.kind)
    except UserError as error:
        sys.exit(f"seq2seq: {error}")
    print(f"using {run}", file=sys.stderr)
    print(run)


if __name__ == "__main__":
    main()
