"""Sentence pairs for a translator."""

import itertools
from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

import numpy as np
import pytorch_lightning as pl

from seq2seq.batch import TranslationBatch
from seq2seq.data.batches import Batches, ResumableLoader, Workers
from seq2seq.data.buckets import Lengths, buckets
from seq2seq.data.corpora import has_split
from seq2seq.data.output_lengths import OutputLengths
from seq2seq.data.pairs import Pairs, Vocabularies, encode_pairs, lengths, unknown_of
from seq2seq.data.translation_pairs import HeldOutPairs, translation_pairs
from seq2seq.data.vocabulary import check_unchanged, open_tokenizer
from seq2seq.errors import UserError
from seq2seq.ranges import Count, Seed, checked
from seq2seq.rank_zero import rank_zero_log
from seq2seq.tokenizers import Subwords, Tokenizer


class TranslationData(pl.LightningDataModule):
    """Pairs of a source and a target, any text to any text, in batches of like length sized by tokens.

    Args:
        corpus: A folder with train.SOURCE and train.TARGET, TSV, JSON lines or Parquet files, a file, a glob, or a data
            set of the Hugging Face Hub.
        source: Name of the source: the ending of its files, or its column.
        target: Name of the target: the ending of its files, or its column.
        tokenizer: How text becomes ids: a class, learned from both sides, or a file of `seq2seq tokenize`, or a
            checkpoint.
        target_tokenizer: The same for the target alone; without it, both sides share one vocabulary.
        batch_tokens: Most tokens of a batch's longer side, padding counted, over all processes together.
        max_length: Longest source or target in tokens; longer pairs are left out of training and cut elsewhere.
        held_out: Share of the pairs, about, that is kept for validation if the corpus has no validation split; no
            source lies in both parts. 0 keeps none.
        subset: Configuration of the Hub's data set.
        seed: What the order of batches and the random cutting of words are drawn with.
        workers: Processes that read ahead.
    """

    @checked
    def __init__(
        self,
        corpus: str,
        source: str,
        target: str,
        tokenizer: Tokenizer | str | None = None,
        target_tokenizer: Tokenizer | str | None = None,
        batch_tokens: Count = 1500,
        max_length: Count = 150,
        held_out: HeldOutPairs = 0.05,
        subset: str | None = None,
        seed: Seed = 1,
        workers: Workers = 0,
    ) -> None:
        super().__init__()
        self.corpus = corpus
        self.source = source
        self.target = target
        self.options = tokenizer if tokenizer is not None else Subwords()
        self.target_options = target_tokenizer
        self.batch_tokens = batch_tokens
        self.max_length = max_length
        self.held_out = held_out
        self.subset = subset
        self.seed = seed
        self.workers = workers
        self.splits: dict[str, Pairs] = {}

    def __str__(self) -> str:
        return f"TranslationData({self.corpus})"  # Lightning's would make every loader

    def texts(self, split: str) -> Any:
        """The split as a data set with the columns source and target."""
        return translation_pairs(self.corpus, self.source, self.target, split, self.held_out, self.subset)

    @cached_property
    def holds_out(self) -> bool:
        """Whether some training pairs stand for a validation split that the corpus lacks."""
        return self.held_out > 0 and not has_split(self.corpus, "validation", [self.source, self.target], self.subset)

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
        rows = np.arange(len(source), dtype=np.int32)
        too_long = np.maximum(source, target) > self.max_length
        if split == "train":
            empty = (source == 0) | (target == 0)
            rows = rows[~too_long & ~empty]
            reasons = f"{empty.sum():,} with an empty side, {(too_long & ~empty).sum():,}"
            if not len(rows):
                raise UserError(
                    f"no pair of {self.corpus} is left for training: of {len(source):,} there are {reasons} longer "
                    f"than max_length={self.max_length} tokens"
                )
            said = f"left out: {reasons}"
        else:
            source, target = np.minimum(source, self.max_length), np.minimum(target, self.max_length)
            said = f"cut: {too_long.sum():,}"
        origin = " held out of the training pairs" if split == "validation" and self.holds_out else ""
        rank_zero_log(f"{split}: {len(rows):,} pairs{origin} ({said} longer than {self.max_length} tokens)")
        for side in self.vocabularies._fields:
            unknown_of(ids.data.column(side), rows).report(f"{side} tokens", f"{split}: ")
        return Pairs(texts, ids, self.vocabularies, rows, source[rows] + 1, target[rows] + 1, self.max_length)

    @cached_property
    def output_lengths(self) -> OutputLengths:
        """How long translations may become: learned from the training pairs, or read from a checkpoint."""
        pairs = self.pairs("train")
        return OutputLengths.learn(pairs.source_lengths - 1, pairs.target_lengths - 1)

    @property
    def ranks(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    def train_dataloader(self) -> ResumableLoader[TranslationBatch]:
        pairs = self.pairs("train")
        plan = partial(pairs.training_plan, self.batch_tokens, self.seed)
        return ResumableLoader(plan, partial(pairs.training_batch, self.seed, *self.ranks), self.workers)

    def val_dataloader(self) -> Batches[TranslationBatch]:
        return self.reading("validation")

    def test_dataloader(self) -> Batches[TranslationBatch]:
        return self.reading("test")

    def predict_dataloader(self) -> Batches[TranslationBatch]:
        """The test split in its own order."""
        rows = np.arange(len(self.pairs("test").rows), dtype=np.int32)
        return self.reading("test", [rows[begin : begin + 64] for begin in range(0, len(rows), 64)])

    def reading(self, split: str, plan: list[Lengths] | None = None) -> Batches[TranslationBatch]:
        pairs = self.pairs(split)
        if plan is None:  # twice as many tokens as in training, since nothing is kept for a gradient
            plan = buckets(pairs.source_lengths, pairs.target_lengths, 2 * self.batch_tokens)
        rank, ranks = self.ranks
        return Batches(plan, partial(pairs.batch, rank=rank, ranks=ranks), self.workers)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint carries of the data: all that text needs to become ids and back."""
        return {
            "tokenizers": {side: tokenizer.state_dict() for side, tokenizer in self.tokenizers.items()},
            "corpus": {key: getattr(self, key) for key in ("corpus", "source", "target", "subset", "held_out")},
            "output_lengths": self.output_lengths.state_dict(),
        }

    @property
    def tokenizers(self) -> dict[str, Tokenizer]:
        """The tokenizer of each side."""
        return self.vocabularies._asdict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        check_unchanged(state_dict, self.tokenizers)
        self.output_lengths = OutputLengths.from_state(state_dict.get("output_lengths"))
