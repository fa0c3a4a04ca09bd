"""Sentences beside their translations, as ids."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from seq2seq.batch import TranslationBatch
from seq2seq.data.cache import cache_folder
from seq2seq.special import BOS, EOS, PAD
from seq2seq.tokenizers import Tokenizer


class Vocabularies(NamedTuple):
    source: Tokenizer
    target: Tokenizer

    @property
    def sampling(self) -> bool:
        """Whether training cuts words differently each time."""
        return self.source.sampling > 0 or self.target.sampling > 0


def encode_pairs(texts: Any, vocabularies: Vocabularies) -> Any:
    """The ids of each pair, as a memory-mapped data set that is kept under a hash of the content and the tokenizers.

    Args:
        texts: A data set with the columns source and target.
        vocabularies: What makes ids of them.
    """
    from datasets import Dataset, Features, List, Value

    prints = "-".join(tokenizer.fingerprint() for tokenizer in vocabularies)
    key = blake2b(f"1-{texts._fingerprint}-{prints}".encode(), digest_size=16).hexdigest()
    path = cache_folder() / "pairs" / f"{key}.arrow"
    path.parent.mkdir(parents=True, exist_ok=True)

    def encode(rows: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        return {
            "source": vocabularies.source.encode_batch(rows["source"]),
            "target": vocabularies.target.encode_batch(rows["target"]),
        }

    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            ids = List(Value("int32"))
            texts.map(
                encode,
                batched=True,
                cache_file_name=str(path),
                new_fingerprint=key,
                features=Features({"source": ids, "target": ids}),
            )
    return Dataset.from_file(str(path))


def lengths(column: Any) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The number of ids in each row of an Arrow column."""
    import pyarrow.compute

    counted: np.ndarray[tuple[int], np.dtype[np.int64]] = (
        pyarrow.compute.list_value_length(column).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    return counted


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
