"""Laws of pairs as ids: padding says nothing, marks are where they belong, and encoding is done once."""

from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.pairs import Vocabularies, encode_pairs, lengths, pair_batch, unknown_of
from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.tokenizers import Bytes, Subwords, Tokenizer, Words

SIDE = st.lists(st.integers(4, 99), max_size=8)
ROWS = st.lists(st.tuples(SIDE, SIDE), min_size=1, max_size=6)


def corpus(name: str, count: int = 5) -> Any:
    texts = Dataset.from_dict(
        {
            "source": [f"{'word ' * (number % 7)}{number}" for number in range(count)],
            "target": ["", *(f"ä {number}" for number in range(1, count))],
        }
    )
    texts._fingerprint = name
    return texts


def real(rows: torch.Tensor) -> list[list[int]]:
    """The rows without their padding, which only their ends may hold."""
    kept = [[one for one in row if one != PAD] for row in rows.tolist()]
    assert rows.tolist() == [ids + [PAD] * (rows.shape[1] - len(ids)) for ids in kept]
    return kept


@given(ROWS)
def test_a_batch_holds_each_pair_between_its_marks(rows: list[tuple[list[int], list[int]]]) -> None:
    batch = pair_batch([source for source, _ in rows], [target for _, target in rows], 7)
    assert real(batch.source) == [[*source, EOS] for source, _ in rows]
    assert real(batch.inputs) == [[BOS, *target] for _, target in rows]
    assert real(batch.targets) == [[*target, EOS] for _, target in rows]
    assert batch.lengths.tolist() == [len(source) + 1 for source, _ in rows]
    assert batch.tokens == 7
    for padded in (batch.source, batch.inputs, batch.targets):
        assert (padded != PAD).any(0).all()  # not wider than it must be


def test_a_batch_of_no_pair_can_be_read_and_asks_for_nothing() -> None:
    batch = pair_batch([], [], 12)
    assert batch.source.shape[0] == batch.inputs.shape[0] == batch.targets.shape[0] == len(batch.lengths) == 1
    assert (batch.targets == PAD).all()
    assert batch.lengths.tolist() == [1]
    assert batch.tokens == 12


def test_encoded_pairs_are_what_the_tokenizers_say() -> None:
    texts, words = corpus("said", 2500), Words()
    words.learn(texts["source"])
    encoded = encode_pairs(texts, Vocabularies(words, Bytes()))
    assert encoded["source"][:] == [words.encode(text) for text in texts["source"]]
    assert encoded["target"][:] == [Bytes().encode(text) for text in texts["target"]]
    assert lengths(encoded.data.column("target")).tolist() == [len(ids) for ids in encoded["target"]]


def test_pairs_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, vocabularies = corpus("once"), Vocabularies(Bytes(), Bytes())
    first = encode_pairs(texts, vocabularies)[:]

    def again(*_: Any) -> None:
        pytest.fail("was encoded again")

    monkeypatch.setattr(Bytes, "encode_batch", again)
    assert encode_pairs(texts, vocabularies)[:] == first


def test_other_texts_and_other_tokenizers_are_encoded_anew() -> None:
    words = Words()
    words.learn(["word ä 1 2 3 4"])
    tokenizers: list[Tokenizer] = [Bytes(), words]
    for texts in (corpus("one content"), corpus("another content", 3)):
        for source in tokenizers:
            for target in tokenizers:
                encoded = encode_pairs(texts, Vocabularies(source, target))
                assert encoded["source"][:] == source.encode_batch(texts["source"][:])
                assert encoded["target"][:] == target.encode_batch(texts["target"][:])


def test_encoding_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, vocabularies = corpus("broken"), Vocabularies(Bytes(), Bytes())

    def broken(*_: Any) -> None:
        raise OSError("no space is left")

    with monkeypatch.context() as patch:
        patch.setattr(Bytes, "encode_batch", broken)
        with pytest.raises(OSError, match="no space"):
            encode_pairs(texts, vocabularies)
    assert len(encode_pairs(texts, vocabularies)) == len(texts)


def test_long_work_is_one_line_and_no_progress_bar(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("seq2seq.data.pairs.say", said.append)
    for _ in range(2):
        encode_pairs(corpus("quiet", 2500), Vocabularies(Bytes(), Bytes()))
    assert said == ["turning 2,500 pairs into bytes ..."]
    assert capfd.readouterr() == ("", "")


def test_vocabularies_cut_words_at_random_if_one_of_them_does() -> None:
    assert not Vocabularies(Subwords(), Words()).sampling
    assert Vocabularies(Subwords(sampling=0.5), Words()).sampling
    assert Vocabularies(Bytes(), Subwords(sampling=0.1)).sampling


def test_unknown_tokens_of_chosen_rows_are_counted() -> None:
    """Across the batches that rows are written in."""
    words = Words()
    words.learn(["word 1 2 3"])
    texts = corpus("unknown tokens", 2500)
    column = encode_pairs(texts, Vocabularies(words, Bytes())).data.column("source")
    rows = np.array([0, 3, 999, 1000, 2499], dtype=np.int32)
    ids = [words.encode(texts[int(row)]["source"]) for row in rows]
    counts = unknown_of(column, rows)
    assert counts.tokens == sum(map(len, ids))
    assert counts.unknown == sum(one.count(UNK) for one in ids) == 4
