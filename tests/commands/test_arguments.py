"""Arguments as the shell gives them."""

import pytest

from seq2seq.commands.arguments import Arity, check_unicode, prepared, underscored, without_dotted
from seq2seq.errors import UserError


def arity(option: str) -> Arity:
    kinds: dict[str, Arity] = {"--flag": "none", "--many": "many"}
    return kinds.get(option, "one")


def test_only_the_name_of_an_option_is_read_with_underscores() -> None:
    assert underscored("--top-k") == "--top_k"
    assert underscored("--top-k=a-b") == "--top_k=a-b"
    assert underscored("a-b") == "a-b"
    assert underscored("-a-b") == "-a-b"


@pytest.mark.parametrize(
    ("given", "kept"),
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
def test_an_empty_value_counts_as_not_given(given: list[str], kept: list[str]) -> None:
    assert prepared(given, arity) == kept


@pytest.mark.parametrize(
    "given",
    [
        ["--x", "1", "--x", "2"],
        ["--x=1", "--x", "2"],
        ["--x", "1", "a", "--flag", "--x=2"],
    ],
)
def test_an_option_with_two_values_is_refused(given: list[str]) -> None:
    with pytest.raises(UserError, match=r"^x must be given once, and 1 and 2 were given$"):
        prepared(given, arity)


def test_options_of_a_class_are_refused_twice_however_they_are_written() -> None:
    for given in (
        ["--model.layer", "A", "--model.layer", "B"],
        ["--model.layer", "A", "--model.init_args.layer", "B"],
        ["--model.layer.class_path", "A", "--model.layer", "B"],
    ):
        with pytest.raises(UserError, match=r"^model\.layer must be given once, and A and B were given$"):
            prepared(given)


def test_what_keeps_every_value_may_be_repeated() -> None:
    given = ["--many", "1", "--many", "2", "--flag", "--flag"]
    assert prepared(given, arity) == given
    appended = ["--c+=A", "--c.p", "1", "--c+=B", "--c.p", "2"]
    assert prepared(appended) == appended
    with pytest.raises(UserError, match=r"c\.p must be given once"):
        prepared([*appended, "--c.p", "3"])


def test_an_argument_holds_no_nul_character() -> None:
    with pytest.raises(UserError, match="an argument cannot hold a NUL character, as a␀b does"):
        prepared(["a\0b"])


def test_options_with_a_dot_are_told_apart_with_their_values() -> None:
    given = ["a", "--x", "1", "--data.y", "2", "3", "--z=4", "--data.w=5.0"]
    assert without_dotted(given) == (["a", "--x", "1", "--z=4"], ["--data.y", "2", "3", "--data.w=5.0"])


def test_an_argument_that_is_kept_as_text_must_be_utf_8() -> None:
    check_unicode(["--runs", "übung 😀"], "it is kept")
    with pytest.raises(UserError, match=r"must be UTF-8, since it is kept$"):
        check_unicode(["--runs", b"caf\xe9".decode("utf-8", "surrogateescape")], "it is kept")
