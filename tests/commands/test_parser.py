"""Tests of the parser that turns a function into a command."""

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from seq2seq.commands.arguments import underscore_option
from seq2seq.commands.dataclass_options import Omit, changed_options
from seq2seq.commands.parser import call
from seq2seq.errors import UserError
from seq2seq.jsonargparse_internals.messages import simplify_message, unknown_option_error


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


@dataclass(frozen=True, kw_only=True)
class Animal(ABC):
    """Animal.

    Args:
        name: The name of the animal.
    """

    name: str = "a"

    @abstractmethod
    def sound(self) -> str: ...


@dataclass(frozen=True)
class Dog(Animal):
    """Dog.

    Args:
        barks: The number of barks.
        loud: Bark loudly.
    """

    barks: int = 1
    loud: bool = False

    def sound(self) -> str:
        return "bark"


@dataclass(frozen=True)
class Cat(Animal):
    lives: int
    size: int | None = None

    def sound(self) -> str:
        return "meow"


def keeper(animal: Animal = Dog(barks=3), count: int = 1) -> None:
    """Keep an animal.

    Args:
        animal: The animal.
        count: How many.
    """
    raise Called(locals())


def kennel(dog: Annotated[Dog, Omit(("loud",))] = Dog(barks=4, loud=True)) -> None:
    """Keep a dog."""
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


def test_fields_of_a_dataclass_are_options() -> None:
    assert call_arguments(keeper) == {"animal": Dog(barks=3), "count": 1}
    called_with = call_arguments(keeper, "--loud", "--barks", "2", "--name=b", "--count", "5")
    assert called_with == {"animal": Dog(barks=2, loud=True, name="b"), "count": 5}
    assert call_arguments(kennel, "--barks", "5") == {"dog": Dog(barks=5, loud=True)}


def test_an_option_chooses_the_class() -> None:
    name = f"{__name__}.Cat"
    assert call_arguments(keeper, "--animal", name, "--lives", "9") == {"animal": Cat(9), "count": 1}
    assert call_arguments(keeper, "--size=2", "--lives", "9", f"--animal={name}")["animal"] == Cat(9, 2)
    assert call_arguments(keeper, f"--animal={__name__}.Dog")["animal"] == Dog(barks=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--animal {}.Cat", "the following arguments are required: lives"),
        ("--animal {}.Cat --lives a", "lives must be of type int, and a was given"),
        ("--animal {}.Cat --barks 2", "unknown option barks"),
        ("--lives 9", "unknown option lives"),
        ("--animal {}.Animal", "animal must be a Animal, and {}.Animal was given"),
        ("--animal {}.keeper", "animal must be a Animal, and {}.keeper was given"),
        ("--animal {}.Cow", "animal {}.Cow cannot be imported: module '{}' has no attribute 'Cow'"),
        ("--animal nowhere.Cow", "animal nowhere.Cow cannot be imported: No module named 'nowhere'"),
    ],
)
def test_errors_of_dataclass_options_are_plain(arguments: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        call(keeper, arguments.replace("{}", __name__).split())
    assert str(raised.value) == message.replace("{}", __name__)


def test_a_field_that_is_another_option_is_an_error() -> None:
    def command(count: int = 1, animal: Animal = Dog()) -> None:
        """Count."""

    @dataclass(frozen=True)
    class Herd(Dog):
        count: int = 1

    globals()["Herd"] = Herd
    with pytest.raises(UserError, match="Herd cannot be used here: count is another option of this command"):
        call(command, ["--animal", f"{__name__}.Herd"])


def test_help_lists_the_fields_of_the_chosen_class(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, listed, others in (
        ([], "--barks", "--lives"),
        (["--animal", f"{__name__}.Cat"], "--lives", "--barks"),
    ):
        with pytest.raises(SystemExit):
            call(keeper, [*arguments, "--help"])
        output = capsys.readouterr().out
        assert listed in output
        assert others not in output
        assert "The name of the animal. (type: str, default: a)" in output
        assert "The animal. (type: str, default: dog)" in output


def test_changed_options_are_those_that_differ_from_the_default() -> None:
    parameters = inspect.signature(keeper).parameters
    for animal, changed in ((Dog(barks=3), set()), (Dog(barks=4, name="c"), {"barks", "name"}), (Cat(3), {"animal"})):
        assert changed_options(parameters, {"animal": animal, "count": 1}) == changed
    assert changed_options(parameters, {"animal": Dog(barks=3), "count": 2}) == {"count"}
