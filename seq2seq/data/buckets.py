"""Batches of sentences of similar length, sized by tokens."""

import numpy as np

from seq2seq.errors import UserError

Int32Array = np.ndarray[tuple[int], np.dtype[np.int32]]  # half the size of numpy's default: a corpus has many rows


def bucket_by_length(
    source_lengths: Int32Array,
    target_lengths: Int32Array,
    max_tokens: int,
    generator: np.random.Generator | None = None,
) -> list[Int32Array]:
    """Return batches of row indices, each of at most `max_tokens` tokens on its longer side, padding included.

    Rows are sorted by length, so batches have little padding. With `generator`, rows of equal lengths are shuffled and
    so are the batches; the number of batches is always the same.

    Args:
        source_lengths: Tokens of each source sentence, EOS included.
        target_lengths: Tokens of each target sentence, EOS included.
        max_tokens: Maximum number of tokens of a batch; a longer sentence is a batch of its own.
        generator: Random generator for shuffling; None keeps the sorted order.
    """
    if max_tokens < 1:
        raise UserError(f"a batch must hold at least 1 token, not {max_tokens}")
    rows = np.arange(len(source_lengths), dtype=np.int32)
    if generator is not None:
        generator.shuffle(rows)
    order = rows[np.lexsort((source_lengths[rows], target_lengths[rows]))]
    lengths: memoryview[int] = np.maximum(source_lengths, target_lengths)[order].data  # yields Python integers
    batches, start, width = [], 0, 0
    for end, length in enumerate(lengths):
        width = max(width, length)
        if end > start and width * (end + 1 - start) > max_tokens:
            batches.append(order[start:end])
            start, width = end, length
    if start < len(order):
        batches.append(order[start:])
    if generator is not None:
        generator.shuffle(batches)
    return batches
