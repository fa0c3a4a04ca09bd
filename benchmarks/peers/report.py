"""What was measured, as a table of ratios."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.contest import Spread, spread

OURS = "seq2seq"
FEEDING = "seq2seq, input feeding, float32"
PEERS = ("OpenNMT-py", "JoeyNMT")
HEAD = (
    "| what | against | ours | theirs | times as fast | by processor time | MiB, ours and theirs | target |",
    "|---|---|---|---|---|---|---|---|",
)


class Part(NamedTuple):
    """A part of the results.

    Args:
        key: Its name there.
        what: Its name in the table.
        names: What of ours is compared.
        ending: What stands behind a system's name in the results.
        targets: How many times as fast as each peer ours should be.
        more: Whether a larger number is the better one.
        digits: Of a number behind the point.
    """

    key: str
    what: str
    names: tuple[str, ...] = (OURS,)
    ending: str = ""
    targets: tuple[float, float] = (1.0, 1.0)
    more: bool = False
    digits: int = 2


PARTS = (
    Part("training", "training, target tokens a second", (OURS,), targets=(2.0, 5.0), more=True, digits=0),
    Part("training", "training, target tokens a second", (FEEDING,), targets=(1.05, 1.0), more=True, digits=0),
    Part("decoding", "beam 5, test set, s", targets=(5.0, 10.0)),
    Part("decoding", "beam 5, test set, program started, s", ending=", started", targets=(5.0, 10.0)),
    Part("latency, greedy", "greedy, one sentence at a time, s a sentence", digits=4, targets=(5.0, 5.0)),
    Part("latency, beam 5", "beam 5, one sentence at a time, s a sentence", digits=4, targets=(5.0, 5.0)),
)
QUALITY = (3.0, 6.0)  # times as fast to a good model


def times(ours: Sequence[float], theirs: Sequence[float], more: bool) -> Spread:
    """How many times as fast, round by round."""
    pairs = zip(ours, theirs, strict=True)
    return spread([mine / other if more else other / mine for mine, other in pairs])


def rows(part: Part, found: Mapping[str, Sequence[Sequence[float]]]) -> Iterator[str]:
    """One row for each of ours against each peer. A round is its value by the wall, by the processor, and MiB."""
    for name in part.names:
        for peer, target in zip(PEERS, part.targets, strict=True):
            ours, theirs = found.get(name + part.ending), found.get(peer + part.ending)
            if not ours or not theirs:
                continue
            (wall, cpu, memory), (other, other_cpu, other_memory) = zip(*ours, strict=True), zip(*theirs, strict=True)
            by_wall, by_cpu = times(wall, other, part.more), times(cpu, other_cpu, part.more)
            cells = [
                part.what + name.removeprefix(OURS),
                peer,
                numbers(spread(wall), part.digits),
                numbers(spread(other), part.digits),
                f"**{by_wall.median:.2f}** ({by_wall.lowest:.2f} to {by_wall.highest:.2f})",
                f"{by_cpu.median:.2f} ({by_cpu.lowest:.2f} to {by_cpu.highest:.2f})",
                f"{max(memory):,.0f}, {max(other_memory):,.0f}",
                f"{target:g}: {'met' if by_wall.median >= target else 'missed'}",
            ]
            yield f"| {' | '.join(cells)} |"


def numbers(of: Spread, digits: int) -> str:
    return f"{of.median:,.{digits}f} ({of.lowest:,.{digits}f} to {of.highest:,.{digits}f})"


def races(found: Mapping[str, Any], goal: float) -> Iterator[str]:
    """The way from raw text to a good model, each system once."""
    ours = found.get(OURS)
    for peer, target in zip(PEERS, QUALITY, strict=True):
        theirs = found.get(peer)
        if theirs is None:
            continue
        cells = [f"raw text to {goal:g} BLEU on the validation set, s", peer, arrival(ours), arrival(theirs)]
        if ours and ours["reached"]:
            least = "" if theirs["reached"] else "more than "
            ratio = theirs["seconds"] / ours["seconds"]
            by_cpu = f"{least}{theirs['cpu'] / ours['cpu']:.2f}" if theirs["cpu"] else "not counted"
            cells += [
                f"**{least}{ratio:.2f}**",
                by_cpu,
                "",
                f"{target:g}: {'met' if ratio >= target else 'missed'}",
            ]
        else:
            cells += ["", "", "", f"{target:g}: open"]
        yield f"| {' | '.join(cells)} |"


def arrival(found: Mapping[str, Any] | None) -> str:
    """When a race was over, and how."""
    if found is None:
        return "not run"
    if found["reached"]:
        by_cpu = f" ({found['cpu']:,.0f} of the processor)" if found["cpu"] else ""
        return f"{found['seconds']:,.0f}{by_cpu}"
    best = "no model" if found["best"] is None else f"best {found['best']:.1f}"
    return f"not reached in {found['seconds']:,.0f} ({best})"


def tried(choice: Mapping[str, Any]) -> str:
    """The batch that a system took, and what each one gave."""
    rates = ", ".join(f"{batch}: {rate:,.0f}" for batch, rate in choice["rates"].items())
    return f"takes {choice['batch']} ({rates})"


def table(results: Mapping[str, Any]) -> str:
    """The whole report in Markdown."""
    body = [line for part in PARTS for line in rows(part, results.get(part.key, {}))]
    body += races(results.get("quality", {}), results.get("goal", 30.0))
    said = [
        f"{name} {one['bleu']:.1f} BLEU, {one['words']:,.0f} words" for name, one in results.get("said", {}).items()
    ]
    notes = [f"The translations of the test set: {'; '.join(said)}."] if said else []
    batches = [f"{name} {tried(one)}" for name, one in results.get("training batches", {}).items()]
    notes += [f"{BATCHES} {'; '.join(batches)}."] if batches else []
    return "\n".join([results.get("machine", ""), "", *HEAD, *body, "", NOTES, *notes]).strip() + "\n"


BATCHES = (
    "Each system trains with its own best batch, in tokens of ours and sentences of theirs; each size was tried once, "
    "with so many target tokens a second of the processor:"
)
NOTES = (
    "One core, one thread, a process for every number, in turns; medians, and the lowest to the highest. Every system "
    "has layers of 512, two in the encoder and two in the decoder, and one vocabulary of 8,000 subwords in one "
    "embedding. Tokens are counted with end marks and without padding. Translation is from raw text to raw text. On "
    "the way to quality the peers' validation and the scoring of checkpoints are not counted; ours is "
    "configs/translation/multi30k-quick.yaml, with its vocabulary, its start and its validations."
)
