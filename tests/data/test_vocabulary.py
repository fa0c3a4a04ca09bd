"""Tests of loading, learning and caching the tokenizer of a corpus."""

import importlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import torch

from seq2seq import checkpoint, tokenizers
from seq2seq.data.vocabulary import check_resume_tokenizers, is_learned, load_or_learn_tokenizer
from seq2seq.errors import UserError
from seq2seq.tokenizers import Bytes, Characters, Subwords, Tokenizer, Words

LINES = ["one two three", "two three four", "a line with more words in it", "and another line"]


class CountedLines:
    """A callable that returns lines and counts its calls."""

    def __init__(self, lines: list[str] = LINES) -> None:
        self.lines = lines
        self.reads = 0

    def __call__(self) -> Iterable[str]:
        self.reads += 1
        return iter(self.lines)


def learn(tokenizer: Tokenizer, lines: list[str] = LINES) -> Tokenizer:
    tokenizer.learn(lines)
    return tokenizer


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "cache"))


def make_subwords(sampling: float = 0.0) -> Subwords:
    return Subwords(280, sampling=sampling)


@pytest.mark.parametrize("make", [Characters, Words, make_subwords])
def test_learned_tokenizer_is_cached(make: type[Tokenizer]) -> None:
    lines = CountedLines()
    first, second = load_or_learn_tokenizer(make(), lines, "content"), load_or_learn_tokenizer(make(), lines, "content")
    assert lines.reads == 1
    assert first == second == learn(make())


def test_cache_key_depends_on_content_and_options() -> None:
    lines, others = CountedLines(), CountedLines(["other words"])
    opened = [
        load_or_learn_tokenizer(Words(), lines, "content"),
        load_or_learn_tokenizer(Words(), others, "other content"),
        load_or_learn_tokenizer(Words(min_count=2), lines, "content"),
        load_or_learn_tokenizer(Characters(), lines, "content"),
    ]
    assert opened == [
        learn(Words()),
        learn(Words(), others.lines),
        learn(Words(min_count=2)),
        learn(Characters()),
    ]
    assert (lines.reads, others.reads) == (3, 1)


@pytest.mark.parametrize("order", [(0.0, 0.5), (0.5, 0.0)])
def test_sampling_is_not_part_of_the_cache_key(order: tuple[float, float]) -> None:
    lines = CountedLines()
    opened = [load_or_learn_tokenizer(make_subwords(sampling), lines, "content") for sampling in order]
    assert lines.reads == 1
    assert tuple(tokenizer.sampling for tokenizer in opened) == order
    assert opened == [learn(make_subwords(sampling)) for sampling in order]


class Reversed(Characters):
    """A tokenizer of a user's own module: this one."""

    def encode(self, text: str) -> list[int]:
        return super().encode(text[::-1])


@pytest.mark.parametrize("is_learned", [False, True])
def test_class_that_cannot_be_imported_is_refused(is_learned: bool) -> None:
    class Local(Characters):
        pass

    tokenizer = learn(Local()) if is_learned else Local()
    with pytest.raises(UserError, match=r"that can be imported by its path, so that .*, and \S+Local cannot"):
        load_or_learn_tokenizer(tokenizer, CountedLines(), "content")


def test_user_defined_tokenizer_is_cached_under_its_own_name() -> None:
    lines = CountedLines()
    opened = [load_or_learn_tokenizer(kind(), lines, "content") for kind in (Reversed, Characters, Reversed)]
    assert opened == [learn(Reversed()), learn(Characters()), learn(Reversed())]
    assert [type(tokenizer) for tokenizer in opened] == [Reversed, Characters, Reversed]
    assert lines.reads == 2


def test_cache_of_a_user_defined_tokenizer_depends_on_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    lines = CountedLines(["ab"])
    for method, expected in (("lower", ["a", "b"]), ("upper", ["A", "B"]), ("upper", ["A", "B"])):
        (tmp_path / "changing.py").write_text(
            "from seq2seq.tokenizers import Characters\n"
            "class Changed(Characters):\n"
            "    def split(self, text):\n"
            f"        return text.{method}()\n"
        )
        monkeypatch.delitem(sys.modules, "changing", raising=False)
        kind = importlib.import_module("changing").Changed
        assert load_or_learn_tokenizer(kind(), lines, "content").units()[5:] == expected
    assert lines.reads == 2


def test_given_tokenizer_is_not_changed() -> None:
    options = make_subwords(0.5)
    load_or_learn_tokenizer(options, CountedLines(), "content")
    assert not is_learned(options)
    assert options == make_subwords(0.5)


@pytest.mark.parametrize("tokenizer", [learn(Words()), Bytes()])
def test_learned_tokenizer_is_returned_unchanged(tokenizer: Tokenizer) -> None:
    lines = CountedLines()
    assert load_or_learn_tokenizer(tokenizer, lines, "content") is tokenizer
    assert lines.reads == 0


