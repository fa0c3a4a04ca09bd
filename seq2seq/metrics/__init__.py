"""Metrics: scores of lines against references, scores of language models, and how certain differences are."""

from typing import TYPE_CHECKING

from seq2seq.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from seq2seq.metrics.language import LanguageScore, language_score, nats_to_bits, perplexity
    from seq2seq.metrics.lines import (
        Metrics,
        Score,
        accuracy,
        bleu,
        character_error_rate,
        chrf,
        score_lines,
        sequence_error_rate,
        ter,
        token_error_rate,
        word_error_rate,
    )

_EXPORTS = {
    **dict.fromkeys(("LanguageScore", "language_score", "nats_to_bits", "perplexity"), "language"),
    **dict.fromkeys(("Metrics", "Score", "accuracy", "bleu", "character_error_rate", "chrf", "score_lines"), "lines"),
    **dict.fromkeys(("sequence_error_rate", "ter", "token_error_rate", "word_error_rate"), "lines"),
}
__all__ = [
    "LanguageScore",
    "Metrics",
    "Score",
    "accuracy",
    "bleu",
    "character_error_rate",
    "chrf",
    "language_score",
    "nats_to_bits",
    "perplexity",
    "score_lines",
    "sequence_error_rate",
    "ter",
    "token_error_rate",
    "word_error_rate",
]

__getattr__ = lazy_exports(__name__, _EXPORTS)
