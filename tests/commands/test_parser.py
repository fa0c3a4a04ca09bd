"""Tests of the parser that turns a function into a command."""

from typing import Any, Literal

import pytest

from seq2seq.commands.arguments import underscore_option
from seq2seq.commands.messages import simplify_message, unknown_option_error
from seq2seq.commands.parser import call
from seq2seq.errors import UserError


class Called(Exception):  # noqa: N818
    """Raised by a test command, with its arguments."""


def command(
    checkpoints: list[str],
    name: str = "a",
    size: int | None = None,
    share: float = 0.5,
    of: Literal["best", "last"] = "best",
    top_k: int = 0,
    json: bool = False,
) -> None:
    """Do it.

    At length.

    examples:
      seq2seq command a --top_k 3

    Args:
        checkpoints: Files to open.
        name: The name.
        size: The size.
        share: The share.
        of: The kind.
        top_k: The number.
        json: Print JSON.
    """
    raise Called(locals())


def optional(checkpoints: list[str] = (), text: str | None = None) -> None:  # type: ignore[assignment]
    """Do it without checkpoints."""
    raise Called(locals())


def call_arguments(function: Any, *arguments: str) -> dict[str, Any]:
    """Return the arguments that a command is called with."""
    with pytest.raises(Called) as called:
        call(function, list(arguments))
    return dict(called.value.args[0])


DEFAULTS = {"name": "a", "size": None, "share": 0.5, "of": "best", "top_k": 0, "json": False}


def test_defaults_come_from_the_signature() -> None:
    assert call_arguments(command, "x") == DEFAULTS | {"checkpoints": ["x"]}
    assert call_arguments(optional) == {"checkpoints": [], "text": None}


def test_options_may_have_dashes_or_underscores_in_any_position() -> None:
    for arguments in (["x", "y", "--top-k", "3"], ["--top_k=3", "x", "y"], ["--top-k=3", "x", "y"]):
        assert call_arguments(command, *arguments) == DEFAULTS | {"checkpoints": ["x", "y"], "top_k": 3}
    called_with = call_arguments(command, "x", "--json", "--size", "3", "--share", "1", "--of", "last")
    assert called_with == DEFAULTS | {"checkpoints": ["x"], "json": True, "size": 3, "share": 1.0, "of": "last"}


@pytest.mark.parametrize("text", ["null", "true", "1", "1e3", "[a]", "{a: b}", "- a", "a: b", "'a'", "#", " a ", "é\n"])
def test_text_is_not_parsed_as_yaml(text: str) -> None:
    assert call_arguments(command, text, "--name", text) == DEFAULTS | {"checkpoints": [text], "name": text}


def test_empty_argument_counts_as_not_given() -> None:
    for arguments in (["x", "--name", ""], ["x", "--name="], ["--size", "", "x", "--of="], ["", "x", ""]):
        assert call_arguments(command, *arguments) == DEFAULTS | {"checkpoints": ["x"]}
    with pytest.raises(UserError, match="the following arguments are required: checkpoints"):
        call(command, [""])


def test_option_given_twice_is_an_error() -> None:
    for arguments in (["--top-k", "3", "--top_k=4"], ["--top-k", "3", "--json", "--top-k", "4"]):
        with pytest.raises(UserError, match="top_k must be given once, and 3 and 4 were given"):
            call(command, ["x", *arguments])
    assert call_arguments(command, "x", "--json", "--json")["json"] is True  # a flag may be repeated


def test_underscores_replace_dashes_only_in_option_names() -> None:
    assert underscore_option("--top-k") == "--top_k"
    assert underscore_option("--top-k=a-b") == "--top_k=a-b"
    assert underscore_option("a-b") == "a-b"
    assert underscore_option("-a-b") == "-a-b"


def test_help_comes_from_the_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call(command, ["--help"])
    output = capsys.readouterr().out
    assert "\nDo it.\n\nAt length.\n\nexamples:\n  seq2seq command a --top-k 3\n" in output
    for line in ("Files to open.", "The name. (type: str, default: a)", "The number. (type: int, default: 0)"):
        assert line in output
    assert "--json" in output
    assert "top_k" not in output
    with pytest.raises(SystemExit):
        call(optional, ["--help"])
    assert "required" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "the following arguments are required: checkpoints"),
        ("x --nam b", "unknown option nam; did you mean name?"),
        ("x --zzz b", "unknown option zzz"),
        ("x --size b", "size must be of type int, and b was given"),
        ("x --share b", "share must be of type float, and b was given"),
        ("x --of none", "of must be one of 'best', 'last', and none was given"),
        ("x --json y z", "unexpected argument y"),
    ],
)
def test_error_messages_are_plain(arguments: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        call(command, arguments.split())
    assert str(raised.value) == message


def test_unknown_option_suggests_the_nearest_one() -> None:
    known = ["model.size", "model.depth", "trainer.max_steps", "help"]
    assert unknown_option_error("model.sise", known) == "unknown option model.sise; did you mean model.size?"
    assert unknown_option_error("max_step", known) == "unknown option max_step; did you mean trainer.max_steps?"
    assert unknown_option_error("qqqqqq", known) == "unknown option qqqqqq"


def test_other_messages_are_shortened_to_one_line() -> None:
    message = simplify_message("something\n  went   wrong " + "x" * 1000, [])
    assert message.startswith("something went wrong x")
    assert len(message) <= 400
