"""Pairs of source and target sentences as token ids."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seq2seq.batch import TranslationBatch
from seq2seq.data.batches import rank_share
from seq2seq.data.buckets import Int32Array, bucket_by_length
from seq2seq.data.cache import open_arrow
from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.standard_streams import rank_zero_log
from seq2seq.storage import open_cached
from seq2seq.tokenizers import Tokenizer
from seq2seq.tokenizers.unknown import UnknownTokenCounts

_BATCH_ROWS = 1000


class Vocabularies(NamedTuple):
    """The tokenizers of source and target."""

    source: Tokenizer
    target: Tokenizer

    @property
    def has_sampling(self) -> bool:
        """Whether training samples subword segmentations."""
        return self.source.sampling > 0 or self.target.sampling > 0


class TokenizedPairs(NamedTuple):
    """The usable pairs of a split, from which any process can make batches."""

    texts: Any  # data set of strings with the columns source and target
    ids: Any  # data set of token ids with the same columns and rows
    vocabularies: Vocabularies
    rows: Int32Array  # row of each usable pair in texts and ids
    source_lengths: Int32Array  # of each usable pair, EOS included
    target_lengths: Int32Array
    max_length: int

    def plan_epoch(self, max_tokens: int, seed: int, epoch: int) -> list[Int32Array]:
        """Return the global batches of an epoch as indices of pairs, the same on every rank."""
        generator = np.random.default_rng([seed, epoch])
        return bucket_by_length(self.source_lengths, self.target_lengths, max_tokens, generator)

    def get_training_batch(
        self, seed: int, rank: int, world_size: int, epoch: int, indices: Int32Array
    ) -> TranslationBatch:
        """Return a rank's share of a global batch, with segmentations sampled anew in each epoch if any are sampled.

        The segmentation of a sentence depends only on the seed, the epoch and its row, so it is the same on every rank.
        """
        if not self.vocabularies.has_sampling:
            return self.get_batch(indices, rank, world_size)
        rows = self.rows[indices].tolist()
        texts = self.texts[rows]
        seeds = [sampling_seeds(seed, epoch, row) for row in rows]
        share = rank_share(rank, world_size)
        source, target = self.vocabularies
        sources = [
            self.sample(source, text, source_seed)
            for text, (source_seed, _) in zip(texts["source"][share], seeds[share], strict=True)
        ]
        # every rank samples all targets of the global batch, since the loss is divided by their number of tokens
        targets = [
            self.sample(target, text, target_seed)
            for text, (_, target_seed) in zip(texts["target"], seeds, strict=True)
        ]
        return collate_pairs(sources, targets[share], sum(map(len, targets)) + len(targets))

    def sample(self, tokenizer: Tokenizer, text: str, seed: int) -> list[int]:
        """Return a sampled segmentation, or the deterministic one if the sampled one is longer than `max_length`."""
        ids = tokenizer.sample(text, seed)
        return ids if len(ids) <= self.max_length else tokenizer.encode(text)

    def get_batch(self, indices: Int32Array, rank: int, world_size: int) -> TranslationBatch:
        """Return a rank's share of a global batch; each pair goes to one rank."""
        ids = self.ids[self.rows[indices[rank_share(rank, world_size)]].tolist()]
        source, target = ([row[: self.max_length] for row in ids[side]] for side in ("source", "target"))
        return collate_pairs(source, target, int(self.target_lengths[indices].sum()))


def encode_pairs(texts: Any, vocabularies: Vocabularies) -> Any:
    """Return the token ids of pairs as a memory-mapped data set, cached by a hash of the content and the tokenizers.

    Args:
        texts: A data set with the columns source and target.
        vocabularies: The tokenizers that encode them.
    """
    import pyarrow

    ids_type = pyarrow.list_(pyarrow.int32())

    def write(path: Path) -> None:
        rank_zero_log(f"encoding {len(texts):,} pairs as {type(vocabularies.target).__name__.lower()} ...")
        schema = pyarrow.schema([(side, ids_type) for side in vocabularies._fields])
        with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, schema) as writer:
            for rows in texts.iter(_BATCH_ROWS):
                columns = [t.encode_batch(rows[side]) for side, t in vocabularies._asdict().items()]
                writer.write_batch(pyarrow.record_batch([pyarrow.array(c, ids_type) for c in columns], schema=schema))

    keys = "-".join(tokenizer.cache_key() for tokenizer in vocabularies)
    key = blake2b(f"{texts._fingerprint}-{keys}".encode(), digest_size=16).hexdigest()
    return open_cached(f"pairs/{key}.arrow", write, open_arrow)


def sampling_seeds(seed: int, epoch: int, row: int) -> tuple[int, int]:
    """Return the seeds for sampling the source and the target of a pair: a hash, the same in every process."""
    digest = blake2b(f"{seed} {epoch} {row}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")


def row_lengths(column: Any) -> Int32Array:
    """Return the number of ids in each row of an Arrow column."""
    import pyarrow.compute

    lengths: Int32Array = pyarrow.compute.list_value_length(column).to_numpy()
    return lengths


def count_unknown(column: Any, rows: Int32Array) -> UnknownTokenCounts:
    """Count the tokens and the unknown tokens of some rows of an Arrow column of ids."""
    unknown = [np.zeros(0, dtype=np.int32)]
    for chunk in column.chunks:
        cumulative = np.concatenate([[0], np.cumsum(chunk.values.to_numpy() == UNK, dtype=np.int32)])
        unknown.append(np.diff(cumulative[chunk.offsets.to_numpy()]))
    return UnknownTokenCounts(int(row_lengths(column)[rows].sum()), int(np.concatenate(unknown)[rows].sum()))


def collate_pairs(sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], tokens: int) -> TranslationBatch:
    """Return a padded batch; without any pair, a batch without targets, so that a rank can take part in every step.

    Args:
        sources: Token ids of each source.
        targets: Token ids of each target.
        tokens: Number of target tokens of the global batch.
    """
    if not sources:
        sources, targets = [[]], []
    source = pad([[*ids, EOS] for ids in sources])
    decoder_inputs = pad([[BOS, *ids] for ids in targets] or [[BOS]])
    decoder_targets = pad([[*ids, EOS] for ids in targets] or [[PAD]])
    source_lengths = torch.tensor([len(ids) + 1 for ids in sources])
    return TranslationBatch(source, source_lengths, decoder_inputs, decoder_targets, tokens)


def pad(rows: Sequence[Sequence[int]]) -> Tensor:
    """Return rows of ids as one tensor, padded at the end."""
    padded = np.full((len(rows), max(map(len, rows))), PAD, dtype=np.int64)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return torch.from_numpy(padded)
