"""Tests of the validation of configurations."""

import os
from pathlib import Path

import pytest
import yaml

from seq2seq.__main__ import main
from seq2seq.commands.configuration import MAX_VALUES, check_yaml, read_configuration
from seq2seq.errors import UserError

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the configuration FILE is empty"),
        (b"# nothing\n", "the configuration FILE is empty"),
        (b"text", "the configuration FILE must contain options and values"),
        (b"- a\n- b\n", "the configuration FILE must contain options and values"),
        (b"3: 4\n", "the names of options in FILE must be strings, and 3 was given"),
        (b"model:\n\tsize: 3\n", "FILE, line 2 is not YAML: "),
        (b"a: [1, 2\nb: 3\n", "FILE, line 2 is not YAML: "),
        (b"a: *none\n", "FILE, line 1 is not YAML: "),
        (b"a: !!python/object:os.system {}\n", "FILE, line 1 is not YAML: "),
        (b"a: &a [*a]\n", "FILE, line 1: *a contains itself"),
        (b"\x00\x01\x02", "FILE is not YAML: "),
        (b"\x80model: x\n", "text must be UTF-8, which byte 0x80 in FILE, line 1 is not"),
        ("model: x\n".encode("utf-16"), "text must be UTF-8, and FILE is UTF-16"),
        (b"a: 1\nb: {c: 1, d: 2, c: 3}\n", "FILE, line 2: duplicate key c"),
        (b"a: 1\nb: 2\na: 3\n", "FILE, line 3: duplicate key a"),
        (b"a: " + b"[" * 50_000, "FILE is nested more than 50 levels deep"),
        (b'{"a": ' * 50_000, "FILE is nested more than 50 levels deep"),
        (b"- " * 50_000 + b"x", "FILE is nested more than 50 levels deep"),
        (b"a: " + b"1" * 5_000, "FILE is not YAML: "),
        (BOMB.encode(), f"FILE has more than {MAX_VALUES:,} values"),
    ],
)
def test_invalid_configuration_is_a_one_line_error(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_configuration(str(path))
    message = str(raised.value).replace(str(path), "FILE")
    assert message.startswith(sentence)
    assert "\n" not in message
    assert len(message) < 300


def test_configuration_must_be_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for name, sentence in (
        ("absent", "there is no file"),
        ("folder", "is a folder, not a file"),
        ("fifo", "must be a regular file, not a pipe or a device"),
    ):
        with pytest.raises(UserError, match=sentence):
            read_configuration(str(tmp_path / name))


def test_anchors_merge_keys_and_equal_keys_in_different_mappings_are_valid() -> None:
    check_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: {x: *a}\nd: [*a, *a]\n")


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[2].glob("configs/*/*.yaml")), ids=lambda path: path.stem)
def test_package_configurations_are_valid(path: Path) -> None:
    read_configuration(str(path))


@pytest.mark.parametrize("content", ["", "# nothing\n"])
@pytest.mark.parametrize("option", ["--data.tokenizer", "--model.layer", "--optimizer"])
def test_empty_file_as_option_value_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, content: str
) -> None:
    (tmp_path / "text.txt").write_text("a b\n")
    (tmp_path / "value.yaml").write_text(content)
    arguments = ["fit", "--model=LanguageModel", "--data=LanguageData", f"--data.corpus={tmp_path / 'text.txt'}"]
    assert main([*arguments, option, str(tmp_path / "value.yaml"), "--runs", str(tmp_path / "runs")]) == 1
    error_output = capsys.readouterr().err.splitlines()[-1]
    assert error_output.startswith("seq2seq: ")
    assert "value.yaml" in error_output


