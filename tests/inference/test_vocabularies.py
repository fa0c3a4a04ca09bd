"""Laws of tokenizers and weights that belong together: what was exchanged in a checkpoint is refused when it loads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import Runs

from seq2seq import checkpoint, load
from seq2seq.__main__ import main
from seq2seq.checkpoint import find
from seq2seq.errors import UserError
from seq2seq.tokenizers import Bytes

Change = Callable[[dict[str, Any]], object]


def changed(run: Path, folder: Path, change: Change) -> Path:
    """A copy of a checkpoint with something changed in what it holds."""
    held = checkpoint.load(find(run))
    change(held)
    checkpoint.save(held, folder / "changed.ckpt")
    return folder / "changed.ckpt"


def tokenizers_in(held: dict[str, Any]) -> dict[str, Any]:
    data = held["LanguageData"] if "LanguageData" in held else held["TranslationData"]
    states: dict[str, Any] = data["tokenizers"]
    return states


def turn(units: list[str]) -> None:
    """As many units, and the last ones in another order."""
    units[-2:] = units[:-3:-1]


def exchange(held: dict[str, Any], side: str, tokenizer: Any) -> None:
    tokenizers_in(held)[side] = tokenizer.state_dict()


def learned(tokenizer: Any, text: str) -> Any:
    tokenizer.learn([text])
    return tokenizer


def refused(path: Path, capsys: pytest.CaptureFixture[str], *commands: list[str]) -> str:
    """The one sentence with which it is refused, by `load` and by these commands."""
    with pytest.raises(UserError) as raised:
        load(path)
    said = str(raised.value)
    for command, *options in commands:
        assert main([command, str(path), *options]) == 1
        assert capsys.readouterr().err == f"seq2seq: {said}\n"
    return said


def test_a_tokenizer_of_the_same_size_that_was_exchanged_is_refused(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(runs.language, tmp_path, lambda held: turn(tokenizers_in(held)["source"]["units"]))
    commands = ["sample"], ["evaluate"], ["score", "--text", str(runs.corpus / "text" / "test.txt")]
    said = refused(path, capsys, *commands)
    assert said == f"{path} cannot be used: its weights were trained with another source tokenizer"
    output = ["--output", str(tmp_path / "out.ckpt")]
    assert main(["average", str(path), str(find(runs.language)), *output]) == 1
    assert main(["quantize", str(path), *output]) == 1
    assert capsys.readouterr().err == f"seq2seq: {said}\n" * 2


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_translators_sides_are_told_apart(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], side: str
) -> None:
    path = changed(runs.translator, tmp_path, lambda held: turn(tokenizers_in(held)[side]["units"]))
    assert f"with another {side} tokenizer" in refused(path, capsys, ["translate"])


def test_a_vocabulary_of_another_size_is_refused(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where nothing tells what the weights were trained with."""

    def change(held: dict[str, Any]) -> None:
        exchange(held, "source", Bytes())
        del held["model"]["fingerprints"]

    said = refused(changed(runs.language, tmp_path, change), capsys, ["sample"])
    assert "its option vocab_size is for 19 tokens, and its source tokenizer has 260" in said


@pytest.mark.parametrize("size", [0, -1, 2**31 - 1, 20])
def test_sizes_in_the_options_must_be_those_of_the_tokenizers(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    """They are compared before a table of that size is made."""
    for run, option in ((runs.language, "vocab_size"), (runs.translator, "target_vocab_size")):

        def change(held: dict[str, Any], option: str = option) -> None:
            held["model"]["init_args"][option] = size

        assert f"its option {option} is for {size} tokens" in refused(changed(run, tmp_path, change), capsys)


@pytest.mark.parametrize(("weight", "part"), [("embedding.weight", "weight of embedding"), ("output.bias", "bias of")])
def test_rows_of_the_weights_must_be_those_of_the_tokenizers(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], weight: str, part: str
) -> None:
    def change(held: dict[str, Any]) -> None:
        held["state_dict"][weight] = held["state_dict"][weight][:-1]

    said = refused(changed(runs.language, tmp_path, change), capsys)
    assert f"its {part}" in said
    assert said.endswith("is for 18 tokens, and its source tokenizer has 19")


def test_one_vocabulary_is_not_two_tokenizers(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def change(held: dict[str, Any]) -> None:
        turn(tokenizers_in(held)["target"]["units"])
        del held["model"]["fingerprints"]

    assert "has one vocabulary, and its two tokenizers differ" in refused(
        changed(runs.translator, tmp_path, change), capsys
    )


@pytest.mark.parametrize("kind", ["language", "translator"])
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_rows_of_rounded_weights_are_compared_too(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, precision: str
) -> None:
    whole = tmp_path / "rounded.ckpt"
    assert main(["quantize", str(getattr(runs, kind)), "--output", str(whole), "--precision", precision]) == 0
    load(whole)

    def change(held: dict[str, Any]) -> None:
        held["state_dict"]["output.rounded"] = held["state_dict"]["output.rounded"][1:]

    assert "its rounded of output is for" in refused(changed(whole, tmp_path, change), capsys, ["evaluate"])


def test_fine_tuning_and_resuming_refuse_it_too(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed(runs.language, tmp_path, lambda held: turn(tokenizers_in(held)["source"]["units"]))
    config = runs.language / "config.yaml"
    options = ["--config", str(config), "--runs", str(tmp_path / "runs"), "--trainer.max_steps", "50"]
    assert main(["fit", *options, "--init-from", str(path)]) == 1
    assert "with another source tokenizer" in capsys.readouterr().err
    assert main(["fit", *options, "--ckpt-path", str(path)]) == 1
    assert "the source tokenizer of the checkpoint (19 tokens) is not the one" in capsys.readouterr().err
    assert main(["validate", "--config", str(config), "--ckpt-path", str(path)]) == 1
    assert "with another source tokenizer" in capsys.readouterr().err
