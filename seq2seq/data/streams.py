"""One long text as parallel streams of ids, read in step, so that a hidden state can be carried from batch to batch."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from seq2seq.batch import LanguageBatch
from seq2seq.errors import UserError
from seq2seq.ranges import Count, checked
from seq2seq.rank_zero import rank_zero_log
from seq2seq.special_tokens import BOS, PAD, UNK
from seq2seq.storage import open_cached
from seq2seq.tokenizers import Tokenizer
from seq2seq.tokenizers.unknown import UnknownTokens

_COUNTED_AT_ONCE = 1 << 22

Ids = np.ndarray[tuple[int], np.dtype[np.uint16]] | np.ndarray[tuple[int], np.dtype[np.uint32]]


def ids_of(blocks: Iterable[str], content: str, tokenizer: Tokenizer) -> Ids:
    """The ids of a text behind a begin mark, memory-mapped from a file that is written block by block, once.

    Args:
        blocks: The text; not touched if the file is there.
        content: A hash of it.
        tokenizer: What makes ids of it.
    """
    kind = np.dtype(np.uint16 if tokenizer.vocab_size <= 1 << 16 else np.uint32)

    def write(path: Path) -> None:
        rank_zero_log(f"turning the text into {type(tokenizer).__name__.lower()} ...")
        with path.open("wb") as file:
            file.write(np.array([BOS], dtype=kind).tobytes())
            for ids in tokenizer.encode_blocks(blocks):
                file.write(np.array(ids, dtype=kind).tobytes())

    def read(path: Path) -> Ids:
        return np.memmap(path, dtype=kind, mode="r")

    return open_cached(f"ids/{content}-{tokenizer.fingerprint()[:32]}.{kind.name}", write, read)


def unknown_of(ids: Ids) -> UnknownTokens:
    """Count the unknown tokens behind the begin mark, in little memory."""
    parts = (ids[begin : begin + _COUNTED_AT_ONCE] for begin in range(1, len(ids), _COUNTED_AT_ONCE))
    return UnknownTokens(len(ids) - 1, sum(int(np.count_nonzero(part == UNK)) for part in parts))


class Streams:
    """A text cut into `batch` streams of equal length, and these into chunks of `steps`.

    The last streams may be shorter and the last chunk too; what is missing asks for nothing, so every token but the
    first is asked for exactly once.

    Args:
        ids: The text; every id is predicted from all before it.
        batch: Number of streams, over all ranks.
        steps: Number of tokens between two cuts of the gradient.
    """

    @checked
    def __init__(self, ids: Ids, batch: Count, steps: Count) -> None:
        if len(ids) < 2:
            raise UserError("the text holds no token at all")
        self.ids = ids
        self.batch = batch
        self.steps = steps
        self.asked = len(ids) - 1
        self.length = -(-self.asked // batch)  # of a stream

    def __len__(self) -> int:
        """Number of chunks."""
        return -(-self.length // self.steps)

    def chunk(self, index: int, rank: int = 0, ranks: int = 1) -> LanguageBatch:
        """One chunk of this rank's streams, every `ranks`th of all."""
        firsts = np.arange(self.batch) * self.length
        lasts = np.minimum(firsts + self.length, self.asked)
        begins = np.minimum(firsts + index * self.steps, lasts)
        ends = np.minimum(begins + self.steps, lasts)
        mine = range(rank, self.batch, ranks)
        width = min(self.steps, self.length - index * self.steps)
        inputs = np.full((len(mine), width), PAD, dtype=np.int64)
        targets = np.full((len(mine), width), PAD, dtype=np.int64)
        for row, stream in enumerate(mine):
            begin, end = begins[stream], ends[stream]
            inputs[row, : end - begin] = self.ids[begin:end]
            targets[row, : end - begin] = self.ids[begin + 1 : end + 1]
        asked = int((ends - begins).sum())
        return LanguageBatch(torch.from_numpy(inputs), torch.from_numpy(targets), index == 0, asked)
