"""A full disk ends training with one error line, keeps the last checkpoint, and the run can be resumed."""

from pathlib import Path

import pytest
from experiments import LANGUAGE, RunningCommand, checkpoint, same_training, seq2seq, write_config

# a limit on the file size fails like a full disk, and needs no root privileges
LIMIT_FILE_SIZE = """
import resource
from seq2seq import checkpoint
save, calls = checkpoint.save, []
def limited(contents, path):
    calls.append(path)
    if len(calls) == 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    save(contents, path)
checkpoint.save = limited
"""
DISK_FULL = """
import errno, os
def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
"""
TENSORBOARD = (
    DISK_FULL
    + """
from tensorboard.compat.tensorflow_stub.io import gfile
gfile.LocalFileSystem._write = full
"""
)
CSV = (
    DISK_FULL
    + """
from lightning_fabric.loggers.csv_logs import _ExperimentWriter
_ExperimentWriter.save = full
"""
)


def test_full_disk_keeps_the_last_checkpoint_and_run_resumes(tmp_path: Path, corpus: Path) -> None:
    config = write_config(tmp_path, LANGUAGE.replace("dropout: 0", "dropout: 0.5"), corpus)
    options = ["--config", str(config), "--runs", str(tmp_path), "--keep.every_n_steps", "2"]
    options += ["--trainer.val_check_interval", "5"]
    result = RunningCommand(tmp_path, "fit", *options, "--name", "full", code=LIMIT_FILE_SIZE).wait()
    run = tmp_path / "full" / "1"
    last = run / "checkpoints" / "last.ckpt"
    assert result.status == 1
    (line,) = [line for line in result.err.splitlines() if line.startswith("seq2seq: ")]
    assert result.err.endswith(line + "\n")
    assert line.startswith(f"seq2seq: cannot write {last}: File too large; the last good checkpoint is {last}; ")
    assert checkpoint(run)["global_step"] == 2
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["last.ckpt"]
    assert seq2seq("fit", *options, "--name", "full", "--resume").status == 0
    assert seq2seq("fit", *options, "--name", "whole").status == 0
    assert same_training(run, tmp_path / "whole" / "1")


@pytest.mark.parametrize("code", [TENSORBOARD, CSV], ids=["TensorBoard", "CSV"])
def test_full_disk_for_logs_is_one_error_line(tmp_path: Path, corpus: Path, code: str) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    result = RunningCommand(tmp_path, "fit", "--config", config, "--runs", tmp_path, code=code).wait()
    assert result.status == 1
    assert "Traceback" not in result.err
    run = tmp_path / "config" / "1"
    assert result.err.splitlines()[-1].startswith(f"seq2seq: cannot write to {run}: No space left on device; ")


@pytest.mark.parametrize("rest", ["", "4,0.5\n", "4,0."])
def test_incomplete_last_line_of_a_log_is_ignored(tmp_path: Path, rest: str) -> None:
    from seq2seq.training.metrics_log import read_metrics

    (tmp_path / "logs" / "version_0").mkdir(parents=True)
    (tmp_path / "logs" / "version_0" / "metrics.csv").write_text(f"step,val_loss\n2,0.75\n{rest}")
    assert (
        read_metrics(tmp_path)
        == [{"step": 2.0, "val_loss": 0.75}, {"step": 4.0, "val_loss": 0.5}][: 1 + rest.endswith("\n")]
    )
