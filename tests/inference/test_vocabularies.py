"""A checkpoint whose tokenizers or weights were exchanged is refused when it is loaded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import Runs

from seq2seq import checkpoint, load
from seq2seq.__main__ import main
from seq2seq.checkpoint import find_checkpoint
from seq2seq.errors import UserError
from seq2seq.tokenizers import Bytes

Change = Callable[[dict[str, Any]], object]


def changed(run: Path, folder: Path, change: Change) -> Path:
    """Save a changed copy of a checkpoint."""
    content = checkpoint.load(find_checkpoint(run))
    change(content)
    checkpoint.save(content, folder / "changed.ckpt")
    return folder / "changed.ckpt"


def tokenizers_in(content: dict[str, Any]) -> dict[str, Any]:
    data = content["LanguageData"] if "LanguageData" in content else content["TranslationData"]
    states: dict[str, Any] = data["tokenizers"]
    return states


def swap_last_units(units: list[str]) -> None:
    """Swap the last two units."""
    units[-2:] = units[:-3:-1]


def set_tokenizer(content: dict[str, Any], side: str, tokenizer: Any) -> None:
    tokenizers_in(content)[side] = tokenizer.state_dict()


def learned(tokenizer: Any, text: str) -> Any:
    tokenizer.learn([text])
    return tokenizer


def refused(path: Path, capsys: pytest.CaptureFixture[str], *commands: list[str]) -> str:
    """Return the error message, which must be the same from `load` and from these commands."""
    with pytest.raises(UserError) as raised:
        load(path)
    message = str(raised.value)
    for command, *options in commands:
        assert main([command, str(path), *options]) == 1
        assert capsys.readouterr().err == f"seq2seq: {message}\n"
    return message


def test_an_exchanged_tokenizer_of_the_same_size_is_refused(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(runs.language, tmp_path, lambda content: swap_last_units(tokenizers_in(content)["source"]["units"]))
    commands = ["sample"], ["evaluate"], ["score", "--text", str(runs.corpus / "text" / "test.txt")]
    message = refused(path, capsys, *commands)
    assert message == f"{path} cannot be used: its weights were trained with another source tokenizer"
    output = ["--output", str(tmp_path / "out.ckpt")]
    assert main(["average", str(path), str(find_checkpoint(runs.language)), *output]) == 1
    assert main(["quantize", str(path), *output]) == 1
    assert capsys.readouterr().err == f"seq2seq: {message}\n" * 2


@pytest.mark.parametrize("side", ["source", "target"])
def test_an_exchanged_tokenizer_is_refused_by_its_side(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], side: str
) -> None:
    path = changed(runs.translator, tmp_path, lambda content: swap_last_units(tokenizers_in(content)[side]["units"]))
    assert f"with another {side} tokenizer" in refused(path, capsys, ["translate"])


def test_a_vocabulary_of_another_size_is_refused(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Even if the checkpoint has no fingerprints of the tokenizers."""

    def change(content: dict[str, Any]) -> None:
        set_tokenizer(content, "source", Bytes())
        del content["model"]["fingerprints"]

    message = refused(changed(runs.language, tmp_path, change), capsys, ["sample"])
    assert "its option vocab_size is for 19 tokens, and its source tokenizer has 260" in message


@pytest.mark.parametrize("size", [0, -1, 2**31 - 1, 20])
def test_vocabulary_sizes_in_the_options_must_match_the_tokenizers(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    """They are compared before an embedding of that size is allocated."""
    for run, option in ((runs.language, "vocab_size"), (runs.translator, "target_vocab_size")):

        def change(content: dict[str, Any], option: str = option) -> None:
            content["model"]["init_args"][option] = size

        assert f"its option {option} is for {size} tokens" in refused(changed(run, tmp_path, change), capsys)


@pytest.mark.parametrize(
    ("weight", "part"), [("embedding.weight", "weight of embedding"), ("output.linear.bias", "bias of")]
)
def test_rows_of_the_weights_must_match_the_tokenizers(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], weight: str, part: str
) -> None:
    def change(content: dict[str, Any]) -> None:
        content["state_dict"][weight] = content["state_dict"][weight][:-1]

    message = refused(changed(runs.language, tmp_path, change), capsys)
    assert f"its {part}" in message
    assert message.endswith("is for 18 tokens, and its source tokenizer has 19")


def test_a_shared_vocabulary_with_two_tokenizers_is_refused(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(content: dict[str, Any]) -> None:
        swap_last_units(tokenizers_in(content)["target"]["units"])
        del content["model"]["fingerprints"]

    assert "has one vocabulary, and its two tokenizers differ" in refused(
        changed(runs.translator, tmp_path, change), capsys
    )


@pytest.mark.parametrize("kind", ["language", "translator"])
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_rows_of_quantized_weights_must_match_the_tokenizers(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, precision: str
) -> None:
    path = tmp_path / "quantized.ckpt"
    assert main(["quantize", str(getattr(runs, kind)), "--output", str(path), "--precision", precision]) == 0
    load(path)

    def change(content: dict[str, Any]) -> None:
        content["state_dict"]["output.linear.quantized_weight"] = content["state_dict"][
            "output.linear.quantized_weight"
        ][1:]

    assert "its quantized_weight of output.linear is for" in refused(
        changed(path, tmp_path, change), capsys, ["evaluate"]
    )


def test_fine_tuning_and_resuming_refuse_an_exchanged_tokenizer(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(runs.language, tmp_path, lambda content: swap_last_units(tokenizers_in(content)["source"]["units"]))
    config = runs.language / "config.yaml"
    options = ["--config", str(config), "--runs", str(tmp_path / "runs"), "--trainer.max_steps", "50"]
    assert main(["fit", *options, "--init-from", str(path)]) == 1
    assert "with another source tokenizer" in capsys.readouterr().err
    assert main(["fit", *options, "--ckpt-path", str(path)]) == 1
    assert "with another source tokenizer" in capsys.readouterr().err
    assert main(["validate", "--config", str(config), "--ckpt-path", str(path)]) == 1
    assert "with another source tokenizer" in capsys.readouterr().err


def test_fine_tuning_refuses_a_forged_tokenizer(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def clear(content: dict[str, Any]) -> None:
        tokenizers_in(content)["source"].clear()
        content["model"].pop("fingerprints")

    path = changed(runs.language, tmp_path, clear)
    options = ["--config", str(runs.language / "config.yaml"), "--runs", str(tmp_path / "runs"), "--init-from"]
    assert main(["fit", *options, str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"seq2seq: {path} cannot be used: the state of a tokenizer has ")
    assert not (tmp_path / "runs").exists()
