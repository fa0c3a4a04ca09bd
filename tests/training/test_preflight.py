"""Invalid options are reported before anything is written."""

from pathlib import Path

import pytest
from experiments import LANGUAGE, seq2seq, write_config

from seq2seq.models import LanguageModel
from seq2seq.recurrence import LSTM, Mamba
from seq2seq.training.preflight import check_precision


def test_half_precision_is_refused_for_other_than_fused_layers(tmp_path: Path, corpus: Path) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    options = ("--model.layer", "MinGRU", "--trainer.precision", "bf16-true")
    result = seq2seq("fit", "--config", config, "--runs", tmp_path / "runs", *options)
    assert result.status == 1
    assert "bf16-true would hold gates and states of MinGRU in half precision; bf16-mixed keeps them" in result.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true", "64-true", None])
def test_other_precisions_are_accepted(precision: str | None) -> None:
    check_precision(LanguageModel(9, layer=Mamba, size=8), precision)
    check_precision(LanguageModel(9, layer=LSTM, size=8), "bf16-true")
