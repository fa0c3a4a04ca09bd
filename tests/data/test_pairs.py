"""Tests of tokenized pairs: padding, BOS and EOS, and caching."""

from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.pairs import Vocabularies, collate_pairs, count_unknown, encode_pairs, row_lengths
from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.tokenizers import Bytes, Subwords, Tokenizer, Words

IDS = st.lists(st.integers(4, 99), max_size=8)
PAIRS = st.lists(st.tuples(IDS, IDS), min_size=1, max_size=6)


def make_texts(name: str, count: int = 5) -> Any:
    texts = Dataset.from_dict(
        {
            "source": [f"{'word ' * (number % 7)}{number}" for number in range(count)],
            "target": ["", *(f"ä {number}" for number in range(1, count))],
        }
    )
    texts._fingerprint = name
    return texts


def remove_padding(rows: torch.Tensor) -> list[list[int]]:
    """Return the rows without padding, which must be at their ends."""
    unpadded = [[token for token in row if token != PAD] for row in rows.tolist()]
    assert rows.tolist() == [ids + [PAD] * (rows.shape[1] - len(ids)) for ids in unpadded]
    return unpadded


@given(PAIRS)
def test_batch_has_bos_and_eos_in_their_places(rows: list[tuple[list[int], list[int]]]) -> None:
    batch = collate_pairs([source for source, _ in rows], [target for _, target in rows], 7)
    assert remove_padding(batch.source) == [[*source, EOS] for source, _ in rows]
    assert remove_padding(batch.inputs) == [[BOS, *target] for _, target in rows]
    assert remove_padding(batch.targets) == [[*target, EOS] for _, target in rows]
    assert batch.lengths.tolist() == [len(source) + 1 for source, _ in rows]
    assert batch.tokens == 7
    for padded in (batch.source, batch.inputs, batch.targets):
        assert (padded != PAD).any(0).all()  # no column is padding only


def test_empty_batch_has_one_row_without_targets() -> None:
    batch = collate_pairs([], [], 12)
    assert batch.source.shape[0] == batch.inputs.shape[0] == batch.targets.shape[0] == len(batch.lengths) == 1
    assert (batch.targets == PAD).all()
    assert batch.lengths.tolist() == [1]
    assert batch.tokens == 12


def test_encoded_pairs_equal_the_tokenizers_encodings() -> None:
    texts, words = make_texts("encoded", 2500), Words()
    words.learn(texts["source"])
    encoded = encode_pairs(texts, Vocabularies(words, Bytes()))
    assert encoded["source"][:] == [words.encode(text) for text in texts["source"]]
    assert encoded["target"][:] == [Bytes().encode(text) for text in texts["target"]]
    assert row_lengths(encoded.data.column("target")).tolist() == [len(ids) for ids in encoded["target"]]


def test_pairs_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, vocabularies = make_texts("once"), Vocabularies(Bytes(), Bytes())
    first = encode_pairs(texts, vocabularies)[:]

    def fail(*_: Any) -> None:
        pytest.fail("was encoded again")

    monkeypatch.setattr(Bytes, "encode_batch", fail)
    assert encode_pairs(texts, vocabularies)[:] == first


def test_cache_key_depends_on_texts_and_tokenizers() -> None:
    words = Words()
    words.learn(["word ä 1 2 3 4"])
    tokenizers: list[Tokenizer] = [Bytes(), words]
    for texts in (make_texts("one content"), make_texts("another content", 3)):
        for source in tokenizers:
            for target in tokenizers:
                encoded = encode_pairs(texts, Vocabularies(source, target))
                assert encoded["source"][:] == source.encode_batch(texts["source"][:])
                assert encoded["target"][:] == target.encode_batch(texts["target"][:])


def test_failed_encoding_leaves_nothing_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, vocabularies = make_texts("broken"), Vocabularies(Bytes(), Bytes())

    def raise_error(*_: Any) -> None:
        raise OSError("no space is left")

    with monkeypatch.context() as patch:
        patch.setattr(Bytes, "encode_batch", raise_error)
        with pytest.raises(OSError, match="no space"):
            encode_pairs(texts, vocabularies)
    assert len(encode_pairs(texts, vocabularies)) == len(texts)


def test_encoding_logs_one_line_without_progress_bar(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    monkeypatch.setattr("seq2seq.data.pairs.rank_zero_log", messages.append)
    for _ in range(2):
        encode_pairs(make_texts("quiet", 2500), Vocabularies(Bytes(), Bytes()))
    assert messages == ["encoding 2,500 pairs as bytes ..."]
    assert capfd.readouterr() == ("", "")


def test_vocabularies_have_sampling_if_either_tokenizer_has() -> None:
    assert not Vocabularies(Subwords(), Words()).has_sampling
    assert Vocabularies(Subwords(sampling=0.5), Words()).has_sampling
    assert Vocabularies(Bytes(), Subwords(sampling=0.1)).has_sampling


def test_count_unknown_tokens_of_some_rows() -> None:
    """The rows span several record batches."""
    words = Words()
    words.learn(["word 1 2 3"])
    texts = make_texts("unknown tokens", 2500)
    column = encode_pairs(texts, Vocabularies(words, Bytes())).data.column("source")
    rows = np.array([0, 3, 999, 1000, 2499], dtype=np.int32)
    ids = [words.encode(texts[int(row)]["source"]) for row in rows]
    counts = count_unknown(column, rows)
    assert counts.tokens == sum(map(len, ids))
    assert counts.unknown == sum(row.count(UNK) for row in ids) == 4
