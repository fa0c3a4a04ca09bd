"""Values without end are refused in one short sentence, whatever option they are given to."""

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
PLACES = [
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
@pytest.mark.parametrize("place", PLACES, ids=" ".join)
def test_a_value_without_end_is_refused_in_one_short_sentence(
    place: list[str], value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("one two\n", encoding="utf-8")
    told = seq2seq(*place, value)
    assert told.status == 1
    assert told.out == ""
    assert told.err.splitlines()[-1].startswith("seq2seq: ")
    assert len(told.err.splitlines()[-1]) < 600


def test_an_option_of_a_class_that_is_not_named_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = seq2seq(*FIT, "--data.corpus=text.txt", "--data.tokenizer.size=300")
    assert told.err == "seq2seq: unknown option data.tokenizer.size, since no class is named that could have it\n"
