"""Tests of the preparation of command-line arguments."""

import pytest

from seq2seq.commands.arguments import Arity, check_unicode, prepare_arguments, split_dotted_options, underscore_option
from seq2seq.errors import UserError


def arity(option: str) -> Arity:
    kinds: dict[str, Arity] = {"--flag": "none", "--many": "many"}
    return kinds.get(option, "one")


def test_underscores_replace_dashes_only_in_option_names() -> None:
    assert underscore_option("--top-k") == "--top_k"
    assert underscore_option("--top-k=a-b") == "--top_k=a-b"
    assert underscore_option("a-b") == "a-b"
    assert underscore_option("-a-b") == "-a-b"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["a", "--x", "", "b"], ["a", "b"]),
        (["--x=", "--y", "1"], ["--y", "1"]),
        (["--flag", "", "a"], ["--flag", "a"]),
        (["--many", "", "a", "--x", ""], ["--many", "a"]),
        (["", "a", ""], ["a"]),
        (["--", "", "--x", "1", "--x", "2"], ["--", "--x", "1", "--x", "2"]),
        (["--x"], ["--x"]),
        (["--x", "--y", "1"], ["--x", "--y", "1"]),
        (["--x", " "], ["--x", " "]),
        (["--x", "-1"], ["--x", "-1"]),
    ],
)
def test_option_with_empty_value_is_removed(arguments: list[str], expected: list[str]) -> None:
    assert prepare_arguments(arguments, arity) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        ["--x", "1", "--x", "2"],
        ["--x=1", "--x", "2"],
        ["--x", "1", "a", "--flag", "--x=2"],
    ],
)
def test_option_given_twice_is_an_error(arguments: list[str]) -> None:
    with pytest.raises(UserError, match=r"^x must be given once, and 1 and 2 were given$"):
        prepare_arguments(arguments, arity)


def test_class_option_given_twice_in_different_spellings_is_an_error() -> None:
    for arguments in (
        ["--model.layer", "A", "--model.layer", "B"],
        ["--model.layer", "A", "--model.init_args.layer", "B"],
        ["--model.layer.class_path", "A", "--model.layer", "B"],
    ):
        with pytest.raises(UserError, match=r"^model\.layer must be given once, and A and B were given$"):
            prepare_arguments(arguments)


def test_flags_and_list_options_may_be_repeated() -> None:
    arguments = ["--many", "1", "--many", "2", "--flag", "--flag"]
    assert prepare_arguments(arguments, arity) == arguments
    appended = ["--c+=A", "--c.p", "1", "--c+=B", "--c.p", "2"]
    assert prepare_arguments(appended) == appended
    with pytest.raises(UserError, match=r"c\.p must be given once"):
        prepare_arguments([*appended, "--c.p", "3"])


def test_nul_character_is_an_error() -> None:
    with pytest.raises(UserError, match="arguments cannot contain NUL characters, and a␀b was given"):
        prepare_arguments(["a\0b"])


def test_dotted_options_are_split_off_with_their_values() -> None:
    arguments = ["a", "--x", "1", "--data.y", "2", "3", "--z=4", "--data.w=5.0"]
    assert split_dotted_options(arguments) == (["a", "--x", "1", "--z=4"], ["--data.y", "2", "3", "--data.w=5.0"])


def test_argument_that_is_not_utf_8_is_an_error() -> None:
    check_unicode(["--runs", "übung 😀"], "it is stored")
    with pytest.raises(UserError, match=r"must be UTF-8, since it is stored$"):
        check_unicode(["--runs", b"caf\xe9".decode("utf-8", "surrogateescape")], "it is stored")
