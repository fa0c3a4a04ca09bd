"""Laws of the parser that turns a function into a command."""

from typing import Any, Literal

import pytest

from seq2seq.commands.arguments import underscored
from seq2seq.commands.messages import plain_sentence, unknown
from seq2seq.commands.parser import call
from seq2seq.errors import UserError


class Called(Exception):  # noqa: N818
    """Carries what a command was called with."""


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
        checkpoints: What is opened.
        name: What it is called.
        size: How large.
        share: How much.
        of: Which ones.
        top_k: How many.
        json: For machines.
    """
    raise Called(locals())


def optional(checkpoints: list[str] = (), text: str | None = None) -> None:  # type: ignore[assignment]
    """Do it without any."""
    raise Called(locals())


def given(function: Any, *arguments: str) -> dict[str, Any]:
    with pytest.raises(Called) as called:
        call(function, list(arguments))
    return dict(called.value.args[0])


DEFAULTS = {"name": "a", "size": None, "share": 0.5, "of": "best", "top_k": 0, "json": False}


def test_defaults_are_those_of_the_signature() -> None:
    assert given(command, "x") == DEFAULTS | {"checkpoints": ["x"]}
    assert given(optional) == {"checkpoints": [], "text": None}


def test_options_have_dashes_or_underscores_and_stand_anywhere() -> None:
    for arguments in (["x", "y", "--top-k", "3"], ["--top_k=3", "x", "y"], ["--top-k=3", "x", "y"]):
        assert given(command, *arguments) == DEFAULTS | {"checkpoints": ["x", "y"], "top_k": 3}
    said = given(command, "x", "--json", "--size", "3", "--share", "1", "--of", "last")
    assert said == DEFAULTS | {"checkpoints": ["x"], "json": True, "size": 3, "share": 1.0, "of": "last"}


@pytest.mark.parametrize("text", ["null", "true", "1", "1e3", "[a]", "{a: b}", "- a", "a: b", "'a'", "#", " a ", "é\n"])
def test_text_is_taken_as_it_is(text: str) -> None:
    assert given(command, text, "--name", text) == DEFAULTS | {"checkpoints": [text], "name": text}


def test_an_empty_text_counts_as_not_given() -> None:
    for arguments in (["x", "--name", ""], ["x", "--name="], ["--size", "", "x", "--of="], ["", "x", ""]):
        assert given(command, *arguments) == DEFAULTS | {"checkpoints": ["x"]}
    with pytest.raises(UserError, match="the following arguments are required: checkpoints"):
        call(command, [""])


def test_an_option_with_two_values_is_refused() -> None:
    for arguments in (["--top-k", "3", "--top_k=4"], ["--top-k", "3", "--json", "--top-k", "4"]):
        with pytest.raises(UserError, match="top_k must be given once, and 3 and 4 were given"):
            call(command, ["x", *arguments])
    assert given(command, "x", "--json", "--json")["json"] is True  # which says the same twice


def test_only_the_name_of_an_option_is_read_with_underscores() -> None:
    assert underscored("--top-k") == "--top_k"
    assert underscored("--top-k=a-b") == "--top_k=a-b"
    assert underscored("a-b") == "a-b"
    assert underscored("-a-b") == "-a-b"


def test_help_says_what_the_docstring_says(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call(command, ["--help"])
    said = capsys.readouterr().out
    assert "\nDo it.\n\nAt length.\n\nexamples:\n  seq2seq command a --top-k 3\n" in said
    for line in ("What is opened.", "What it is called. (type: str, default: a)", "How many. (type: int, default: 0)"):
        assert line in said
    assert "--json" in said
    assert "top_k" not in said
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
        ("x --json y z", "there is no place for the argument y"),
    ],
)
def test_a_mistake_is_one_plain_sentence(arguments: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        call(command, arguments.split())
    assert str(raised.value) == message


def test_an_unknown_option_has_the_nearest_one_named() -> None:
    known = ["model.size", "model.depth", "trainer.max_steps", "help"]
    assert unknown("model.sise", known) == "unknown option model.sise; did you mean model.size?"
    assert unknown("max_step", known) == "unknown option max_step; did you mean trainer.max_steps?"
    assert unknown("qqqqqq", known) == "unknown option qqqqqq"


def test_any_other_message_is_one_line_that_is_not_too_long() -> None:
    said = plain_sentence("something\n  went   wrong " + "x" * 1000, [])
    assert said.startswith("something went wrong x")
    assert len(said) <= 400
