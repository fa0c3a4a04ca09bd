"""Tests of the base class of data modules, by a user's data module for words with labels."""

from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from seq2seq.data import TextDataModule
from seq2seq.data.batches import BatchLoader, ResumableBatchLoader
from seq2seq.data.pairs import pad
from seq2seq.data.translation_pairs import translation_pairs
from seq2seq.data.vocabulary import load_or_learn_tokenizer
from seq2seq.errors import UserError
from seq2seq.tokenizers import Tokenizer, Words

WORDS = {"the": "D", "a": "D", "cat": "N", "dog": "N", "house": "N", "sees": "V", "likes": "V"}


class TagBatch(NamedTuple):
    words: Tensor
    labels: Tensor
    tokens: int


class TaggingData(TextDataModule):
    """Sentences with one label for each word: what a user adds to the base class."""

    def __init__(self, corpus: str, batch_size: int = 4, held_out: float = 0.2, workers: int = 0) -> None:
        super().__init__(corpus, None, held_out, workers)
        self.batch_size = batch_size

    def texts(self, split: str) -> Any:
        return translation_pairs(self.corpus, "words", "labels", split, self.held_out)

    @cached_property
    def tokenizers(self) -> dict[str, Tokenizer]:  # type: ignore[override]
        texts = self.texts("train")
        key = texts._fingerprint
        return {side: load_or_learn_tokenizer(Words(), lambda s=side: texts[s], f"{key}-{side}") for side in PAIR}

    @property
    def vocab_size(self) -> int:
        return self.tokenizers["source"].vocab_size

    @property
    def num_labels(self) -> int:
        return self.tokenizers["target"].vocab_size

    def make_batch(self, texts: Any, rows: list[int]) -> TagBatch:
        rank, world_size = self.rank_and_world_size
        ids = {side: self.tokenizers[side].encode_batch(texts[rows][side]) for side in PAIR}
        share = [pad(ids[side][rank::world_size]) for side in PAIR]
        return TagBatch(*share, sum(map(len, ids["target"])))

    def train_dataloader(self) -> ResumableBatchLoader[TagBatch]:
        texts = self.texts("train")

        def plan(epoch: int) -> list[list[int]]:
            rows = np.random.default_rng(epoch).permutation(len(texts)).tolist()
            return [rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size)]

        return ResumableBatchLoader(plan, lambda epoch, rows: self.make_batch(texts, rows), self.workers)

    def eval_dataloader(self, split: str) -> BatchLoader[TagBatch]:
        texts = self.texts(split)
        return BatchLoader([[row] for row in range(len(texts))], partial(self.make_batch, texts), self.workers)


PAIR = ("source", "target")


def sentences() -> Iterator[tuple[str, str]]:
    rng = np.random.default_rng(1)
    for _ in range(40):
        words = rng.choice(list(WORDS), size=rng.integers(1, 6)).tolist()
        yield " ".join(words), " ".join(WORDS[word] for word in words)


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    for split in ("train", "test"):
        lines = ["words\tlabels", *map("\t".join, sentences())]
        (tmp_path / f"{split}.tsv").write_text("".join(f"{line}\n" for line in lines))
    return str(tmp_path)


def read(data: TaggingData, batches: Any) -> list[tuple[str, str]]:
    """Return the sentences of batches as text again."""
    decode = [data.tokenizers[side].decode for side in PAIR]
    return [
        (decode[0](words), decode[1](labels))
        for batch in batches
        for words, labels in zip(batch.words.tolist(), batch.labels.tolist(), strict=True)
    ]


def test_loaders_of_every_split(corpus: str) -> None:
    data = TaggingData(corpus)
    train, validation = (read(data, loader) for loader in (data.train_dataloader(), data.val_dataloader()))
    assert train
    assert validation
    assert sorted(train + validation) == sorted(sentences())
    assert not {words for words, _ in train} & {words for words, _ in validation}
    expected = list(sentences())
    assert read(data, data.test_dataloader()) == read(data, data.predict_dataloader()) == expected
    assert str(data) == f"TaggingData({corpus})"


def test_ranks_share_every_batch_and_know_its_tokens(corpus: str) -> None:
    whole = list(TaggingData(corpus).train_dataloader())
    shares = []
    for rank in range(2):
        data = TaggingData(corpus)
        data.trainer = SimpleNamespace(global_rank=rank, world_size=2)  # type: ignore[assignment]
        shares.append(list(data.train_dataloader()))
    for batch, *parts in zip(whole, *shares, strict=True):
        assert [part.tokens for part in parts] == [batch.tokens] * 2
        assert sum((part.labels > 0).sum() for part in parts) == batch.tokens == (batch.labels > 0).sum()


def test_checkpoint_holds_the_tokenizers_and_the_corpus(corpus: str, tmp_path: Path) -> None:
    data = TaggingData(corpus)
    state = data.state_dict()
    assert state["corpus"] == {"corpus": corpus, "subset": None, "held_out": 0.2}
    assert {side: state["tokenizers"][side]["kind"] for side in PAIR} == dict.fromkeys(PAIR, "Words")
    TaggingData(corpus).load_state_dict(state)
    (tmp_path / "train.tsv").write_text("words\tlabels\nnew words\tX X\n" * 20)
    with pytest.raises(UserError, match="cannot resume: the source tokenizer of the checkpoint"):
        TaggingData(corpus, held_out=0).load_state_dict(state)


def test_training_resumes_within_an_epoch(corpus: str) -> None:
    expected = list(TaggingData(corpus).train_dataloader())
    stopped, resumed = TaggingData(corpus).train_dataloader(), TaggingData(corpus).train_dataloader()
    iterator = iter(stopped)
    for _ in range(3):
        next(iterator)
    resumed.load_state_dict(stopped.state_dict())
    remaining = list(resumed)
    assert len(remaining) == len(expected) - 3
    assert all(torch.equal(one.words, other.words) for one, other in zip(remaining, expected[3:], strict=True))


def test_class_without_a_required_part_cannot_be_created() -> None:
    class Incomplete(TextDataModule):
        pass

    with pytest.raises(TypeError, match="abstract methods"):
        Incomplete("corpus", None, 0.1, 0)  # type: ignore[abstract]
