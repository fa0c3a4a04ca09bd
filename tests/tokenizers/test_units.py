"""Tests of characters, words and bytes."""

import time

import pytest
from hypothesis import given
from tokenizer_texts import TEXT

from seq2seq.tokenizers import UNK, Bytes, Characters, Tokenizer, Words


def learn(tokenizer: Tokenizer, *lines: str) -> Tokenizer:
    tokenizer.learn(lines)
    return tokenizer


@given(text=TEXT)
def test_known_characters_are_restored_exactly(text: str) -> None:
    tokenizer = learn(Characters(), text, "x")
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert UNK not in tokenizer.encode(text)


@given(text=TEXT)
def test_known_words_are_joined_by_single_spaces(text: str) -> None:
    tokenizer = learn(Words(), *text.split("\n"), "x")
    expected = "\n".join(" ".join(line.split()) for line in text.split("\n"))
    assert tokenizer.decode(tokenizer.encode(text)) == expected


def test_unseen_unit_is_unknown() -> None:
    assert learn(Characters(), "abc").encode("aéc")[1] == UNK
    words = learn(Words(), "the cat")
    assert words.decode(words.encode("the zebra\n")) == "the <unk>\n"


def test_newline_is_always_in_the_vocabulary() -> None:
    for tokenizer in (learn(Characters(), "a b"), learn(Words(), "a b")):
        assert tokenizer.encode("\n") == [4]
        assert tokenizer.decode(tokenizer.encode("a\na b\n\na\n")) == "a\na b\n\na\n"


def test_unk_in_a_corpus_has_the_id_of_unknown() -> None:
    words = learn(Words(), "the <unk> cat")
    assert words.encode("the <unk> zebra")[1:] == [UNK, UNK]
    assert words.decode(words.encode("the <unk> cat")) == "the <unk> cat"


def test_names_of_other_special_tokens_are_ordinary_words() -> None:
    words = learn(Words(), "<s> a </s> <pad>")
    assert min(words.encode("<s> a </s> <pad>")) > 4
    assert words.decode(words.encode("<s> a </s> <pad>")) == "<s> a </s> <pad>"


@pytest.mark.parametrize("make", [Characters, Words])
def test_most_frequent_units_are_kept_in_any_text_order(make: type[Characters]) -> None:
    lines = ["c c c", "b b", "a a", "d"]
    for order in (lines, lines[::-1]):
        tokenizer = make(max_size=8)
        tokenizer.learn(order)
        assert tokenizer.vocab_size == 8
        assert tokenizer.decode(tokenizer.encode("d")) == "<unk>"
    rare = make(min_count=2)
    rare.learn(lines)
    assert rare.encode("d") == [UNK]
    assert UNK not in rare.encode("a b c")


@pytest.mark.parametrize("make", [Characters, Words])
def test_options_out_of_range_are_refused(make: type[Characters]) -> None:
    with pytest.raises(ValueError, match=r"max_size must be at least 6 .*, and 5 was given"):
        make(max_size=5)
    with pytest.raises(ValueError, match=r"min_count must be at least 1 .*, and 0 was given"):
        make(min_count=0)


def test_bytes_need_no_learning() -> None:
    tokenizer = Bytes()
    assert tokenizer.vocab_size == 260
    assert tokenizer.decode(tokenizer.encode("Ä ▁\0")) == "Ä ▁\0"
    assert tokenizer.decode(tokenizer.encode("Ä")[:1]) == "�"
    assert tokenizer.pieces("a Ä") == ["a", "<0x20>", "<0xC3>", "<0x84>"]


@pytest.mark.parametrize("make", [Characters, Bytes, Words])
def test_encoding_a_megabyte_is_fast(make: type[Tokenizer]) -> None:
    text = "the cat sees a big dog\n" * 45_000
    tokenizer = make()
    tokenizer.learn(["the cat sees a big dog"])
    start = time.process_time()
    tokenizer.encode(text)
    assert time.process_time() - start < 3
