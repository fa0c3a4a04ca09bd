"""The data module of a language model."""

import itertools
from collections.abc import Iterator
from functools import cached_property, partial

from seq2seq.batch import LanguageBatch
from seq2seq.data.batches import BatchLoader, ResumableBatchLoader, Workers
from seq2seq.data.language_text import HeldOut, TextBlocks, language_text
from seq2seq.data.module import TextDataModule
from seq2seq.data.streams import Ids, TokenStreams, count_unknown, encode_text
from seq2seq.data.vocabulary import load_or_learn_tokenizer
from seq2seq.errors import UserError
from seq2seq.ranges import Count, checked
from seq2seq.standard_streams import rank_zero_log
from seq2seq.tokenizers import Characters, Tokenizer
from seq2seq.tokenizers.words import split_between_words


class LanguageData(TextDataModule):
    """One long text, read in parallel streams; the hidden state is carried from batch to batch.

    Args:
        corpus: A folder with train.txt, a file, a glob, or a data set of the Hugging Face Hub.
        tokenizer: A tokenizer class, learned from the corpus, or a file written by `seq2seq tokenize`, or a checkpoint.
        batch_size: Number of streams, over all processes together.
        steps: Tokens per stream and batch, the window of truncated backpropagation through time.
        held_out: Share of the text, at its end, that is held out for validation if the corpus has no validation split;
            the tokenizer does not learn from it.
        subset: A folder inside the corpus folder, or a configuration of the Hub's data set.
        column: Column that contains the text, in formats that have columns.
        workers: Worker processes that prefetch batches.
    """

    corpus_options = ("corpus", "subset", "column", "held_out")

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
        super().__init__(corpus, subset, held_out, workers)
        self.tokenizer_config = tokenizer if tokenizer is not None else Characters()
        self.batch_size = batch_size
        self.steps = steps
        self.column = column
        self.ids_by_split: dict[str, Ids] = {}

    def text(self, split: str) -> TextBlocks:
        """Return the text of a split; without a validation split, the end of the training text is held out for it."""
        return language_text(self.corpus, split, self.held_out, self.subset, self.column)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        text = self.text("train")

        def lines() -> Iterator[str]:
            blocks = filter(None, split_between_words(text))  # a line may be longer than a block
            return itertools.chain.from_iterable(block.removesuffix("\n").split("\n") for block in blocks)

        return load_or_learn_tokenizer(self.tokenizer_config, lines, text.content_hash)

    @property
    def vocab_size(self) -> int:
        return self.tokenizer.vocab_size

    def ids(self, split: str) -> Ids:
        """Return BOS and the token ids of a split, after logging its share of unknown tokens."""
        if split not in self.ids_by_split:
            text = self.text(split)
            ids = encode_text(text, text.content_hash, self.tokenizer)
            count_unknown(ids).report(prefix=f"{split}: ")
            self.ids_by_split[split] = ids
        return self.ids_by_split[split]

    @cached_property
    def train_streams(self) -> TokenStreams:
        streams = TokenStreams(self.ids("train"), self.batch_size, self.steps)
        if self.batch_size > streams.num_targets:
            raise UserError(
                f"batch_size ({self.batch_size:,} streams) must be at most the number of tokens in the training text "
                f"of {self.corpus} ({streams.num_targets:,})"
            )
        rank_zero_log(
            f"{streams.num_targets:,} tokens, a vocabulary of {self.vocab_size:,}, in {self.batch_size} streams: "
            f"{len(streams):,} batches of up to {self.steps} steps per epoch"
        )
        return streams

    def train_dataloader(self) -> ResumableBatchLoader[LanguageBatch]:
        streams, (rank, world_size) = self.train_streams, self.rank_and_world_size
        if self.batch_size < world_size:
            raise UserError(
                f"{self.batch_size} streams cannot be split over {world_size} processes: "
                f"batch_size must be at least {world_size}"
            )
        make_batch = partial(_make_batch, streams, rank, world_size)
        return ResumableBatchLoader(partial(_plan_epoch, streams), make_batch, self.workers)

    def predict_dataloader(self) -> BatchLoader[LanguageBatch]:
        """Return a loader of the test split as one stream, in its original order."""
        return self.eval_dataloader("test", batch_size=1)

    def eval_dataloader(self, split: str, batch_size: int | None = None) -> BatchLoader[LanguageBatch]:
        """Return a loader of a split that always starts at the split's start; a short split has fewer streams."""
        rank, world_size = self.rank_and_world_size
        ids = self.ids(split)
        streams = TokenStreams(ids, max(min(batch_size or self.batch_size, len(ids) - 1), world_size), self.steps)
        make_batch = partial(streams.get_batch, rank=rank, world_size=world_size)
        return BatchLoader(range(len(streams)), make_batch, self.workers)

    @property
    def tokenizers(self) -> dict[str, Tokenizer]:
        """The tokenizers by side; a language model has only a source."""
        return {"source": self.tokenizer}


def _plan_epoch(streams: TokenStreams, epoch: int) -> range:
    return range(len(streams))


def _make_batch(streams: TokenStreams, rank: int, world_size: int, epoch: int, index: int) -> LanguageBatch:
    return streams.get_batch(index, rank, world_size)
