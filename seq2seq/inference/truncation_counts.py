"""Counts of truncated sources and translations."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class TruncationCounts:
    """Lines that were truncated, or longer than any in training, among all that were translated or scored."""

    sources: int = 0
    truncated_sources: int = 0  # to max_source_length tokens
    max_source_length: int = 0
    long_sources: int = 0  # that are longer than any in training
    longest_source: int = 0  # in tokens
    longest_in_training: int = 0
    translations: int = 0
    truncated: int = 0  # translations that the length limit cut off, or that had one ranked above them cut off

    def add_sources(self, lengths: Sequence[int], max_source_length: int, longest_in_training: int) -> None:
        """Count sources of these lengths in tokens, which are truncated to `max_source_length`."""
        self.sources += len(lengths)
        if truncated := sum(length > max_source_length for length in lengths):
            self.truncated_sources += truncated
            self.max_source_length = max_source_length
        self.long_sources += sum(length > longest_in_training for length in lengths)
        self.longest_source = max(self.longest_source, *lengths, 0)
        self.longest_in_training = longest_in_training

    def messages(self) -> list[str]:
        """Return a message for each kind of truncation that occurred."""
        messages = []
        if self.long_sources:
            messages.append(
                f"sources longer than any in training: {self.long_sources:,} of {self.sources:,}, up to "
                f"{self.longest_source:,} tokens, where training had at most {self.longest_in_training:,}"
            )
        if self.truncated_sources:
            messages.append(
                f"sources cut after {self.max_source_length:,} tokens: {self.truncated_sources:,} of {self.sources:,}; "
                f"--max-source-length N cuts them after N"
            )
        if self.truncated:
            messages.append(
                f"translations cut short by the limit of their length: {self.truncated:,} of {self.translations:,}; "
                f"--max-length N lets each have N tokens"
            )
        return messages
