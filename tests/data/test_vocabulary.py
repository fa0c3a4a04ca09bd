"""Laws of a corpus' tokenizer: learned once for each content, and the same wherever it comes from."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import torch

from seq2seq import checkpoint, tokenizers
from seq2seq.data.vocabulary import check_unchanged, is_learned, open_tokenizer
from seq2seq.errors import UserError
from seq2seq.tokenizers import Bytes, Characters, Subwords, Tokenizer, Words

LINES = ["one two three", "two three four", "a line with more words in it", "and another line"]


class Lines:
    """Lines that count how often they were read."""

    def __init__(self, lines: list[str] = LINES) -> None:
        self.lines = lines
        self.read = 0

    def __call__(self) -> Iterable[str]:
        self.read += 1
        return iter(self.lines)


def learned(tokenizer: Tokenizer, lines: list[str] = LINES) -> Tokenizer:
    tokenizer.learn(lines)
    return tokenizer


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "cache"))


def small(sampling: float = 0.0) -> Subwords:
    return Subwords(280, sampling=sampling)


@pytest.mark.parametrize("make", [Characters, Words, small])
def test_what_was_learned_is_kept_for_the_next_time(make: type[Tokenizer]) -> None:
    lines = Lines()
    first, second = open_tokenizer(make(), lines, "content"), open_tokenizer(make(), lines, "content")
    assert lines.read == 1
    assert first == second == learned(make())


def test_other_content_and_other_options_are_learned_anew() -> None:
    lines, others = Lines(), Lines(["other words"])
    opened = [
        open_tokenizer(Words(), lines, "content"),
        open_tokenizer(Words(), others, "other content"),
        open_tokenizer(Words(min_count=2), lines, "content"),
        open_tokenizer(Characters(), lines, "content"),
    ]
    assert opened == [
        learned(Words()),
        learned(Words(), others.lines),
        learned(Words(min_count=2)),
        learned(Characters()),
    ]
    assert (lines.read, others.read) == (3, 1)


@pytest.mark.parametrize("order", [(0.0, 0.5), (0.5, 0.0)])
def test_sampling_is_kept_and_changes_nothing_about_what_is_learned(order: tuple[float, float]) -> None:
    lines = Lines()
    opened = [open_tokenizer(small(sampling), lines, "content") for sampling in order]
    assert lines.read == 1
    assert tuple(tokenizer.sampling for tokenizer in opened) == order
    assert opened == [learned(small(sampling)) for sampling in order]


@pytest.mark.parametrize("ready", [False, True])
def test_a_tokenizer_that_a_checkpoint_would_restore_as_another_one_is_refused(ready: bool) -> None:
    class Reversed(Characters):
        def encode(self, text: str) -> list[int]:
            return super().encode(text[::-1])

    tokenizer = learned(Reversed()) if ready else Reversed()
    with pytest.raises(UserError, match=r"must be one of Bytes, Characters, .* and \S+\.Reversed is none of them"):
        open_tokenizer(tokenizer, Lines(), "content")


def test_the_options_stay_as_they_are() -> None:
    options = small(0.5)
    open_tokenizer(options, Lines(), "content")
    assert not is_learned(options)
    assert options == small(0.5)


@pytest.mark.parametrize("tokenizer", [learned(Words()), Bytes()])
def test_a_tokenizer_that_knows_all_it_needs_is_taken_as_it_is(tokenizer: Tokenizer) -> None:
    lines = Lines()
    assert open_tokenizer(tokenizer, lines, "content") is tokenizer
    assert lines.read == 0


def test_learning_that_fails_leaves_nothing_behind() -> None:
    def broken() -> Iterator[str]:
        yield "some words"
        raise ValueError("line 2 is broken")

    with pytest.raises(ValueError, match="line 2"):
        open_tokenizer(Words(), broken, "content")
    assert open_tokenizer(Words(), Lines(), "content") == learned(Words())


def test_a_tokenizer_can_come_from_a_file(tmp_path: Path) -> None:
    tokenizers.save(learned(small(0.5)), tmp_path / "words.json")
    lines = Lines()
    opened = open_tokenizer(str(tmp_path / "words.json"), lines, "content")
    assert opened == learned(small(0.5))
    assert lines.read == 0


def test_a_tokenizer_can_come_from_a_checkpoint(tmp_path: Path) -> None:
    path = str(tmp_path / "some.ckpt")
    source, target = learned(small(0.5)), learned(Words())
    held = {"tokenizers": {"source": source.state_dict(), "target": target.state_dict()}}
    checkpoint.save({"state_dict": {}, "TranslationData": held}, path)
    assert open_tokenizer(path, Lines(), "content") == source
    assert open_tokenizer(path, Lines(), "content", "target") == target


def test_the_one_tokenizer_of_a_language_model_serves_both_sides(tmp_path: Path) -> None:
    path = str(tmp_path / "some.ckpt")
    checkpoint.save({"LanguageData": {"tokenizers": {"source": learned(Words()).state_dict()}}}, path)
    assert open_tokenizer(path, Lines(), "content", "target") == learned(Words())


def test_what_is_no_checkpoint_is_refused_in_one_sentence(tmp_path: Path) -> None:
    checkpoint.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    torch.save([1, 2], tmp_path / "list.ckpt")
    (tmp_path / "text.ckpt").write_text("some text")
    (tmp_path / "empty.ckpt").write_bytes(b"")
    torch.save(Path("/"), tmp_path / "code.ckpt")
    for name in ("foreign", "list", "text", "empty", "code", "absent"):
        path = str(tmp_path / f"{name}.ckpt")
        with pytest.raises(UserError, match=name) as caught:
            open_tokenizer(path, Lines(), "content")
        assert "\n" not in str(caught.value)


def test_training_goes_on_only_with_its_own_tokenizers() -> None:
    words, others = learned(Words()), learned(Words(), ["other words"])
    held = {"tokenizers": {"source": words.state_dict(), "target": others.state_dict()}}
    check_unchanged(held, {"source": learned(Words()), "target": others})
    with pytest.raises(ValueError, match=r"the target tokenizer of the checkpoint \(7 tokens\) .* \(18 tokens\)"):
        check_unchanged(held, {"source": words, "target": words})
    for foreign in ({}, {"tokenizers": {"source": words.state_dict()}}):
        with pytest.raises(ValueError, match="no target tokenizer"):
            check_unchanged(foreign, {"target": words})