def test_failed_learning_leaves_nothing_in_the_cache() -> None:
    def broken_lines() -> Iterator[str]:
        yield "some words"
        raise ValueError("line 2 is broken")

    with pytest.raises(ValueError, match="line 2"):
        load_or_learn_tokenizer(Words(), broken_lines, "content")
    assert load_or_learn_tokenizer(Words(), CountedLines(), "content") == learn(Words())


def test_tokenizer_from_a_file(tmp_path: Path) -> None:
    tokenizers.save(learn(make_subwords(0.5)), tmp_path / "words.json")
    lines = CountedLines()
    opened = load_or_learn_tokenizer(str(tmp_path / "words.json"), lines, "content")
    assert opened == learn(make_subwords(0.5))
    assert lines.reads == 0


def test_tokenizer_from_a_checkpoint(tmp_path: Path) -> None:
    path = str(tmp_path / "some.ckpt")
    source, target = learn(make_subwords(0.5)), learn(Words())
    data_state = {"tokenizers": {"source": source.state_dict(), "target": target.state_dict()}}
    checkpoint.save({"state_dict": {}, "TranslationData": data_state}, path)
    assert load_or_learn_tokenizer(path, CountedLines(), "content") == source
    assert load_or_learn_tokenizer(path, CountedLines(), "content", "target") == target


def test_tokenizer_of_a_language_model_serves_both_sides(tmp_path: Path) -> None:
    path = str(tmp_path / "some.ckpt")
    checkpoint.save({"LanguageData": {"tokenizers": {"source": learn(Words()).state_dict()}}}, path)
    assert load_or_learn_tokenizer(path, CountedLines(), "content", "target") == learn(Words())


def test_invalid_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoint.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    torch.save([1, 2], tmp_path / "list.ckpt")
    (tmp_path / "text.ckpt").write_text("some text")
    (tmp_path / "empty.ckpt").write_bytes(b"")
    torch.save(Path("/"), tmp_path / "code.ckpt")
    for name in ("foreign", "list", "text", "empty", "code", "absent"):
        path = str(tmp_path / f"{name}.ckpt")
        with pytest.raises(UserError, match=name) as caught:
            load_or_learn_tokenizer(path, CountedLines(), "content")
        assert "\n" not in str(caught.value)


FORGED_TOKENIZERS: dict[str, object] = {
    "none": {},
    "a list": [1, 2],
    "a number": {"source": 5},
    "an empty state": {"source": {}},
    "an unknown kind": {"source": {"kind": "Lines", "version": 1, "options": {}}},
    "a tensor": {"source": {**Bytes().state_dict(), "options": torch.zeros(2)}},
    "a target that is a list": {"source": Bytes().state_dict(), "target": [1]},
}


@pytest.mark.parametrize("forged", FORGED_TOKENIZERS.values(), ids=FORGED_TOKENIZERS)
def test_forged_tokenizers_of_a_checkpoint_are_refused(tmp_path: Path, forged: object) -> None:
    path = str(tmp_path / "forged.ckpt")
    checkpoint.save({"LanguageData": {"tokenizers": forged}}, path)
    for side in ("source", "target"):
        with pytest.raises(UserError, match=r"^\S+forged\.ckpt cannot be used: .*tokenizer"):
            load_or_learn_tokenizer(path, CountedLines(), "content", side)


def test_resume_requires_the_same_tokenizers() -> None:
    words, others = learn(Words()), learn(Words(), ["other words"])
    data_state = {"tokenizers": {"source": words.state_dict(), "target": others.state_dict()}}
    check_resume_tokenizers(data_state, {"source": learn(Words()), "target": others})
    with pytest.raises(ValueError, match=r"the target tokenizer of the checkpoint \(7 tokens\) .* \(18 tokens\)"):
        check_resume_tokenizers(data_state, {"source": words, "target": words})
    for foreign in ({}, {"tokenizers": {"source": words.state_dict()}}):
        with pytest.raises(ValueError, match="contains no target tokenizer"):
            check_resume_tokenizers(foreign, {"target": words})
    with pytest.raises(UserError, match=r"^cannot resume: the source tokenizer of the checkpoint is invalid: "):
        check_resume_tokenizers({"tokenizers": {"source": {"kind": "Words"}}}, {"source": words})
    foreign = {"tokenizers": {"source": {**words.state_dict(), "kind": "my_tokenizers.Mine"}}}
    with pytest.raises(UserError, match=r"^cannot resume: .* of the class 'my_tokenizers.Mine', and .* class Words$"):
        check_resume_tokenizers(foreign, {"source": words})


def test_resume_restores_a_user_defined_tokenizer() -> None:
    data_state = {"tokenizers": {"source": learn(Reversed()).state_dict()}}
    check_resume_tokenizers(data_state, {"source": learn(Reversed())})
    with pytest.raises(UserError, match="is not the one of this corpus"):
        check_resume_tokenizers(data_state, {"source": learn(Reversed(), ["other words"])})
    with pytest.raises(UserError, match=r"of the class 'test_vocabulary\.Reversed', and .* of the class Characters"):
        check_resume_tokenizers(data_state, {"source": learn(Characters())})