@pytest.mark.parametrize(
    "option", ["data.tokenizer", "model.layer", "optimizer", "lr_scheduler", "trainer.plugins", "trainer.callbacks"]
)
def test_pipe_as_option_value_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    (tmp_path / "text.txt").write_text("a b\n")
    os.mkfifo(tmp_path / "pipe")  # without a writer: reading it would never end
    arguments = ["fit", "--model=LanguageModel", "--data=LanguageData", f"--data.corpus={tmp_path / 'text.txt'}"]
    assert main([*arguments, f"--{option}={tmp_path / 'pipe'}", f"--runs={tmp_path / 'runs'}"]) == 1
    assert "pipe must be a regular file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--model.layer", "LSMT"], "there is no class LSMT; did you mean LSTM?"),
        (["--model.layer", "Encoder"], "there is no class Encoder"),
        (["--model.heads", "3"], "unknown option model.heads, which belongs to CausalAttention and MLSTM and Mamba"),
        (["--data.source", "a"], "unknown option data.source, which belongs to TranslationData"),
        (["--trainer.callbacks.patience", "3"], "unknown option trainer.callbacks.patience"),
    ],
)
def test_suggestions_name_only_configurable_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    arguments = ["fit", "--model=LanguageModel", "--data=LanguageData", f"--data.corpus={tmp_path / 'text.txt'}"]
    assert main([*arguments, *options]) == 1
    assert capsys.readouterr().err == f"seq2seq: {sentence}\n"


def test_later_configuration_overrides_earlier_one_and_printed_configuration_is_equivalent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--config` may be given several times; `--print_config` prints the merged configuration."""

    def printed(*given: str | Path) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["fit", *(word for path in given for word in ("--config", str(path))), "--print_config"])
        assert ended.value.code == 0
        return capsys.readouterr().out

    later, complete = tmp_path / "later.yaml", tmp_path / "whole.yaml"
    later.write_text("trainer: {max_steps: 7}\nmodel: {init_args: {size: 24}}\n", encoding="utf-8")
    text = printed("configs/language/library-lstm.yaml", later)
    options = yaml.safe_load(text)
    assert options["trainer"]["max_steps"] == 7
    assert options["model"]["init_args"]["size"] == 24
    assert options["model"]["init_args"]["embedding_size"] == 128  # from the first configuration
    complete.write_text(text, encoding="utf-8")
    assert printed(complete) == text


CLASSES = {"model": "{class_path: LanguageModel}", "data": "{class_path: LanguageData, init_args: {corpus: t}}"}


@pytest.mark.parametrize("value", ["5", "[]", "[1, 2]", "true", "''", "null", "{class_path: 5}", "{init_args: 5}"])
@pytest.mark.parametrize("key", ["trainer", "checkpoint", "keep", "model", "data", "optimizer", "lr_scheduler"])
def test_value_instead_of_options_is_a_one_line_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, value: str
) -> None:
    is_class = key not in ("trainer", "checkpoint", "keep")
    if is_class and value == "null":
        return  # no optimizer, or no schedule
    path = tmp_path / "config.yaml"
    path.write_text("".join(f"{name}: {text}\n" for name, text in (CLASSES | {key: value}).items()))
    assert main(["fit", "--config", str(path), "--trainer.max_steps", "1"]) == 1
    error = capsys.readouterr().err
    given = {"''": "an empty string", "true": "True"}.get(value, "5" if "5" in value else value)
    option = f"{key}.{value[1:].partition(':')[0]}" if value.startswith("{") else key
    names_class = is_class if option == key else option.endswith("class_path")
    required = "name a class" if names_class else "contain options and values"
    assert error == f"seq2seq: {option} in {path} must {required}, and {given} was given\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("trainer: x", "trainer must contain options and values, or be a file of them, and x was given"),
        ("trainer: {callbacks: 5}", "trainer.callbacks must name a class, and 5 was given"),
        ("optimizer: x", "there is no class x"),
    ],
)
def test_text_instead_of_options_is_a_one_line_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, error: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("".join(f"{name}: {value}\n" for name, value in CLASSES.items()) + text)
    assert main(["fit", "--config", str(path)]) == 1
    assert capsys.readouterr().err == f"seq2seq: {error}\n"
