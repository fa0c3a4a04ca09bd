"""What cannot be trained is said before anything is written."""

from pathlib import Path

import pytest
from experiments import LANGUAGE, seq2seq, write_config

from seq2seq.models import LanguageModel
from seq2seq.recurrence import LSTM, Mamba
from seq2seq.training.preflight import check_precision


def test_half_precision_is_for_the_fused_layers_alone(tmp_path: Path, texts: Path) -> None:
    config = write_config(tmp_path, LANGUAGE, texts)
    options = ("--model.layer", "MinGRU", "--trainer.precision", "bf16-true")
    told = seq2seq("fit", "--config", config, "--runs", tmp_path / "runs", *options)
    assert told.status == 1
    assert "bf16-true would hold gates and states of MinGRU in half precision; bf16-mixed keeps them" in told.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true", "64-true", None])
def test_other_precisions_are_for_all(precision: str | None) -> None:
    check_precision(LanguageModel(9, layer=Mamba, size=8), precision)
    check_precision(LanguageModel(9, layer=LSTM, size=8), "bf16-true")
