"""Floating-point operations of matrix products, counted from their shapes; padding is no work."""

from collections.abc import Sequence

TRAINING = 3  # times the operations of reading: twice as many again for the gradients of inputs and weights


def linear(rows: int, size_in: int, size_out: int) -> int:
    """A multiplication and an addition for each weight and row."""
    return 2 * rows * size_in * size_out


def lstm(steps: int, size_in: int, size: int) -> int:
    """Four gates, each of which reads the input and the state."""
    return linear(steps, size_in + size, 4 * size)


def language_model(tokens: int, vocabulary: int, size: int, depth: int) -> int:
    """Reading so many tokens and saying what comes next after each."""
    return depth * lstm(tokens, size, size) + linear(tokens, size, vocabulary)


def translator(
    sources: Sequence[int], targets: Sequence[int], vocabulary: int, size: int, depth: int, feeding: bool = False
) -> int:
    """Reading sources of these lengths and saying these targets, end marks counted."""
    source, target, sentences = sum(sources), sum(targets), len(sources)
    encoder = 2 * lstm(source, size, size // 2) * depth
    bridge = linear(sentences, size, size)
    lower = lstm(target + sentences, (2 if feeding else 1) * size, size)  # which reads the summary of the source first
    upper = (lstm(target, 2 * size, size) + (depth - 2) * lstm(target, size, size)) if depth > 1 else 0
    keys = linear(source, size, size)
    looks = sum(long * short for long, short in zip(sources, targets, strict=True))
    attention = 2 * linear(looks, size, 1)  # the scores, and the mean of what was looked at
    said = linear(target, 2 * size, size) + linear(target, size, vocabulary)
    return encoder + bridge + lower + upper + keys + attention + said
