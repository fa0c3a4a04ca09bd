"""The table of results: how many faults of each kind were tried and how many of them held."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .scheduler import Verdict


class Row(NamedTuple):
    kind: str
    tried: int
    passed: int
    skipped: int
    note: str  # names of failed cases, and the reason of skipped ones

    @property
    def share(self) -> str:
        return f"{self.passed / self.tried:.1%}".replace("100.0%", "100%") if self.tried else "not tried here"


def row(kind: str, verdicts: Sequence[Verdict]) -> Row:
    """Count the faults of one kind; skipped cases never count as passed."""
    tried = sum(v.case.count for v in verdicts if not v.skip_reason)
    passed = sum(v.case.count for v in verdicts if v.passed)
    skipped = sum(v.case.count for v in verdicts if v.skip_reason)
    reasons = [f"not held: {v.case.name}" for v in verdicts if v.problems][:5]
    reasons += (
        [f"{skipped} not tried here: {next(v.skip_reason for v in verdicts if v.skip_reason)}"] if skipped else []
    )
    return Row(kind, tried, passed, skipped, "; ".join(reasons))


def markdown(rows: Sequence[Row], minutes: Mapping[str, float]) -> str:
    """Return the table in the format of docs/reliability.md."""
    lines = ["| fault | tried | held | | minutes |", "|---|---:|---:|---|---:|"]
    for result in rows:
        share = f"{result.share}{', ' if result.note else ''}{result.note}"
        lines.append(f"| {result.kind} | {result.tried:,} | {result.passed:,} | {share} | {minutes[result.kind]:.1f} |")
    return "\n".join(lines) + "\n"
