"""Sentences beside their translations, as ids."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seq2seq.batch import TranslationBatch
from seq2seq.data.buckets import Lengths, buckets
from seq2seq.data.cache import open_arrow
from seq2seq.rank_zero import rank_zero_log
from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.storage import open_cached
from seq2seq.tokenizers import Tokenizer
from seq2seq.tokenizers.unknown import UnknownTokens

_ROWS_AT_ONCE = 1000


class Vocabularies(NamedTuple):
    source: Tokenizer
    target: Tokenizer

    @property
    def sampling(self) -> bool:
        """Whether training cuts words differently each time."""
        return self.source.sampling > 0 or self.target.sampling > 0


class Pairs(NamedTuple):
    """The pairs of a split that are used: what batches are made of, in any process."""

    texts: Any
    ids: Any
    vocabularies: Vocabularies
    rows: Lengths  # where the pairs are in texts and ids
    source_lengths: Lengths  # of the pairs, end mark included
    target_lengths: Lengths
    max_length: int

    def training_plan(self, tokens: int, seed: int, epoch: int) -> list[Lengths]:
        """The global batches of an epoch, as numbers of pairs: the same on every rank."""
        return buckets(self.source_lengths, self.target_lengths, tokens, np.random.default_rng([seed, epoch]))

    def training_batch(self, seed: int, rank: int, ranks: int, epoch: int, chosen: Lengths) -> TranslationBatch:
        """Return a rank's share of a global batch, with words cut anew in each epoch if the vocabularies do that.

        How a sentence is cut depends on the seed, the epoch and its row alone, so that all ranks cut it equally.
        """
        if not self.vocabularies.sampling:
            return self.batch(chosen, rank, ranks)
        rows = self.rows[chosen].tolist()
        texts = self.texts[rows]
        seeds = [sentence_seeds(seed, epoch, row) for row in rows]
        own = slice(rank, None, ranks)
        source, target = self.vocabularies
        sources = [
            self.sample(source, text, one) for text, (one, _) in zip(texts["source"][own], seeds[own], strict=True)
        ]
        # every rank cuts all targets of the global batch, since the loss is divided by the number of its tokens
        targets = [self.sample(target, text, one) for text, (_, one) in zip(texts["target"], seeds, strict=True)]
        return pair_batch(sources, targets[own], sum(map(len, targets)) + len(targets))

    def sample(self, tokenizer: Tokenizer, text: str, seed: int) -> list[int]:
        """Return a random segmentation that is short enough, or the usual one, which always is."""
        ids = tokenizer.sample(text, seed)
        return ids if len(ids) <= self.max_length else tokenizer.encode(text)

    def batch(self, chosen: Lengths, rank: int, ranks: int) -> TranslationBatch:
        """A rank's share of a global batch; together, the ranks have every pair once."""
        ids = self.ids[self.rows[chosen[rank::ranks]].tolist()]
        source, target = ([row[: self.max_length] for row in ids[side]] for side in ("source", "target"))
        return pair_batch(source, target, int(self.target_lengths[chosen].sum()))


def encode_pairs(texts: Any, vocabularies: Vocabularies) -> Any:
    """The ids of each pair, as a memory-mapped data set that is kept under a hash of the content and the tokenizers.

    Args:
        texts: A data set with the columns source and target.
        vocabularies: What makes ids of them.
    """
    import pyarrow

    ids = pyarrow.list_(pyarrow.int32())

    def write(path: Path) -> None:
        rank_zero_log(f"turning {len(texts):,} pairs into {type(vocabularies.target).__name__.lower()} ...")
        schema = pyarrow.schema([(side, ids) for side in vocabularies._fields])
        with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, schema) as writer:
            for rows in texts.iter(_ROWS_AT_ONCE):
                columns = [t.encode_batch(rows[side]) for side, t in vocabularies._asdict().items()]
                writer.write_batch(pyarrow.record_batch([pyarrow.array(c, ids) for c in columns], schema=schema))

    prints = "-".join(tokenizer.fingerprint() for tokenizer in vocabularies)
    key = blake2b(f"{texts._fingerprint}-{prints}".encode(), digest_size=16).hexdigest()
    return open_cached(f"pairs/{key}.arrow", write, open_arrow)


def sentence_seeds(seed: int, epoch: int, row: int) -> tuple[int, int]:
    """Return what source and target of a pair are cut with, whatever else is: a hash, the same in every process."""
    digest = blake2b(f"{seed} {epoch} {row}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")


def lengths(column: Any) -> Lengths:
    """The number of ids in each row of an Arrow column."""
    import pyarrow.compute

    counted: Lengths = pyarrow.compute.list_value_length(column).to_numpy()
    return counted


def unknown_of(column: Any, rows: Lengths) -> UnknownTokens:
    """Count the unknown tokens of these rows of an Arrow column of ids."""
    counts = [np.zeros(0, dtype=np.int32)]
    for chunk in column.chunks:
        before = np.concatenate([[0], np.cumsum(chunk.values.to_numpy() == UNK, dtype=np.int32)])
        counts.append(np.diff(before[chunk.offsets.to_numpy()]))
    return UnknownTokens(int(lengths(column)[rows].sum()), int(np.concatenate(counts)[rows].sum()))


def pair_batch(sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], tokens: int) -> TranslationBatch:
    """A padded batch; without any row, one that asks for nothing, so that a rank can take part in every step."""
    if not sources:
        sources, targets = [[]], []
    source = pad([[*ids, EOS] for ids in sources])
    inputs = pad([[BOS, *ids] for ids in targets] or [[BOS]])
    wanted = pad([[*ids, EOS] for ids in targets] or [[PAD]])
    counts = torch.tensor([len(ids) + 1 for ids in sources])
    return TranslationBatch(source, counts, inputs, wanted, tokens)


def pad(rows: Sequence[Sequence[int]]) -> Tensor:
    """Rows of ids as one tensor."""
    padded = np.full((len(rows), max(map(len, rows))), PAD, dtype=np.int64)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return torch.from_numpy(padded)
