"""On CPUs without bfloat16 matrix products, bf16-mixed becomes float32, and this is logged."""

from pathlib import Path

import pytest
from conftest import Trained
from experiments import FreshProcess, checkpoint, same_training

from seq2seq.training.preflight import supported_precision

WITHOUT_BFLOAT16 = """
import sys
from seq2seq.nn import mixed_precision
mixed_precision.has_fast_products = lambda dtype: False
from seq2seq.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_mixed_precision_without_bfloat16_trains_in_float32(language_run: Trained, tmp_path: Path) -> None:
    line = ["fit", "--config", language_run.config, "--runs", tmp_path]
    result = FreshProcess(
        tmp_path, WITHOUT_BFLOAT16, *line, "--name", "mixed", "--trainer.precision", "bf16-mixed"
    ).wait()
    assert result.status == 0, result.err
    message = (
        "this processor has no bfloat16 matrix products: computing in float32 instead of trainer.precision bf16-mixed"
    )
    assert result.err.splitlines().count(message) == 1
    assert "precision: bf16-mixed" in (tmp_path / "mixed" / "1" / "config.yaml").read_text(encoding="utf-8")
    result = FreshProcess(tmp_path / "plain", WITHOUT_BFLOAT16, *line, "--name", "plain").wait()
    assert result.status == 0, result.err
    assert "bfloat16" not in result.err
    assert same_training(tmp_path / "mixed" / "1", tmp_path / "plain" / "1")


def test_bf16_true_keeps_bfloat16_weights(language_run: Trained, tmp_path: Path) -> None:
    result = FreshProcess(tmp_path, WITHOUT_BFLOAT16, "fit", "--config", language_run.config, "--runs", tmp_path,
                 "--name", "true", "--trainer.precision", "bf16-true").wait()  # fmt: skip
    assert result.status == 0, result.err
    assert "bf16-true takes many times as long as 32-true" in result.err
    assert {str(w.dtype) for w in checkpoint(tmp_path / "true" / "1")["state_dict"].values()} == {"torch.bfloat16"}


@pytest.mark.parametrize("precision", ["32-true", None, 32, "16-mixed", "64-true"])
def test_other_precisions_are_unchanged(precision: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert supported_precision(precision, "cpu") == precision
    assert supported_precision("bf16-mixed", "cuda") == "bf16-mixed"
    assert capsys.readouterr().err == ""


def test_validation_logs_the_float32_precision(language_run: Trained, tmp_path: Path) -> None:
    result = FreshProcess(tmp_path, WITHOUT_BFLOAT16, "validate", "--config", language_run.config,
                 "--ckpt-path", language_run.folder, "--trainer.precision", "bf16-mixed").wait()  # fmt: skip
    assert result.status == 0, result.err
    assert "computing in float32" in result.err
