"""Batches of sentences of like length, sized by tokens."""

import numpy as np

from seq2seq.errors import UserError

Lengths = np.ndarray[tuple[int], np.dtype[np.int32]]  # half of numpy's usual, since a corpus has many of them


def buckets(source: Lengths, target: Lengths, tokens: int, random: np.random.Generator | None = None) -> list[Lengths]:
    """Batches of rows, each with at most `tokens` tokens on its longer side, padding counted.

    Sentences are ordered by their lengths, so that a batch has hardly any padding. With `random`, those of the same
    lengths are mixed and the batches come in any order; the number of batches is always the same.

    Args:
        source: Tokens of each source sentence, end mark included.
        target: Tokens of each target sentence, end mark included.
        tokens: Most tokens of a batch; a longer sentence is a batch of its own.
        random: What draws the order.
    """
    if tokens < 1:
        raise UserError(f"a batch must hold at least 1 token, not {tokens}")
    mixed = np.arange(len(source), dtype=np.int32)
    if random is not None:
        random.shuffle(mixed)
    order = mixed[np.lexsort((source[mixed], target[mixed]))]
    longer: memoryview[int] = np.maximum(source, target)[order].data  # which gives its numbers one by one
    batches, begin, width = [], 0, 0
    for end, length in enumerate(longer):
        width = max(width, length)
        if end > begin and width * (end + 1 - begin) > tokens:
            batches.append(order[begin:end])
            begin, width = end, length
    if begin < len(order):
        batches.append(order[begin:])
    if random is not None:
        random.shuffle(batches)
    return batches
