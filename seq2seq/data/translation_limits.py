"""Limits of a translation: of the lengths of sources and translations, and of the size of a batch."""

from dataclasses import dataclass

from seq2seq.ranges import Count, check_fields

MAX_SOURCE_LENGTH = 1000  # tokens


@dataclass(frozen=True)
class TranslationLimits:
    """Limits of lengths, and of a batch.

    Args:
        max_length: Maximum tokens of a translation; by default 1.5 times the longest training target of sources of the
            same length, plus 10.
        max_source_length: Maximum tokens of a source; longer sources are truncated.
        batch_tokens: Source tokens in a batch, including padding.
    """

    max_length: Count | None = None
    max_source_length: Count = MAX_SOURCE_LENGTH
    batch_tokens: Count = 4000

    def __post_init__(self) -> None:
        check_fields(self)
