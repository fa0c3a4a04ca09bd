"""Batches of sentences of like length, sized by tokens."""

import numpy as np

Lengths = np.ndarray[tuple[int], np.dtype[np.int64]]


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
        raise ValueError(f"a batch must hold at least 1 token, not {tokens}")
    mixed = np.arange(len(source)) if random is None else random.permutation(len(source))
    order = mixed[np.lexsort((source[mixed], target[mixed]))]
    longer: list[int] = np.maximum(source, target)[order].tolist()
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
