"""Tests of counts of unknown tokens and their spelling cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_texts import ANY_STRING, TEXT

from seq2seq.tokenizers import UNK, Bytes, Characters, Subwords, Tokenizer, Words
from seq2seq.tokenizers.unknown import SpellingCost, UnknownTokenCounts, format_percent


@given(st.lists(st.lists(st.integers(0, 5))))
def test_rows_are_added(rows: list[list[int]]) -> None:
    counts = UnknownTokenCounts()
    counts.add(rows)
    ids = [i for row in rows for i in row]
    assert counts == UnknownTokenCounts(len(ids), ids.count(UNK))


def test_description_has_the_share_and_is_empty_without_unknown_tokens() -> None:
    assert UnknownTokenCounts(1204, 0).describe() == ""
    assert UnknownTokenCounts(0, 0).describe() == ""
    assert UnknownTokenCounts(1204, 3).describe("source tokens") == (
        "3 of 1,204 source tokens (0.25 %) are not in the vocabulary and are read as <unk>"
    )
    assert (
        UnknownTokenCounts(2, 1).describe() == "1 of 2 tokens (50.00 %) is not in the vocabulary and is read as <unk>"
    )


def test_report_is_logged_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    UnknownTokenCounts(4, 0).report()
    UnknownTokenCounts(4, 2).report("source tokens", "train: ")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "train: 2 of 4 source tokens (50.00 %) are not in the vocabulary and are read as <unk>\n"


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_percent_is_not_rounded_to_zero_or_100(part: int, rest: int) -> None:
    assert format_percent(part, part + rest) not in ("0.00 %", "100.00 %")
    assert format_percent(part, part) == "100.00 %"


@pytest.mark.parametrize("make", [Characters, Words])
def test_unseen_units_are_counted(make: type[Tokenizer]) -> None:
    tokenizer = make()
    tokenizer.learn(["a b"])
    counts = UnknownTokenCounts()
    counts.add(tokenizer.encode_batch(["a b", "a Ω", "ΩΩ"]))
    assert counts.unknown == (3 if make is Characters else 2)


def test_unk_in_a_text_counts_as_unknown() -> None:
    words = Words()
    words.learn(["the <unk> cat"])
    counts = UnknownTokenCounts()
    counts.add([words.encode("the <unk> cat <unk>")])
    assert counts == UnknownTokenCounts(4, 2)


@pytest.mark.filterwarnings("ignore:the text is too small")
@pytest.mark.parametrize("make", [Bytes, lambda: Subwords(300)])
def test_bytes_and_subwords_have_no_unknown_tokens(make: type[Tokenizer]) -> None:
    tokenizer = make()
    tokenizer.learn(["a few words"] * 9)
    counts = UnknownTokenCounts()
    counts.add(tokenizer.encode_batch(["日本 \U0001f600 <unk>", "\x00\x1a\u2581"]))
    assert counts.unknown == 0


def split_into_blocks(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@given(ANY_STRING, st.integers(1, 9))
def test_encode_with_unknown_returns_texts_of_unknown_tokens(
    tokenizers: dict[str, Tokenizer], text: str, size: int
) -> None:
    for tokenizer in tokenizers.values():
        blocks = split_into_blocks(text, size)
        encoded = list(tokenizer.encode_with_unknown(blocks))
        ids = [list(part) for part, _ in encoded]
        assert [i for part in ids for i in part] == [i for part in tokenizer.encode_blocks(blocks) for i in part]
        for part, unknown in zip(ids, (unknown for _, unknown in encoded), strict=True):
            assert part.count(UNK) == len(unknown)


@pytest.mark.parametrize("name", ["characters", "few-characters", "words"])
@given(text=TEXT, size=st.integers(1, 9))
def test_known_and_unknown_tokens_together_spell_the_text(
    tokenizers: dict[str, Tokenizer], name: str, text: str, size: int
) -> None:
    tokenizer = tokenizers[name]
    spelled = []
    for ids, unknown in tokenizer.encode_with_unknown(split_into_blocks(text, size)):
        texts = iter(unknown)
        spelled += [next(texts) if i == UNK else tokenizer.units()[i] for i in ids]
    words = [word for line in text.split("\n") for word in ["\n", *line.split()]][1:]
    assert spelled == (words if name == "words" else list(text))


@given(ANY_STRING, st.integers(1, 9))
def test_spelling_counts_the_characters_of_unknown_tokens(
    tokenizers: dict[str, Tokenizer], text: str, size: int
) -> None:
    for tokenizer in tokenizers.values():
        spelling = SpellingCost(tokenizer)
        ids = [i for part in spelling.encode(split_into_blocks(text, size)) for i in part]
        assert spelling.unknown_tokens == ids.count(UNK)
        assert 0 <= spelling.unlearned_characters <= spelling.spelled_characters
        assert spelling.unknown_tokens <= spelling.spelled_characters


def test_characters_are_those_of_the_vocabulary() -> None:
    words, characters = Words(max_size=6), Characters()
    for tokenizer in (words, characters):
        tokenizer.learn(["go go stop"])
    assert words.characters == set("\ngo")
    assert characters.characters == set("\n gostp")
    spelling = SpellingCost(words)
    list(spelling.encode(["go dog", "s"]))
    assert (spelling.unknown_tokens, spelling.spelled_characters, spelling.unlearned_characters) == (1, 4, 2)


@given(ANY_STRING, st.integers(1, 9))
def test_alters_predicts_whether_text_is_restored(tokenizers: dict[str, Tokenizer], text: str, size: int) -> None:
    """Unknown tokens are treated as known."""
    import re

    def read_as(name: str) -> str:
        cleaned = re.sub("[\ud800-\udfff]", "\ufffd", text)
        if name == "words":
            return "\n".join(" ".join(line.split()) for line in cleaned.split("\n"))
        return tokenizers[name].decode(tokenizers[name].encode(text)) if name == "nfkc" else cleaned

    for name, tokenizer in tokenizers.items():
        previous, altered = "\n", False
        for block in [*split_into_blocks(text, size if name != "nfkc" else 99), "\n" if name == "words" else ""]:
            altered |= tokenizer.alters(block, previous)
            previous = block[-1:]
        assert altered == (read_as(name) != text)


def test_units_are_the_vocabulary(tokenizer: Tokenizer) -> None:
    units = tokenizer.units()
    assert len(units) == tokenizer.vocab_size
    assert len(set(units[4:])) == len(units) - 4
    if not isinstance(tokenizer, Bytes):
        assert [units[i] for i in tokenizer.encode("the cat\nsaw ")] == tokenizer.pieces("the cat\nsaw ")


def test_word_split_over_blocks_is_one_word() -> None:
    words = Words()
    words.learn(["ab"])
    encoded = list(words.encode_with_unknown(["a"] * 3 + ["b c"] + [""] + ["d"]))
    assert [word for _, unknown in encoded for word in unknown] == ["aaab", "cd"]
