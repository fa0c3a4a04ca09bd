"""One long text as parallel streams of token ids, so that the hidden state can be carried from batch to batch."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from seq2seq.batch import LanguageBatch
from seq2seq.data.batches import rank_share
from seq2seq.errors import UserError
from seq2seq.ranges import Count, checked
from seq2seq.special_tokens import BOS, PAD, UNK
from seq2seq.standard_streams import rank_zero_log
from seq2seq.storage import open_cached
from seq2seq.tokenizers import Tokenizer
from seq2seq.tokenizers.unknown import UnknownTokenCounts

_COUNT_CHUNK = 1 << 22  # ids

Ids = np.ndarray[tuple[int], np.dtype[np.uint16]] | np.ndarray[tuple[int], np.dtype[np.uint32]]


def encode_text(blocks: Iterable[str], content_hash: str, tokenizer: Tokenizer) -> Ids:
    """Return BOS and the token ids of a text, memory-mapped from a cache file that is written block by block, once.

    Args:
        blocks: The text; not iterated if its ids are cached.
        content_hash: A hash of the text.
        tokenizer: Encodes the text.
    """
    dtype = np.dtype(np.uint16 if tokenizer.vocab_size <= 1 << 16 else np.uint32)

    def write(path: Path) -> None:
        rank_zero_log(f"encoding the text as {type(tokenizer).__name__.lower()} ...")
        with path.open("wb") as file:
            file.write(np.array([BOS], dtype=dtype).tobytes())
            for ids in tokenizer.encode_blocks(blocks):
                file.write(np.array(ids, dtype=dtype).tobytes())

    def read(path: Path) -> Ids:
        return np.memmap(path, dtype=dtype, mode="r")

    return open_cached(f"ids/{content_hash}-{tokenizer.cache_key()[:32]}.{dtype.name}", write, read)


def count_unknown(ids: Ids) -> UnknownTokenCounts:
    """Count the tokens and the unknown tokens after BOS, in little memory."""
    chunks = (ids[start : start + _COUNT_CHUNK] for start in range(1, len(ids), _COUNT_CHUNK))
    return UnknownTokenCounts(len(ids) - 1, sum(int(np.count_nonzero(chunk == UNK)) for chunk in chunks))


class TokenStreams:
    """A text split into `batch_size` streams of equal length, which are read in batches of `steps` tokens.

    The last streams may be shorter, and so may the last batch; they are padded, so every token but the first is a
    target exactly once.

    Args:
        ids: Token ids of the text.
        batch_size: Number of streams, over all ranks.
        steps: Tokens per stream and batch, the window of truncated backpropagation through time.
    """

    @checked
    def __init__(self, ids: Ids, batch_size: Count, steps: Count) -> None:
        if len(ids) < 2:
            raise UserError("the text holds no token at all")
        self.ids = ids
        self.batch_size = batch_size
        self.steps = steps
        self.num_targets = len(ids) - 1
        self.stream_length = -(-self.num_targets // batch_size)

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-self.stream_length // self.steps)

    def get_batch(self, index: int, rank: int = 0, world_size: int = 1) -> LanguageBatch:
        """Return a rank's share of a global batch: every `world_size`-th stream."""
        stream_starts = np.arange(self.batch_size) * self.stream_length
        stream_ends = np.minimum(stream_starts + self.stream_length, self.num_targets)
        starts = np.minimum(stream_starts + index * self.steps, stream_ends)
        ends = np.minimum(starts + self.steps, stream_ends)
        streams = range(self.batch_size)[rank_share(rank, world_size)]
        width = min(self.steps, self.stream_length - index * self.steps)
        inputs = np.full((len(streams), width), PAD, dtype=np.int64)
        targets = np.full((len(streams), width), PAD, dtype=np.int64)
        for row, stream in enumerate(streams):
            start, end = starts[stream], ends[stream]
            inputs[row, : end - start] = self.ids[start:end]
            targets[row, : end - start] = self.ids[start + 1 : end + 1]
        tokens = int((ends - starts).sum())
        return LanguageBatch(torch.from_numpy(inputs), torch.from_numpy(targets), index == 0, tokens)
