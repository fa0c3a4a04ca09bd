"""A disk that takes no more bytes ends a training in one sentence, loses nothing, and the run goes on afterwards."""

from pathlib import Path

import pytest
from experiments import LANGUAGE, Running, checkpoint, same_training, seq2seq, write_config

# what the system refuses is to let a file grow, as a full disk would, and without the rights that making one needs
LIMIT = """
import resource
from seq2seq import checkpoint
save, calls = checkpoint.save, []
def limited(held, path):
    calls.append(path)
    if len(calls) == 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    save(held, path)
checkpoint.save = limited
"""
NO_LOGS = """
import errno, os
def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
"""
TENSORBOARD = (
    NO_LOGS
    + """
from tensorboard.compat.tensorflow_stub.io import gfile
gfile.LocalFileSystem._write = full
"""
)
CSV = (
    NO_LOGS
    + """
from lightning_fabric.loggers.csv_logs import _ExperimentWriter
_ExperimentWriter.save = full
"""
)


def test_a_checkpoint_that_does_not_fit_loses_nothing(tmp_path: Path, texts: Path) -> None:
    config = write_config(tmp_path, LANGUAGE.replace("dropout: 0", "dropout: 0.5"), texts)
    options = ["--config", str(config), "--runs", str(tmp_path), "--keep.every_n_steps", "2"]
    options += ["--trainer.val_check_interval", "5"]
    told = Running(tmp_path, "fit", *options, "--name", "full", code=LIMIT).ended()
    run = tmp_path / "full" / "1"
    last = run / "checkpoints" / "last.ckpt"
    assert told.status == 1
    (line,) = [line for line in told.err.splitlines() if line.startswith("seq2seq: ")]
    assert told.err.endswith(line + "\n")
    assert line.startswith(f"seq2seq: cannot write {last}: File too large; the last good checkpoint is {last}, from")
    assert checkpoint(run)["global_step"] == 2
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["last.ckpt"]
    assert seq2seq("fit", *options, "--name", "full", "--resume").status == 0
    assert seq2seq("fit", *options, "--name", "whole").status == 0
    assert same_training(run, tmp_path / "whole" / "1")


@pytest.mark.parametrize("code", [TENSORBOARD, CSV], ids=["TensorBoard", "CSV"])
def test_logs_that_do_not_fit_are_one_sentence(tmp_path: Path, texts: Path, code: str) -> None:
    config = write_config(tmp_path, LANGUAGE, texts)
    told = Running(tmp_path, "fit", "--config", config, "--runs", tmp_path, code=code).ended()
    assert told.status == 1
    assert "Traceback" not in told.err
    run = tmp_path / "config" / "1"
    assert told.err.splitlines()[-1].startswith(f"seq2seq: cannot write to {run}: No space left on device; ")


@pytest.mark.parametrize("rest", ["", "4,0.5\n", "4,0."])
def test_a_log_that_ends_in_half_a_line_is_read_up_to_it(tmp_path: Path, rest: str) -> None:
    from seq2seq.training.metrics_log import rows

    (tmp_path / "logs" / "version_0").mkdir(parents=True)
    (tmp_path / "logs" / "version_0" / "metrics.csv").write_text(f"step,val_loss\n2,0.75\n{rest}")
    assert (
        rows(tmp_path) == [{"step": 2.0, "val_loss": 0.75}, {"step": 4.0, "val_loss": 0.5}][: 1 + rest.endswith("\n")]
    )
