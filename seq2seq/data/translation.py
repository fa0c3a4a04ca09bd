"""Sentence pairs for a translator."""

import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.utilities.rank_zero import rank_zero_info

from seq2seq.batch import TranslationBatch
from seq2seq.data.batches import Batches, Epochs
from seq2seq.data.buckets import Lengths, buckets, share
from seq2seq.data.corpora import load_pairs
from seq2seq.data.pairs import Vocabularies, encode_pairs, lengths, pair_batch
from seq2seq.data.vocabulary import check_unchanged, open_tokenizer
from seq2seq.tokenizers import Subwords, Tokenizer


class Pairs(NamedTuple):
    """A split: its text, its ids, and which of its rows are used."""

    texts: Any
    ids: Any
    rows: Lengths
    source_lengths: Lengths  # of the rows used, end mark included
    target_lengths: Lengths


class TranslationData(pl.LightningDataModule):
    """Pairs of a source and a target, any text to any text, in batches of like length sized by tokens.

    Args:
        corpus: A folder with train.SOURCE and train.TARGET, TSV, JSON lines or Parquet files, a file, a glob, or a data set
            of the Hugging Face Hub.
        source: Name of the source: the ending of its files, or its column.
        target: Name of the target: the ending of its files, or its column.
        tokenizer: How text becomes ids: a class, learned from both sides, or a file of `seq2seq tokenize`, or a checkpoint.
        target_tokenizer: The same for the target alone; without it, both sides share one vocabulary.
        batch_tokens: Most tokens of a batch's longer side, padding counted, over all processes together.
        max_length: Longest source or target in tokens; longer pairs are left out of training and cut elsewhere.
        subset: Configuration of the Hub's data set.
        seed: What the order of batches and the random cutting of words are drawn with.
        workers: Processes that read ahead.
    """

    def __init__(
        self,
        corpus: str,
        source: str,
        target: str,
        tokenizer: Tokenizer | str | None = None,
        target_tokenizer: Tokenizer | str | None = None,
        batch_tokens: int = 1500,
        max_length: int = 150,
        subset: str | None = None,
        seed: int = 1,
        workers: int = 0,
    ) -> None:
        super().__init__()
        self.corpus = corpus
        self.source = source
        self.target = target
        self.options = tokenizer if tokenizer is not None else Subwords()
        self.target_options = target_tokenizer
        self.batch_tokens = batch_tokens
        self.max_length = max_length
        self.subset = subset
        self.seed = seed
        self.workers = workers
        self.splits: dict[str, Pairs] = {}

    def texts(self, split: str) -> Any:
        """The split as a data set with the columns source and target."""
        return load_pairs(self.corpus, self.source, self.target, split, self.subset)

    @cached_property
    def vocabularies(self) -> Vocabularies:
        texts = self.texts("train")

        def column(name: str) -> Iterator[str]:
            return (line for rows in texts.select_columns([name]).iter(1000) for line in rows[name])

        def both() -> Iterator[str]:
            return itertools.chain(column("source"), column("target"))

        content = texts._fingerprint
        if self.target_options is None:
            source = open_tokenizer(self.options, both, content)
            if not (isinstance(self.options, str) and self.options.endswith(".ckpt")):
                return Vocabularies(source, source)
            target = open_tokenizer(self.options, both, content, "target")
            return Vocabularies(source, source if source == target else target)
        return Vocabularies(
            open_tokenizer(self.options, lambda: column("source"), f"{content}-source"),
            open_tokenizer(self.target_options, lambda: column("target"), f"{content}-target", "target"),
        )

    @property
    def source_vocab_size(self) -> int:
        return self.vocabularies.source.vocab_size

    @property
    def target_vocab_size(self) -> int:
        return self.vocabularies.target.vocab_size

    @property
    def shared_vocabulary(self) -> bool:
        return self.vocabularies.source is self.vocabularies.target

    def pairs(self, split: str) -> Pairs:
        """A split, tokenized; pairs that cannot be used are counted and said."""
        if split not in self.splits:
            self.splits[split] = self.open(split)
        return self.splits[split]

    def open(self, split: str) -> Pairs:
        texts = self.texts(split)
        ids = encode_pairs(texts, self.vocabularies)
        source, target = lengths(ids.data.column("source")), lengths(ids.data.column("target"))
        rows = np.arange(len(source))
        too_long = np.maximum(source, target) > self.max_length
        if split == "train":
            empty = (source == 0) | (target == 0)
            rows = rows[~too_long & ~empty]
            if not len(rows):
                raise ValueError(
                    f"no pair of {self.corpus} is left for training: of {len(source)}, {int(empty.sum())} have an empty side "
                    f"and {int(too_long.sum())} are longer than max_length={self.max_length} tokens"
                )
            said = f"left out: {int(empty.sum()):,} with an empty side, {int((too_long & ~empty).sum()):,} longer"
        else:
            source, target = np.minimum(source, self.max_length), np.minimum(target, self.max_length)
            said = f"cut: {int(too_long.sum()):,} longer"
        rank_zero_info(f"{split}: {len(rows):,} pairs ({said} than {self.max_length} tokens)")
        return Pairs(texts, ids, rows, source[rows] + 1, target[rows] + 1)

    @property
    def ranks(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    def train_dataloader(self) -> Epochs[TranslationBatch]:
        self.pairs("train")
        return Epochs(self.training_plan, self.training_batch, self.workers)

    def training_plan(self, epoch: int) -> list[Lengths]:
        """The global batches of an epoch: the same on every rank."""
        pairs = self.pairs("train")
        random = np.random.default_rng([self.seed, epoch])
        return [pairs.rows[b] for b in buckets(pairs.source_lengths, pairs.target_lengths, self.batch_tokens, random)]

    def training_batch(self, epoch: int, rows: Lengths) -> TranslationBatch:
        """This rank's share of a global batch."""
        pairs = self.pairs("train")
        if not self.vocabularies.sampling:
            tokens = int(pairs.target_lengths[np.searchsorted(pairs.rows, rows)].sum())
            return self.batch(pairs, share(rows, *self.ranks), tokens)
        # every rank cuts all sentences of the global batch, since the loss is divided by the number of its tokens
        texts = pairs.texts[[int(row) for row in rows]]
        seeds = [hash((self.seed, epoch, int(row))) & 0x7FFFFFFF for row in rows]
        source, target = (
            [tokenizer.sample(text, seed)[: self.max_length] for text, seed in zip(column, seeds, strict=True)]
            for tokenizer, column in zip(self.vocabularies, (texts["source"], texts["target"]), strict=True)
        )
        rank, ranks = self.ranks
        return pair_batch(source[rank::ranks], target[rank::ranks], sum(map(len, target)) + len(target))

    def val_dataloader(self) -> Batches[TranslationBatch]:
        return self.reading("validation")

    def test_dataloader(self) -> Batches[TranslationBatch]:
        return self.reading("test")

    def reading(self, split: str) -> Batches[TranslationBatch]:
        pairs = self.pairs(split)
        # twice as many tokens as in training, since nothing is kept for a gradient
        plan = buckets(pairs.source_lengths, pairs.target_lengths, 2 * self.batch_tokens)
        return Batches(plan, _Read(self, split), self.workers)

    def batch(self, pairs: Pairs, rows: Sequence[int], tokens: int) -> TranslationBatch:
        ids = pairs.ids[list(rows)] if rows else {"source": [], "target": []}
        source, target = ([row[: self.max_length] for row in ids[side]] for side in ("source", "target"))
        return pair_batch(source, target, tokens)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["tokenizers"] = {side: t.state_dict() for side, t in self.vocabularies._asdict().items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_unchanged(checkpoint, self.vocabularies._asdict())


class _Read:
    """This rank's share of a batch, for reading only."""

    def __init__(self, data: TranslationData, split: str) -> None:
        self.data = data
        self.split = split

    def __call__(self, rows: Lengths) -> TranslationBatch:
        pairs = self.data.pairs(self.split)
        return self.data.batch(pairs, share(rows, *self.data.ranks), int(pairs.target_lengths[rows].sum()))
