"""Where a processor has no products of bfloat16, mixed training is in float32, and says so."""

from pathlib import Path

import pytest
from conftest import Trained
from experiments import Fresh, checkpoint, same_training

from seq2seq.training.preflight import precision_here

RUN = """
import sys
from seq2seq import processor
processor.multiplies = lambda dtype: False
from seq2seq.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_processor_without_bfloat16_trains_in_float32(writer: Trained, tmp_path: Path) -> None:
    line = ["fit", "--config", writer.config, "--runs", tmp_path]
    told = Fresh(tmp_path, RUN, *line, "--name", "mixed", "--trainer.precision", "bf16-mixed").ended()
    assert told.status == 0, told.err
    said = "this processor has no products of bfloat16: it computes in float32, not with trainer.precision bf16-mixed"
    assert told.err.splitlines().count(said) == 1
    assert "precision: bf16-mixed" in (tmp_path / "mixed" / "1" / "config.yaml").read_text(encoding="utf-8")
    told = Fresh(tmp_path / "plain", RUN, *line, "--name", "plain").ended()
    assert told.status == 0, told.err
    assert "bfloat16" not in told.err
    assert same_training(tmp_path / "mixed" / "1", tmp_path / "plain" / "1")


def test_weights_of_bfloat16_stay_what_they_are(writer: Trained, tmp_path: Path) -> None:
    told = Fresh(tmp_path, RUN, "fit", "--config", writer.config, "--runs", tmp_path, "--name", "true",
                 "--trainer.precision", "bf16-true").ended()  # fmt: skip
    assert told.status == 0, told.err
    assert "it takes many times as long as with 32-true" in told.err
    assert {str(w.dtype) for w in checkpoint(tmp_path / "true" / "1")["state_dict"].values()} == {"torch.bfloat16"}


@pytest.mark.parametrize("precision", ["32-true", None, 32, "16-mixed", "64-true"])
def test_other_precisions_stay_as_they_are(precision: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert precision_here(precision, "cpu") == precision
    assert precision_here("bf16-mixed", "cuda") == "bf16-mixed"
    assert capsys.readouterr().err == ""


def test_it_is_said_too_where_a_checkpoint_is_only_used(writer: Trained, tmp_path: Path) -> None:
    told = Fresh(tmp_path, RUN, "validate", "--config", writer.config, "--ckpt-path", writer.folder,
                 "--trainer.precision", "bf16-mixed").ended()  # fmt: skip
    assert told.status == 0, told.err
    assert "it computes in float32" in told.err
