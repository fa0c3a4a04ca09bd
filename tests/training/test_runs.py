"""Every training has a folder of its own."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seq2seq.checkpoint import last_checkpoint
from seq2seq.errors import UserError
from seq2seq.training import runs


def begun(folder: Path, config: str = "a", checkpoint: bool = False) -> Path:
    run = runs.next_run(folder)
    runs.begin(run, config)
    if checkpoint:
        last_checkpoint(run).parent.mkdir()
        last_checkpoint(run).touch()
    return run


def test_runs_are_counted_as_numbers_and_never_reuse_one(tmp_path: Path) -> None:
    for number in range(1, 12):
        assert begun(tmp_path).name == str(number)
    (tmp_path / "notes").mkdir()
    (tmp_path / "99").touch()  # a file is no run
    (tmp_path / "3" / runs.CONFIG).unlink()
    (tmp_path / "3").rmdir()
    assert runs.next_run(tmp_path).name == "12"


def test_a_folder_that_exists_is_not_begun_again(tmp_path: Path) -> None:
    run = begun(tmp_path, "mine")
    with pytest.raises(ValueError, match="made by another training meanwhile"):
        runs.begin(run, "yours")
    assert (run / runs.CONFIG).read_text() == "mine"


def test_only_a_finished_run_of_the_same_configuration_counts_as_done(tmp_path: Path) -> None:
    run = begun(tmp_path, "a")
    assert runs.finished_like(tmp_path, "a") is None
    runs.finish(run, {"steps": 3})
    assert runs.finished_like(tmp_path, "a") == run
    assert runs.finished_like(tmp_path, "b") is None
    runs.go_on(run, "b")
    assert runs.finished_like(tmp_path, "b") is None
    runs.finish(run, {"steps": 6})
    assert runs.finished_like(tmp_path, "b") == run


def test_the_numbers_of_a_finished_run_are_strict_json(tmp_path: Path) -> None:
    run = begun(tmp_path)
    runs.finish(run, {"steps": 3, "val_loss": math.nan, "train_loss": 1.5})
    assert json.loads((run / runs.FINISHED).read_text(), parse_constant=pytest.fail) == {
        "steps": 3,
        "val_loss": None,
        "train_loss": 1.5,
    }


def test_the_newest_run_that_wrote_a_checkpoint_is_resumed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to resume"):
        runs.newest(tmp_path / "absent")
    begun(tmp_path)
    with pytest.raises(ValueError, match="nothing to resume"):
        runs.newest(tmp_path)
    second = begun(tmp_path, checkpoint=True)
    begun(tmp_path)
    assert runs.newest(tmp_path) == second


def test_the_latest_run_is_the_last_one_trained_of_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = begun(tmp_path / "w", "model:\n  class_path: seq2seq.models.LanguageModel\n", True)
    translator = begun(tmp_path / "t", "model:\n  class_path: seq2seq.models.Translator\n", True)
    os.utime(last_checkpoint(writer), (2e9, 2e9))
    assert runs.latest(tmp_path) == writer
    assert runs.latest(tmp_path, kind="Translator") == translator
    assert runs.latest(tmp_path, name="t") == translator
    monkeypatch.setattr("sys.argv", ["runs", str(tmp_path), "--kind", "Translator"])
    runs.main()
    told = capsys.readouterr()
    assert told.out == f"{translator}\n"
    assert told.err == f"taking {translator}\n"
    monkeypatch.setattr("sys.argv", ["runs", str(tmp_path / "empty")])
    with pytest.raises(SystemExit, match=r"there is no run.*train one first"):
        runs.main()


@pytest.mark.parametrize("name", ["..", "a/b", "/tmp", "", "."])
def test_a_run_is_called_by_a_name_and_not_by_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="--name must be the name of something inside"):
        runs.latest(tmp_path, name)


def test_the_makefile_gets_one_line_for_a_mistake(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seq2seq.training.runs", str(tmp_path / "runs"), "--name", "../x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("seq2seq: --name must be")
    assert done.stderr.count("\n") == 1
