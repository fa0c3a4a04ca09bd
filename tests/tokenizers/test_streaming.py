"""Laws of decoding id by id."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizer_texts import ANY_STRING

from seq2seq.special_tokens import BOS, EOS, NUM_SPECIAL, PAD, UNK
from seq2seq.tokenizers import Bytes, Tokenizer
from seq2seq.tokenizers.streaming import Decoder

# the tokenizers are made once and stay as they are
SAME = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
NO_TEXT = st.sampled_from([PAD, UNK, BOS, EOS])


def pieces(decoder: Decoder, ids: list[int]) -> list[str]:
    return [*map(decoder.push, ids), decoder.flush()]


@SAME
@given(data=st.data())
def test_the_pieces_of_any_ids_are_the_text_of_all(tokenizer: Tokenizer, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(NUM_SPECIAL, tokenizer.vocab_size - 1) | st.just(UNK), max_size=40))
    assert "".join(pieces(Decoder(tokenizer), ids)) == tokenizer.decode(ids)


@SAME
@given(text=ANY_STRING)
def test_the_pieces_of_a_text_are_what_its_ids_say(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert "".join(pieces(Decoder(tokenizer), ids)) == tokenizer.decode(ids)


@given(
    ids=st.lists(st.sampled_from([0x80, 0x9F, 0xE4, 0xF0, 0xFF, 0x41, 0x98, 0xC3]).map(NUM_SPECIAL.__add__) | NO_TEXT)
)
def test_bytes_that_are_no_text_come_out_as_they_are_decoded(ids: list[int]) -> None:
    assert "".join(pieces(Decoder(Bytes()), ids)) == Bytes().decode(ids)


@SAME
@given(prompt=ANY_STRING, text=ANY_STRING)
def test_what_stands_before_is_not_given_again(lossless: Tokenizer, prompt: str, text: str) -> None:
    """Both end with a newline, which makes their ids those of the joined text."""
    before, ids = lossless.encode(prompt + "\n"), lossless.encode(text + "\n")
    assert "".join(pieces(Decoder(lossless, before), ids)) == lossless.decode(ids)


@SAME
@given(text=st.text(st.sampled_from("aßあ😀👩‍👩‍👧"), max_size=20))
def test_no_character_is_given_by_half(lossless: Tokenizer, text: str) -> None:
    given_pieces = pieces(Decoder(lossless), lossless.encode(text))
    assert "".join(given_pieces) == text
    assert not any("\ufffd" in piece for piece in given_pieces)


def test_a_character_is_given_with_its_last_byte() -> None:
    decoder = Decoder(Bytes())
    assert [decoder.push(i) for i in Bytes().encode("é😀a")] == ["", "é", "", "", "", "😀", "a"]


def test_a_decoder_keeps_a_few_ids_however_many_it_was_given(tokenizer: Tokenizer) -> None:
    decoder, ids = Decoder(tokenizer), tokenizer.encode("the cat\nsees ✓ dogs")
    held = []
    for _ in range(50):
        for token in ids:
            decoder.push(token)
            held.append(len(decoder.ids))
    assert max(held) <= 16
