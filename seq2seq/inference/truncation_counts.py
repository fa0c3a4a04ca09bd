"""What of the lines that a translator was given could not be read or written in full."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class TruncationCounts:
    """Lines that were cut off, or longer than what training had, over all that was translated or scored."""

    sources: int = 0
    cut_sources: int = 0  # that were cut at max_source_length
    max_source_length: int = 0
    long_sources: int = 0  # that are longer than any in training
    longest_source: int = 0  # in tokens
    longest_in_training: int = 0
    translations: int = 0
    limited: int = 0  # translations that the limit of their length cut off, or others that ranked above them

    def add_sources(self, lengths: Sequence[int], max_source_length: int, longest_in_training: int) -> None:
        """Count sources of so many tokens, of which only `max_source_length` are read."""
        self.sources += len(lengths)
        if cut := sum(length > max_source_length for length in lengths):
            self.cut_sources, self.max_source_length = self.cut_sources + cut, max_source_length
        self.long_sources += sum(length > longest_in_training for length in lengths)
        self.longest_source = max(self.longest_source, *lengths, 0)
        self.longest_in_training = longest_in_training

    def sentences(self) -> list[str]:
        """Return one sentence for each kind of line that there was."""
        found = []
        if self.long_sources:
            found.append(
                f"sources longer than any in training: {self.long_sources:,} of {self.sources:,}, up to "
                f"{self.longest_source:,} tokens, where training had at most {self.longest_in_training:,}"
            )
        if self.cut_sources:
            found.append(
                f"sources cut after {self.max_source_length:,} tokens: {self.cut_sources:,} of {self.sources:,}; "
                f"--max-source-length N cuts them after N"
            )
        if self.limited:
            found.append(
                f"translations cut short by the limit of their length: {self.limited:,} of {self.translations:,}; "
                f"--max-length N lets each have N tokens"
            )
        return found
