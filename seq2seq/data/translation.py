"""The data module of a translator."""

import itertools
from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

import numpy as np

from seq2seq.batch import TranslationBatch
from seq2seq.data.batches import BatchLoader, ResumableBatchLoader, Workers
from seq2seq.data.buckets import Int32Array, bucket_by_length
from seq2seq.data.corpora import is_part_of_training
from seq2seq.data.module import TextDataModule
from seq2seq.data.output_lengths import OutputLengths
from seq2seq.data.pairs import TokenizedPairs, Vocabularies, count_unknown, encode_pairs, row_lengths
from seq2seq.data.translation_pairs import HeldOutPairs, column_lines, translation_pairs
from seq2seq.data.vocabulary import load_or_learn_tokenizer
from seq2seq.errors import UserError
from seq2seq.ranges import Count, Seed, checked
from seq2seq.scripts import main_script
from seq2seq.standard_streams import rank_zero_log
from seq2seq.tokenizers import Subwords, Tokenizer


class TranslationData(TextDataModule):
    """Pairs of source and target texts, in batches of similar length sized by tokens.

    Args:
        corpus: A folder with train.SOURCE and train.TARGET, TSV, JSON lines or Parquet files, a file, a glob, or a data
            set of the Hugging Face Hub.
        source: Name of the source: the suffix of its files, or its column.
        target: Name of the target: the suffix of its files, or its column.
        tokenizer: A tokenizer class, learned from both sides, or a file written by `seq2seq tokenize`, or a checkpoint.
        target_tokenizer: The same for the target alone; without it, both sides share one vocabulary.
        batch_tokens: Maximum number of tokens of a batch's longer side, padding included, over all processes together.
        max_length: Maximum number of tokens of a source or target; longer pairs are left out of training, and truncated
            in other splits.
        held_out: Approximate share of the pairs that is held out for validation if the corpus has no validation split;
            no source is in both splits. 0 holds out none.
        subset: A folder inside the corpus folder, or a configuration of the Hub's data set.
        seed: Random seed for shuffling batches and for subword sampling.
        workers: Worker processes that prefetch batches.
    """

    corpus_options = ("corpus", "source", "target", "subset", "held_out", "target_script")

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
        super().__init__(corpus, subset, held_out, workers)
        self.source = source
        self.target = target
        self.tokenizer_config = tokenizer if tokenizer is not None else Subwords()
        self.target_tokenizer_config = target_tokenizer
        self.batch_tokens = batch_tokens
        self.max_length = max_length
        self.seed = seed
        self.pairs_by_split: dict[str, TokenizedPairs] = {}

    def texts(self, split: str) -> Any:
        """Return the texts of a split as a data set with the columns source and target."""
        return translation_pairs(self.corpus, self.source, self.target, split, self.held_out, self.subset)

    @cached_property
    def holds_out_validation(self) -> bool:
        """Whether training pairs are held out because the corpus has no validation split."""
        columns = [self.source, self.target]
        return self.held_out > 0 and is_part_of_training(self.corpus, "validation", columns, self.subset)

    @cached_property
    def vocabularies(self) -> Vocabularies:
        column = self._training_lines

        def both() -> Iterator[str]:
            return itertools.chain(column("source"), column("target"))

        content_hash = self.texts("train")._fingerprint
        config, target_config = self.tokenizer_config, self.target_tokenizer_config
        if target_config is None:
            source = load_or_learn_tokenizer(config, both, content_hash)
            if not (isinstance(config, str) and config.endswith(".ckpt")):
                return Vocabularies(source, source)
            target = load_or_learn_tokenizer(config, both, content_hash, "target")
            return Vocabularies(source, source if source == target else target)
        return Vocabularies(
            load_or_learn_tokenizer(config, lambda: column("source"), f"{content_hash}-source"),
            load_or_learn_tokenizer(target_config, lambda: column("target"), f"{content_hash}-target", "target"),
        )

    @cached_property
    def target_script(self) -> str | None:
        """The main script of the training targets, by which the tokenizer of BLEU is chosen; see `seq2seq.scripts`."""
        return main_script(self._training_lines("target"))

    def _training_lines(self, column: str) -> Iterator[str]:
        return column_lines(self.texts("train"), column)

    @property
    def source_vocab_size(self) -> int:
        return self.vocabularies.source.vocab_size

    @property
    def target_vocab_size(self) -> int:
        return self.vocabularies.target.vocab_size

    @property
    def shared_vocabulary(self) -> bool:
        return self.vocabularies.source is self.vocabularies.target

    def pairs(self, split: str) -> TokenizedPairs:
        """Return the tokenized pairs of a split."""
        if split not in self.pairs_by_split:
            self.pairs_by_split[split] = self._load_pairs(split)
        return self.pairs_by_split[split]

    def _load_pairs(self, split: str) -> TokenizedPairs:
        """Tokenize a split, and log how many of its pairs are left out or truncated and how many tokens are unknown."""
        texts = self.texts(split)
        ids = encode_pairs(texts, self.vocabularies)
        sources, targets = row_lengths(ids.data.column("source")), row_lengths(ids.data.column("target"))  # in tokens
        rows = np.arange(len(sources), dtype=np.int32)
        too_long = np.maximum(sources, targets) > self.max_length
        if split == "train":
            empty = (sources == 0) | (targets == 0)
            rows = rows[~too_long & ~empty]
            reasons = f"{empty.sum():,} with an empty side, {(too_long & ~empty).sum():,}"
            if not len(rows):
                raise UserError(
                    f"no pair of {self.corpus} is left for training: of {len(sources):,} there are {reasons} longer "
                    f"than max_length={self.max_length} tokens"
                )
            skipped = f"left out: {reasons}"
        else:
            sources, targets = np.minimum(sources, self.max_length), np.minimum(targets, self.max_length)
            skipped = f"truncated: {too_long.sum():,}"
        origin = " held out of the training pairs" if split == "validation" and self.holds_out_validation else ""
        rank_zero_log(f"{split}: {len(rows):,} pairs{origin} ({skipped} longer than {self.max_length} tokens)")
        for side in self.vocabularies._fields:
            count_unknown(ids.data.column(side), rows).report(f"{side} tokens", f"{split}: ")
        return TokenizedPairs(
            texts, ids, self.vocabularies, rows, sources[rows] + 1, targets[rows] + 1, self.max_length
        )

    @cached_property
    def output_lengths(self) -> OutputLengths:
        """The maximum lengths of translations, learned from the training pairs or restored from a checkpoint."""
        pairs = self.pairs("train")
        return OutputLengths.learn(pairs.source_lengths - 1, pairs.target_lengths - 1)

    def train_dataloader(self) -> ResumableBatchLoader[TranslationBatch]:
        pairs = self.pairs("train")
        plan_epoch = partial(pairs.plan_epoch, self.batch_tokens, self.seed)
        make_batch = partial(pairs.get_training_batch, self.seed, *self.rank_and_world_size)
        return ResumableBatchLoader(plan_epoch, make_batch, self.workers)

    def predict_dataloader(self) -> BatchLoader[TranslationBatch]:
        """Return a loader of the test split in its original order."""
        indices = np.arange(len(self.pairs("test").rows), dtype=np.int32)
        return self.eval_dataloader("test", [indices[start : start + 64] for start in range(0, len(indices), 64)])

    def eval_dataloader(self, split: str, plan: list[Int32Array] | None = None) -> BatchLoader[TranslationBatch]:
        """Return a loader of a split, by default in batches of similar length, the same at every iteration."""
        pairs = self.pairs(split)
        if plan is None:  # twice the tokens of training batches, since no gradient is computed
            plan = bucket_by_length(pairs.source_lengths, pairs.target_lengths, 2 * self.batch_tokens)
        rank, world_size = self.rank_and_world_size
        return BatchLoader(plan, partial(pairs.get_batch, rank=rank, world_size=world_size), self.workers)

    @property
    def tokenizers(self) -> dict[str, Tokenizer]:
        return self.vocabularies._asdict()

    def state_dict(self) -> dict[str, Any]:
        """Return the data module's part of a checkpoint: tokenizers, location of the corpus and output lengths."""
        return super().state_dict() | {"output_lengths": self.output_lengths.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.output_lengths = OutputLengths.from_state(state_dict.get("output_lengths"))
        self.target_script = state_dict.get("corpus", {}).get("target_script", self.target_script)
