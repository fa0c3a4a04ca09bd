"""Each training gets its own run folder."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seq2seq import runs
from seq2seq.checkpoint import find_checkpoint, find_run, last_checkpoint
from seq2seq.errors import UserError
from seq2seq.storage import PARTIAL


def create_run(folder: Path, config: str = "a", checkpoint: bool = False) -> Path:
    run = runs.next_run(folder)
    runs.create_run(run, config)
    if checkpoint:
        last_checkpoint(run).parent.mkdir()
        last_checkpoint(run).touch()
    return run


def test_run_numbers_are_integers_and_never_reused(tmp_path: Path) -> None:
    for number in range(1, 12):
        assert create_run(tmp_path).name == str(number)
    (tmp_path / "notes").mkdir()
    (tmp_path / "99").touch()  # a file, not a run folder
    (tmp_path / "3" / runs.CONFIG).unlink()
    (tmp_path / "3").rmdir()
    assert runs.next_run(tmp_path).name == "12"


def test_existing_folder_is_not_created_again(tmp_path: Path) -> None:
    run = create_run(tmp_path, "first")
    with pytest.raises(ValueError, match="just created by another training"):
        runs.create_run(run, "second")
    assert (run / runs.CONFIG).read_text() == "first"


def test_find_finished_needs_a_finished_run_with_the_same_configuration(tmp_path: Path) -> None:
    run = create_run(tmp_path, "a")
    assert runs.find_finished(tmp_path, "a") is None
    runs.mark_finished(run, {"steps": 3})
    assert runs.find_finished(tmp_path, "a") == run
    assert runs.find_finished(tmp_path, "b") is None
    runs.reopen_run(run, "b")
    assert runs.find_finished(tmp_path, "b") is None
    runs.mark_finished(run, {"steps": 6})
    assert runs.find_finished(tmp_path, "b") == run


def test_reopening_removes_partial_files_also_in_nested_folders(tmp_path: Path) -> None:
    """Checkpoint names may have folders, so that kill -9 can leave a partial file in one of these."""
    run = create_run(tmp_path, checkpoint=True)
    nested = last_checkpoint(run).parent / "sub" / "step=3.ckpt"
    nested.parent.mkdir()
    nested.touch()
    partial = [
        path.parent / f".{path.name}.1-ab{PARTIAL}" for path in (run / runs.CONFIG, last_checkpoint(run), nested)
    ]
    for path in partial:
        path.touch()
    runs.reopen_run(run, "b")
    assert not any(path.exists() for path in partial)
    assert nested.exists()


@pytest.mark.parametrize("damage", ["bytes", "folder", "absent"])
def test_run_with_a_damaged_configuration_is_passed_over(tmp_path: Path, damage: str) -> None:
    config = "model:\n  class_path: seq2seq.models.LanguageModel\n"
    intact, damaged = (create_run(tmp_path / "name", config, checkpoint=True) for _ in range(2))
    runs.mark_finished(intact, {"steps": 3})
    runs.mark_finished(damaged, {"steps": 3})
    os.utime(last_checkpoint(damaged), (2e9, 2e9))
    (damaged / runs.CONFIG).unlink()
    if damage == "bytes":
        (damaged / runs.CONFIG).write_bytes(b"\xff\xfe")
    elif damage == "folder":
        (damaged / runs.CONFIG).mkdir()
    assert runs.find_finished(tmp_path / "name", config) == intact
    assert runs.newest_run(tmp_path, kind="LanguageModel") == intact


def test_summary_of_a_finished_run_is_strict_json(tmp_path: Path) -> None:
    run = create_run(tmp_path)
    runs.mark_finished(run, {"steps": 3, "val_loss": math.nan, "train_loss": 1.5})
    assert json.loads((run / runs.FINISHED).read_text(), parse_constant=pytest.fail) == {
        "steps": 3,
        "val_loss": None,
        "train_loss": 1.5,
    }


def test_newest_resumable_run_has_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to resume"):
        runs.newest_resumable_run(tmp_path / "absent")
    create_run(tmp_path)
    with pytest.raises(ValueError, match="nothing to resume"):
        runs.newest_resumable_run(tmp_path)
    second = create_run(tmp_path, checkpoint=True)
    create_run(tmp_path)
    assert runs.newest_resumable_run(tmp_path) == second


def test_newest_run_has_the_newest_checkpoint_of_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    language_run = create_run(tmp_path / "w", "model:\n  class_path: seq2seq.models.LanguageModel\n", True)
    translator = create_run(tmp_path / "t", "model:\n  class_path: seq2seq.models.Translator\n", True)
    os.utime(last_checkpoint(language_run), (2e9, 2e9))
    assert runs.newest_run(tmp_path) == language_run
    assert runs.newest_run(tmp_path, kind="Translator") == translator
    assert runs.newest_run(tmp_path, name="t") == translator
    monkeypatch.setattr("sys.argv", ["runs", str(tmp_path), "--kind", "Translator"])
    runs.main()
    result = capsys.readouterr()
    assert result.out == f"{translator}\n"
    assert result.err == f"using {translator}\n"
    monkeypatch.setattr("sys.argv", ["runs", str(tmp_path / "empty")])
    with pytest.raises(SystemExit, match=r"there is no run.*train one first"):
        runs.main()


@pytest.mark.parametrize("name", ["..", "a/b", "/tmp", "", "."])
def test_path_as_a_run_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="--name must be the name of a file or folder inside"):
        runs.newest_run(tmp_path, name)


def test_command_for_the_makefile_prints_one_error_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seq2seq.runs", str(tmp_path / "runs"), "--name", "../x"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.startswith("seq2seq: --name must be")
    assert process.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["my run", "it's", "a"])
@pytest.mark.parametrize("equals", [False, True])
def test_options_of_fit_choose_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, equals: bool
) -> None:
    """As the Makefile passes them; other options and their values are ignored."""
    run = create_run(tmp_path / "its runs" / name, checkpoint=True)
    create_run(tmp_path / "its runs" / "config", checkpoint=True)
    create_run(tmp_path / "runs" / "config", checkpoint=True)
    given = {"--runs": str(tmp_path / "its runs"), "--name": name}
    options = [word for key, value in given.items() for word in ([f"{key}={value}"] if equals else [key, value])]
    others = ["--trainer.max_steps", "3", "--again", "--data.corpus=x", "--resume"]
    runs.main([str(tmp_path / "runs"), "--config", "configs/config.yaml", *others, *options, "--model.size", "-1"])
    assert capsys.readouterr().out == f"{run}\n"


def test_configuration_names_the_run_by_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last one; an empty name counts as not given."""
    run = create_run(tmp_path / "second.x", checkpoint=True)
    create_run(tmp_path / "other", checkpoint=True)
    runs.main([str(tmp_path), "--config", "first.yaml", "--name", "", "--runs=", "--config=a/second.x.yaml"])
    assert capsys.readouterr().out == f"{run}\n"


