"""Tests that hold for every tokenizer."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tokenizer_texts import ANY_STRING, DIFFICULT_TEXTS, TEXT

from seq2seq.tokenizers import BOS, EOS, PAD, UNK, Bytes, Characters, Subwords, Tokenizer, Words, load, restore, save

MORE_EXAMPLES = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(text=ANY_STRING)
@example(text="\ud800 \udfff\n")
@MORE_EXAMPLES
def test_any_string_is_encoded_and_decoded(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert all(0 < i < tokenizer.vocab_size for i in ids)
    assert not {PAD, BOS, EOS} & set(ids)
    assert isinstance(tokenizer.decode(ids), str)
    assert len(tokenizer.pieces(text)) == len(ids)
    assert tokenizer.encode_batch([text, "the cat", text]) == [ids, tokenizer.encode("the cat"), ids]
    assert tokenizer.decode(tokenizer.sample(text, seed=3)) == tokenizer.decode(ids)


def test_encode_batch_refuses_a_string(tokenizer: Tokenizer) -> None:
    with pytest.raises(TypeError, match="lines must be a list of strings, not one string"):
        tokenizer.encode_batch("the cat")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [Characters, Words, Subwords])
def test_learn_refuses_a_string(kind: type[Tokenizer]) -> None:
    with pytest.raises(TypeError, match="lines must be a list of strings, not one string"):
        kind().learn("the cat")


@given(text=TEXT)
@MORE_EXAMPLES
def test_text_is_restored_exactly(lossless: Tokenizer, text: str) -> None:
    ids = lossless.encode(text)
    assert lossless.decode(ids) == text
    assert UNK not in ids


@pytest.mark.parametrize("text", DIFFICULT_TEXTS)
def test_difficult_text_is_restored_exactly(lossless: Tokenizer, text: str) -> None:
    assert lossless.decode(lossless.encode(text)) == text


@given(blocks=st.lists(TEXT.map(lambda text: text + "\n"), max_size=5), last=TEXT)
@MORE_EXAMPLES
def test_joined_ids_of_blocks_of_lines_decode_to_the_text(lossless: Tokenizer, blocks: list[str], last: str) -> None:
    blocks = [*blocks, last]
    assert lossless.decode([i for block in blocks for i in lossless.encode(block)]) == "".join(blocks)


@given(blocks=st.lists(TEXT, max_size=6))
@MORE_EXAMPLES
def test_blocks_may_be_split_anywhere(tokenizer: Tokenizer, blocks: list[str]) -> None:
    ids = [i for block in tokenizer.encode_blocks(blocks) for i in block]
    whole = tokenizer.decode(tokenizer.encode("".join(blocks)))
    if isinstance(tokenizer, Subwords) and tokenizer.normalization == "nfkc":
        return  # a combining character depends on the character before it
    assert tokenizer.decode(ids) == whole


@given(ids=st.lists(st.integers(0, 259), max_size=30))
@MORE_EXAMPLES
def test_any_ids_are_decoded(tokenizer: Tokenizer, ids: list[int]) -> None:
    assert isinstance(tokenizer.decode(i % tokenizer.vocab_size for i in ids), str)


def test_decode_skips_special_tokens_and_shows_unknown(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("the cat")
    assert tokenizer.decode([BOS, *ids, EOS, PAD, PAD]) == tokenizer.decode(ids)
    assert tokenizer.decode([UNK]) == ("�" if isinstance(tokenizer, Bytes) else "<unk>")


@pytest.mark.parametrize("past", [0, 1, 10**12])
def test_id_outside_the_vocabulary_is_refused(tokenizer: Tokenizer, past: int) -> None:
    with pytest.raises(ValueError, match="an id must be between 0 and"):
        tokenizer.decode([5, tokenizer.vocab_size + past])
    with pytest.raises(ValueError, match="not -1"):
        tokenizer.decode([5, -1])


def test_restored_tokenizer_is_equal(tokenizer: Tokenizer, tmp_path: Path) -> None:
    save(tokenizer, tmp_path / "a" / "tokenizer.json")
    text = "the cat\nsees a Zebra  ⁇\n"
    for other in (
        restore(tokenizer.state_dict()),
        load(tmp_path / "a" / "tokenizer.json"),
        pickle.loads(pickle.dumps(tokenizer)),
    ):
        assert type(other) is type(tokenizer)
        assert other == tokenizer
        assert other.fingerprint() == tokenizer.fingerprint()
        assert other.vocab_size == tokenizer.vocab_size
        assert other.encode(text) == tokenizer.encode(text)
        assert other.sample(text, 7) == tokenizer.sample(text, 7)


def test_state_contains_only_plain_values(tokenizer: Tokenizer) -> None:
    def is_plain(value: object) -> bool:
        if isinstance(value, dict):
            return all(type(key) is str and is_plain(part) for key, part in value.items())
        if isinstance(value, list):
            return all(map(is_plain, value))
        return value is None or type(value) in (bool, int, float, str, bytes)

    assert is_plain(tokenizer.state_dict())


def test_different_tokenizers_have_different_fingerprints(tokenizers: dict[str, Tokenizer]) -> None:
    assert len({tokenizer.fingerprint() for tokenizer in tokenizers.values()}) == len(tokenizers)
    assert Subwords(sampling=0.1) != Subwords()
    assert Words() != Characters()


@pytest.mark.parametrize("make", [Characters, Words, Subwords])
def test_use_before_learning_is_refused(make: type[Tokenizer]) -> None:
    for use in (
        lambda t: t.vocab_size,
        lambda t: t.encode("a"),
        lambda t: t.decode([5]),
        lambda t: t.pieces("a"),
        lambda t: t.sample("a", 0),
        lambda t: t.encode_batch(["a"]),
        lambda t: list(t.encode_blocks(["a"])),
    ):
        with pytest.raises(ValueError, match="must learn from text before it is used"):
            use(make())
    assert restore(make().state_dict()) == make()


@pytest.mark.parametrize("make", [Characters, Words, Subwords])
@pytest.mark.parametrize("lines", [[], [""], ["", ""]])
def test_learning_from_empty_text_is_refused(make: type[Tokenizer], lines: list[str]) -> None:
    with pytest.raises(ValueError, match="to learn from, but the text is empty"):
        make().learn(lines)


@pytest.mark.parametrize("make", [Characters, Words, lambda: Subwords(300)])
def test_error_of_the_lines_is_passed_on(make: type[Tokenizer]) -> None:
    def lines():
        yield "the cat"
        raise ValueError("text must be UTF-8")

    with pytest.raises(ValueError, match=r"^text must be UTF-8$"):
        make().learn(lines())


def test_other_tokenizers_need_neither_sentencepiece_nor_torch() -> None:
    program = """
import sys
sys.modules["sentencepiece"] = None
from seq2seq.tokenizers import Bytes, Characters, Subwords, Words
for make in (Bytes, Characters, Words):
    tokenizer = make()
    tokenizer.learn(["the cat"])
    assert tokenizer.decode(tokenizer.encode("the cat")) == "the cat"
try:
    Subwords().learn(["the cat"])
except ImportError as error:
    print(error)
assert "torch" not in sys.modules
"""
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Subwords needs the package sentencepiece" in completed.stdout
