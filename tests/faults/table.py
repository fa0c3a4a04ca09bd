"""The table of all kinds: how many faults were tried and how many of them held."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .scheduler import Verdict


class Row(NamedTuple):
    kind: str
    tried: int
    held: int
    untried: int
    why: str  # not all held, or not all were tried

    @property
    def share(self) -> str:
        return f"{self.held / self.tried:.1%}".replace("100.0%", "100%") if self.tried else "not tried here"


def row(kind: str, verdicts: Sequence[Verdict]) -> Row:
    """Count the faults of one kind; what could not be tried is never counted as held."""
    tried = sum(v.case.count for v in verdicts if not v.untried)
    held = sum(v.case.count for v in verdicts if v.held)
    untried = sum(v.case.count for v in verdicts if v.untried)
    reasons = [f"not held: {v.case.name}" for v in verdicts if v.wrong][:5]
    reasons += [f"{untried} not tried here: {next(v.untried for v in verdicts if v.untried)}"] if untried else []
    return Row(kind, tried, held, untried, "; ".join(reasons))


def markdown(rows: Sequence[Row], minutes: Mapping[str, float]) -> str:
    """The table as it stands in docs/reliability.md."""
    lines = ["| fault | tried | held | | minutes |", "|---|---:|---:|---|---:|"]
    for one in rows:
        share = f"{one.share}{', ' if one.why else ''}{one.why}"
        lines.append(f"| {one.kind} | {one.tried:,} | {one.held:,} | {share} | {minutes[one.kind]:.1f} |")
    return "\n".join(lines) + "\n"
