"""Laws of counting what a tokenizer does not know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_texts import ANY_STRING, TEXT

from seq2seq.tokenizers import UNK, Bytes, Characters, Subwords, Tokenizer, Words
from seq2seq.tokenizers.unknown import Spelling, UnknownTokens, percent


@given(st.lists(st.lists(st.integers(0, 5))))
def test_rows_are_counted_together(rows: list[list[int]]) -> None:
    counts = UnknownTokens()
    counts.add(rows)
    together = [i for row in rows for i in row]
    assert counts == UnknownTokens(len(together), together.count(UNK))


def test_the_sentence_has_the_share_and_is_silent_without_unknown_tokens() -> None:
    assert UnknownTokens(1204, 0).sentence() == ""
    assert UnknownTokens(0, 0).sentence() == ""
    assert UnknownTokens(1204, 3).sentence("source tokens") == (
        "3 of 1,204 source tokens (0.25 %) are not in the vocabulary and are read as <unk>"
    )
    assert UnknownTokens(2, 1).sentence() == "1 of 2 tokens (50.00 %) is not in the vocabulary and is read as <unk>"


def test_it_is_said_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    UnknownTokens(4, 0).report()
    UnknownTokens(4, 2).report("source tokens", "train: ")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "train: 2 of 4 source tokens (50.00 %) are not in the vocabulary and are read as <unk>\n"


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_share_is_neither_nothing_nor_all_unless_it_is(part: int, rest: int) -> None:
    assert percent(part, part + rest) not in ("0.00 %", "100.00 %")
    assert percent(part, part) == "100.00 %"


@pytest.mark.parametrize("make", [Characters, Words])
def test_what_was_not_learned_is_counted(make: type[Tokenizer]) -> None:
    tokenizer = make()
    tokenizer.learn(["a b"])
    counts = UnknownTokens()
    counts.add(tokenizer.encode_batch(["a b", "a Ω", "ΩΩ"]))
    assert counts.unknown == (3 if make is Characters else 2)


def test_a_word_that_is_spelled_unk_is_unknown() -> None:
    words = Words()
    words.learn(["the <unk> cat"])
    counts = UnknownTokens()
    counts.add([words.encode("the <unk> cat <unk>")])
    assert counts == UnknownTokens(4, 2)


@pytest.mark.filterwarnings("ignore:the text is too small")
@pytest.mark.parametrize("make", [Bytes, lambda: Subwords(300)])
def test_bytes_and_subwords_know_every_text(make: type[Tokenizer]) -> None:
    tokenizer = make()
    tokenizer.learn(["a few words"] * 9)
    counts = UnknownTokens()
    counts.add(tokenizer.encode_batch(["日本 \U0001f600 <unk>", "\x00\x1a\u2581"]))
    assert counts.unknown == 0


def blocks_of(text: str, size: int) -> list[str]:
    return [text[begin : begin + size] for begin in range(0, len(text), size)]


@given(ANY_STRING, st.integers(1, 9))
def test_unknown_tokens_come_with_their_text(tokenizers: dict[str, Tokenizer], text: str, size: int) -> None:
    for tokenizer in tokenizers.values():
        blocks = blocks_of(text, size)
        read = list(tokenizer.encode_with_unknown(blocks))
        ids = [list(part) for part, _ in read]
        assert [i for part in ids for i in part] == [i for part in tokenizer.encode_blocks(blocks) for i in part]
        for part, unknown in zip(ids, (unknown for _, unknown in read), strict=True):
            assert part.count(UNK) == len(unknown)


@pytest.mark.parametrize("name", ["characters", "few-characters", "words"])
@given(text=TEXT, size=st.integers(1, 9))
def test_known_and_unknown_tokens_together_spell_the_text(
    tokenizers: dict[str, Tokenizer], name: str, text: str, size: int
) -> None:
    tokenizer = tokenizers[name]
    spelled = []
    for ids, unknown in tokenizer.encode_with_unknown(blocks_of(text, size)):
        texts = iter(unknown)
        spelled += [next(texts) if i == UNK else tokenizer.units()[i] for i in ids]
    words = [word for line in text.split("\n") for word in ["\n", *line.split()]][1:]
    assert spelled == (words if name == "words" else list(text))


@given(ANY_STRING, st.integers(1, 9))
def test_spelling_counts_the_characters_of_unknown_tokens(
    tokenizers: dict[str, Tokenizer], text: str, size: int
) -> None:
    for tokenizer in tokenizers.values():
        spelling = Spelling(tokenizer)
        ids = [i for part in spelling.read(blocks_of(text, size)) for i in part]
        assert spelling.tokens == ids.count(UNK)
        assert 0 <= spelling.foreign <= spelling.characters
        assert spelling.tokens <= spelling.characters


def test_known_characters_are_those_of_what_was_learned() -> None:
    words, characters = Words(max_size=6), Characters()
    for tokenizer in (words, characters):
        tokenizer.learn(["go go stop"])
    assert words.characters == set("\ngo")
    assert characters.characters == set("\n gostp")
    spelling = Spelling(words)
    list(spelling.read(["go dog", "s"]))
    assert (spelling.tokens, spelling.characters, spelling.foreign) == (1, 4, 2)


@given(ANY_STRING, st.integers(1, 9))
def test_a_text_that_is_altered_does_not_come_back(tokenizers: dict[str, Tokenizer], text: str, size: int) -> None:
    """Whatever is known of it: what is unknown is taken for known here."""
    import re

    def read(name: str) -> str:
        whole = re.sub("[\ud800-\udfff]", "\ufffd", text)
        if name == "words":
            return "\n".join(" ".join(line.split()) for line in whole.split("\n"))
        return tokenizers[name].decode(tokenizers[name].encode(text)) if name == "nfkc" else whole

    for name, tokenizer in tokenizers.items():
        before, altered = "\n", False
        for block in [*blocks_of(text, size if name != "nfkc" else 99), "\n" if name == "words" else ""]:
            altered |= tokenizer.alters(block, before)
            before = block[-1:]
        assert altered == (read(name) != text)


def test_units_are_what_ids_stand_for(tokenizer: Tokenizer) -> None:
    units = tokenizer.units()
    assert len(units) == tokenizer.vocab_size
    assert len(set(units[4:])) == len(units) - 4
    if not isinstance(tokenizer, Bytes):
        assert [units[i] for i in tokenizer.encode("the cat\nsaw ")] == tokenizer.pieces("the cat\nsaw ")


def test_a_long_word_in_many_blocks_is_one_word() -> None:
    words = Words()
    words.learn(["ab"])
    read = list(words.encode_with_unknown(["a"] * 3 + ["b c"] + [""] + ["d"]))
    assert [word for _, unknown in read for word in unknown] == ["aaab", "cd"]
