"""The logs of all resumes of a run are read as one table, and damaged ones are reported."""

import shutil
from pathlib import Path

import pytest
from conftest import Trained
from experiments import seq2seq

from seq2seq.errors import UserError
from seq2seq.runs import FINISHED
from seq2seq.training.metrics_log import log_versions, read_metrics


def write_log(run: Path, version: str, content: bytes) -> Path:
    path = run / "logs" / f"version_{version}" / "metrics.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_other_folders_beside_the_logs_are_ignored(tmp_path: Path) -> None:
    for version, step in (("10", 3), ("2", 2), ("0_backup", 1), ("", 1)):
        write_log(tmp_path, version, b"step,tokens,seconds\n%d,%d,0.5\n" % (step, step))
    (tmp_path / "logs" / "version_11").mkdir()  # without metrics.csv
    assert [row["step"] for row in read_metrics(tmp_path)] == [2, 3]
    assert log_versions(tmp_path) == [2, 10, 11]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"step,val_loss\n2,0.5\n4,x\n", "line 3 must have numbers: could not convert string to float: 'x'"),
        (b"step,val_loss\n2,0.5\n4,\xff\xfe\n", "line 3 is not UTF-8"),
        (b"step,val_loss\n2\n", "line 2 must have one value for each column of the first line"),
        (b"step,val_loss\n2,0.5,0.6\n", "line 2 must have one value for each column of the first line"),
        (b"val_loss\n0.5\n", "line 2 must have a whole number as its step"),
        (b"step,val_loss\nnan,0.5\n", "line 2 must have a whole number as its step"),
        (b"step,tokens\n2,10\n", "line 2 must have seconds, since it has tokens"),
        (b'step,val_loss\n2,"' + b"1" * 200_000 + b'"\n', "line 2 must have comma-separated numbers"),
    ],
    ids=["number", "encoding", "too few", "too many", "no step", "nan step", "no seconds", "long field"],
)
def test_damaged_log_is_an_error_with_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = write_log(tmp_path, "0", content)
    with pytest.raises(UserError) as raised:
        read_metrics(tmp_path)
    assert str(raised.value).startswith(f"{path} is damaged: {message}")


def test_resume_of_a_completed_run_reports_a_damaged_log(tmp_path: Path, language_run: Trained) -> None:
    run = tmp_path / "run" / "1"
    shutil.copytree(language_run.folder, run)
    (run / FINISHED).unlink()
    (run / "logs" / "version_0_backup").mkdir()
    path = run / "logs" / "version_0" / "metrics.csv"
    path.write_bytes(path.read_bytes() + b"x\n")
    options = ("--config", language_run.config, "--runs", tmp_path, "--name", "run", "--resume")
    result = seq2seq("fit", *options)
    assert result.status == 1
    assert result.err.splitlines()[-1].startswith(f"seq2seq: {path} is damaged: line ")
