"""Scores of a language model on a text: perplexity, and nats and bits per token, character and byte."""

import math
from typing import NamedTuple

from seq2seq.errors import UserError


class LanguageScore(NamedTuple):
    """The scores of a language model on a text.

    Across tokenizers, compare only the comparable scores. They equal the others if there are no unknown tokens; else
    they include the cost of spelling the unknown tokens.
    """

    nats_per_token: float
    bits_per_token: float
    nats_per_character: float
    bits_per_character: float
    nats_per_byte: float
    bits_per_byte: float
    perplexity: float  # per token
    comparable_nats_per_character: float
    comparable_bits_per_character: float
    comparable_nats_per_byte: float
    comparable_bits_per_byte: float


def nats_to_bits(nats: float) -> float:
    """Convert nats to bits."""
    return nats / math.log(2)


def perplexity(nats_per_token: float) -> float:
    """Return the exponential of the mean negative log-likelihood; infinity if it overflows a float."""
    try:
        return math.exp(nats_per_token)
    except OverflowError:
        return math.inf


def language_score(
    nats: float,
    tokens: int,
    characters: int,
    bytes: int,  # noqa: A002
    spelling: float = 0.0,
) -> LanguageScore:
    """Return the scores of a language model on a text.

    Args:
        nats: Total negative log-likelihood of the tokens.
        tokens: Number of tokens.
        characters: Number of characters of the original text.
        bytes: Number of UTF-8 bytes of the original text.
        spelling: Additional nats for spelling the unknown tokens.

    Raises:
        UserError: unless all three counts are positive and the loss is finite.
    """
    for name, count in (("tokens", tokens), ("characters", characters), ("bytes", bytes)):
        if count <= 0:
            raise UserError(f"a text to score must have at least one of its {name}, not {count}")
    if not math.isfinite(nats + spelling):
        raise UserError(f"the loss of a text must be a finite number to be scored, and it is {nats + spelling}")
    comparable_nats = nats + spelling
    return LanguageScore(
        nats_per_token=nats / tokens,
        bits_per_token=nats_to_bits(nats / tokens),
        nats_per_character=nats / characters,
        bits_per_character=nats_to_bits(nats / characters),
        nats_per_byte=nats / bytes,
        bits_per_byte=nats_to_bits(nats / bytes),
        perplexity=perplexity(nats / tokens),
        comparable_nats_per_character=comparable_nats / characters,
        comparable_bits_per_character=nats_to_bits(comparable_nats / characters),
        comparable_nats_per_byte=comparable_nats / bytes,
        comparable_bits_per_byte=nats_to_bits(comparable_nats / bytes),
    )
