"""Count the floating-point operations of matrix products from their shapes, without padding."""

from collections.abc import Sequence

TRAINING = 3  # times those of a forward pass: the gradients of inputs and of weights take as many each


def linear(rows: int, size_in: int, size_out: int) -> int:
    """Count a multiplication and an addition for each weight and row."""
    return 2 * rows * size_in * size_out


def lstm(steps: int, size_in: int, size: int) -> int:
    """Count the operations of four gates, each a projection of the input and of the hidden state."""
    return linear(steps, size_in + size, 4 * size)


def language_model(tokens: int, vocabulary: int, size: int, depth: int) -> int:
    """Count the operations of predicting the next token after each token."""
    return depth * lstm(tokens, size, size) + linear(tokens, size, vocabulary)


def translator(
    sources: Sequence[int], targets: Sequence[int], vocabulary: int, size: int, depth: int, input_feeding: bool = False
) -> int:
    """Count the operations of encoding sources and predicting targets of these lengths, including EOS."""
    source, target, sentences = sum(sources), sum(targets), len(sources)
    encoder = 2 * lstm(source, size, size // 2) * depth
    bridge = linear(sentences, size, size)
    lower = lstm(target + sentences, (2 if input_feeding else 1) * size, size)  # reads the final encoder state first
    upper = (lstm(target, 2 * size, size) + (depth - 2) * lstm(target, size, size)) if depth > 1 else 0
    keys = linear(source, size, size)
    attended_pairs = sum(
        source_tokens * target_tokens for source_tokens, target_tokens in zip(sources, targets, strict=True)
    )
    attention = 2 * linear(attended_pairs, size, 1)  # the scores, and the weighted mean of the values
    output = linear(target, 2 * size, size) + linear(target, size, vocabulary)
    return encoder + bridge + lower + upper + keys + attention + output
