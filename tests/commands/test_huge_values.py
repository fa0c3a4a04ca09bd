"""Huge values of any option are a short one-line error."""

from pathlib import Path

import pytest
from experiments import seq2seq

HUGE = {
    "brackets": "[" * 3000,
    "text": "x" * 100_000,
    "JSON": '{"a":' * 50_000,
    "YAML": "- " * 50_000,
    "digits": "1" * 100_000,
}
FIT = ["fit", "--model=LanguageModel", "--data=LanguageData", "--trainer.accelerator=cpu"]
COMMANDS = [
    *([*FIT, option] for option in ("--model.size", "--model.layer", "--data.tokenizer", "--optimizer", "--trainer")),
    *([*FIT, "--data.corpus=text.txt", option] for option in ("--name", "--runs", "--init_from", "--config")),
    ["fit", "--model"],
    ["sample"],
    ["sample", "absent", "--length"],
    ["translate", "absent", "--output"],
    ["tokenize", "text.txt", "--out", "out.json", "--tokenizer"],
    ["compare", "--layers", "LSTM", "--config"],
    ["average", "--output", "out.ckpt"],
    ["inspect", "gradients"],
    [],
]


@pytest.mark.parametrize("value", HUGE.values(), ids=HUGE)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_huge_value_is_a_short_error(
    command: list[str], value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("one two\n", encoding="utf-8")
    result = seq2seq(*command, value)
    assert result.status == 1
    assert result.out == ""
    assert result.err.splitlines()[-1].startswith("seq2seq: ")
    assert len(result.err.splitlines()[-1]) < 600


def test_option_of_a_class_that_is_not_given_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = seq2seq(*FIT, "--data.corpus=text.txt", "--data.tokenizer.size=300")
    assert result.err == "seq2seq: unknown option data.tokenizer.size, since no class with this option is given\n"
