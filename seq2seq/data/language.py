"""Text for a language model."""

import itertools
from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

import pytorch_lightning as pl

from seq2seq.batch import LanguageBatch
from seq2seq.data.batches import Batches, ResumableLoader, Workers
from seq2seq.data.language_text import HeldOut, Text, language_text
from seq2seq.data.streams import Ids, Streams, ids_of, unknown_of
from seq2seq.data.vocabulary import check_unchanged, open_tokenizer
from seq2seq.errors import UserError
from seq2seq.ranges import Count, checked
from seq2seq.rank_zero import rank_zero_log
from seq2seq.tokenizers import Characters, Tokenizer
from seq2seq.tokenizers.words import whole_words


class LanguageData(pl.LightningDataModule):
    """One long text, read as parallel streams whose hidden state is carried from batch to batch.

    Args:
        corpus: A folder with train.txt, a file, a glob, or a data set of the Hugging Face Hub.
        tokenizer: How text becomes ids: a class, learned from the corpus, or a file of `seq2seq tokenize`, or a
            checkpoint.
        batch_size: Number of streams, over all processes together.
        steps: Tokens between two cuts of the gradient (truncated backpropagation through time).
        held_out: Share of the text, from its end, that is kept for validation if the corpus has no validation split.
            The tokenizer does not learn from it.
        subset: Configuration of the Hub's data set.
        column: Column that holds the text, in formats that have columns.
        workers: Processes that read ahead.
    """

    @checked
    def __init__(
        self,
        corpus: str,
        tokenizer: Tokenizer | str | None = None,
        batch_size: Count = 64,
        steps: Count = 128,
        held_out: HeldOut = 0.1,
        subset: str | None = None,
        column: str = "text",
        workers: Workers = 0,
    ) -> None:
        super().__init__()
        self.corpus = corpus
        self.options = tokenizer if tokenizer is not None else Characters()
        self.batch_size = batch_size
        self.steps = steps
        self.held_out = held_out
        self.subset = subset
        self.column = column
        self.workers = workers
        self.splits: dict[str, Ids] = {}

    def __str__(self) -> str:
        return f"LanguageData({self.corpus})"  # Lightning's would make every loader

    def text(self, split: str) -> Text:
        """The text of a split; without a validation split, the end of the training text is held out for it."""
        return language_text(self.corpus, split, self.held_out, self.subset, self.column)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        text = self.text("train")

        def lines() -> Iterator[str]:
            blocks = filter(None, whole_words(text))  # a line may be longer than a block
            return itertools.chain.from_iterable(block.removesuffix("\n").split("\n") for block in blocks)

        return open_tokenizer(self.options, lines, text.content)

    @property
    def vocab_size(self) -> int:
        return self.tokenizer.vocab_size

    def ids(self, split: str) -> Ids:
        """The ids of a split behind a begin mark; what the tokenizer does not know of it is counted and said."""
        if split not in self.splits:
            text = self.text(split)
            ids = ids_of(text, text.content, self.tokenizer)
            unknown_of(ids).report(where=f"{split}: ")
            self.splits[split] = ids
        return self.splits[split]

    @cached_property
    def train(self) -> Streams:
        streams = Streams(self.ids("train"), self.batch_size, self.steps)
        rank_zero_log(
            f"{streams.asked:,} tokens, {self.vocab_size:,} of them different, in {self.batch_size} streams: "
            f"{len(streams):,} batches of up to {self.steps} steps an epoch"
        )
        return streams

    @property
    def ranks(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    def train_dataloader(self) -> ResumableLoader[LanguageBatch]:
        streams, (rank, ranks) = self.train, self.ranks
        if self.batch_size < ranks:
            raise UserError(
                f"{self.batch_size} streams cannot be split over {ranks} processes: batch_size must be at least {ranks}"
            )
        return ResumableLoader(partial(_every_chunk, streams), partial(_chunk, streams, rank, ranks), self.workers)

    def val_dataloader(self) -> Batches[LanguageBatch]:
        return self.reading("validation")

    def test_dataloader(self) -> Batches[LanguageBatch]:
        return self.reading("test")

    def predict_dataloader(self) -> Batches[LanguageBatch]:
        """The test split as one stream, in its own order."""
        return self.reading("test", batch_size=1)

    def reading(self, split: str, batch_size: int | None = None) -> Batches[LanguageBatch]:
        rank, ranks = self.ranks
        streams = Streams(self.ids(split), max(batch_size or self.batch_size, ranks), self.steps)
        return Batches(range(len(streams)), partial(streams.chunk, rank=rank, ranks=ranks), self.workers)

    @property
    def tokenizers(self) -> dict[str, Tokenizer]:
        """The tokenizer of each side: a language model has one."""
        return {"source": self.tokenizer}

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint carries of the data: all that text needs to become ids and back."""
        return {
            "tokenizers": {side: tokenizer.state_dict() for side, tokenizer in self.tokenizers.items()},
            "corpus": {key: getattr(self, key) for key in ("corpus", "subset", "column", "held_out")},
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        check_unchanged(state_dict, self.tokenizers)


def _every_chunk(streams: Streams, epoch: int) -> range:
    return range(len(streams))


def _chunk(streams: Streams, rank: int, ranks: int, epoch: int, index: int) -> LanguageBatch:
    return streams.chunk(index, rank, ranks)
