"""Tests of incremental decoding."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizer_texts import ANY_STRING

from seq2seq.special_tokens import BOS, EOS, NUM_SPECIAL, PAD, UNK
from seq2seq.tokenizers import Bytes, Tokenizer
from seq2seq.tokenizers.streaming import IncrementalDecoder

# the fixtures of tokenizers are not changed by the tests
FEW_EXAMPLES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
SPECIAL_IDS = st.sampled_from([PAD, UNK, BOS, EOS])


def decode_incrementally(decoder: IncrementalDecoder, ids: list[int]) -> list[str]:
    return [*map(decoder.push, ids), decoder.flush()]


@FEW_EXAMPLES
@given(data=st.data())
def test_incremental_decoding_equals_decoding(tokenizer: Tokenizer, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(NUM_SPECIAL, tokenizer.vocab_size - 1) | st.just(UNK), max_size=40))
    assert "".join(decode_incrementally(IncrementalDecoder(tokenizer), ids)) == tokenizer.decode(ids)


@FEW_EXAMPLES
@given(text=ANY_STRING)
def test_incremental_decoding_of_a_text_equals_decoding(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert "".join(decode_incrementally(IncrementalDecoder(tokenizer), ids)) == tokenizer.decode(ids)


@given(
    ids=st.lists(
        st.sampled_from([0x80, 0x9F, 0xE4, 0xF0, 0xFF, 0x41, 0x98, 0xC3]).map(NUM_SPECIAL.__add__) | SPECIAL_IDS
    )
)
def test_incremental_decoding_of_invalid_utf8_equals_decoding(ids: list[int]) -> None:
    assert "".join(decode_incrementally(IncrementalDecoder(Bytes()), ids)) == Bytes().decode(ids)


@FEW_EXAMPLES
@given(prompt=ANY_STRING, text=ANY_STRING)
def test_text_of_previous_ids_is_not_repeated(lossless: Tokenizer, prompt: str, text: str) -> None:
    """Both end with a newline, so their joined ids are those of the joined text."""
    previous_ids, ids = lossless.encode(prompt + "\n"), lossless.encode(text + "\n")
    assert "".join(decode_incrementally(IncrementalDecoder(lossless, previous_ids), ids)) == lossless.decode(ids)


@FEW_EXAMPLES
@given(text=st.text(st.sampled_from("aßあ😀👩‍👩‍👧"), max_size=20))
def test_incomplete_characters_are_held_back(lossless: Tokenizer, text: str) -> None:
    texts = decode_incrementally(IncrementalDecoder(lossless), lossless.encode(text))
    assert "".join(texts) == text
    assert not any("\ufffd" in part for part in texts)


def test_character_is_returned_with_its_last_byte() -> None:
    decoder = IncrementalDecoder(Bytes())
    assert [decoder.push(i) for i in Bytes().encode("é😀a")] == ["", "é", "", "", "", "😀", "a"]


def test_decoder_keeps_few_ids(tokenizer: Tokenizer) -> None:
    decoder, ids = IncrementalDecoder(tokenizer), tokenizer.encode("the cat\nsees ✓ dogs")
    kept = []
    for _ in range(50):
        for token in ids:
            decoder.push(token)
            kept.append(len(decoder.ids))
    assert max(kept) <= 16