def test_folder_of_a_name_stands_for_its_newest_run_with_a_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(10):
        create_run(tmp_path / "name", checkpoint=True)
    create_run(tmp_path / "name")
    for _ in range(2):  # a command looks it up several times, and reports it once
        assert find_checkpoint(tmp_path / "name") == last_checkpoint(tmp_path / "name" / "10")
    assert capsys.readouterr().err == f"using {tmp_path}/name/10\n"
    newer = create_run(tmp_path / "name", checkpoint=True)
    assert find_run(tmp_path / "name") == newer
    assert capsys.readouterr().err == f"using {newer}\n"


def test_folder_with_a_checkpoint_stands_for_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = create_run(tmp_path, checkpoint=True)
    create_run(run, checkpoint=True)
    assert find_checkpoint(run) == last_checkpoint(run)
    assert capsys.readouterr().err == ""
    create_run(tmp_path / "empty")
    with pytest.raises(UserError, match=r"empty contains no checkpoints/best\.ckpt"):
        find_checkpoint(tmp_path / "empty")


def test_newest_run_is_found_without_torch(tmp_path: Path) -> None:
    run = create_run(tmp_path / "name", checkpoint=True)
    code = f"import sys; from seq2seq import runs; runs.main([{str(tmp_path)!r}]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found, modules = done.stdout.splitlines()
    assert found == str(run)
    assert not {"torch", "pytorch_lightning", "numpy", "jsonargparse"} & set(modules.split())
