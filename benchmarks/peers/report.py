"""Write the results as a table of ratios."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.interleaved import Spread, spread

OURS = "seq2seq"
FEEDING = "seq2seq, input feeding, float32"
PEERS = ("OpenNMT-py", "JoeyNMT")
TABLE_HEAD = (
    "| what | against | ours | theirs | times as fast | by processor time | MiB, ours and theirs | target |",
    "|---|---|---|---|---|---|---|---|",
)


class Part(NamedTuple):
    """A part of the results.

    Args:
        key: Its key in the results.
        label: Its name in the table.
        systems: Our systems that are compared.
        suffix: Suffix of the names of systems in the results.
        targets: Target speed-up over each peer.
        higher_is_better: Whether higher values are better.
        decimals: Decimal places of values.
    """

    key: str
    label: str
    systems: tuple[str, ...] = (OURS,)
    suffix: str = ""
    targets: tuple[float, float] = (1.0, 1.0)
    higher_is_better: bool = False
    decimals: int = 2


PARTS = (
    Part(
        "training", "training, target tokens a second", (OURS,), targets=(2.0, 5.0), higher_is_better=True, decimals=0
    ),
    Part(
        "training",
        "training, target tokens a second",
        (FEEDING,),
        targets=(1.05, 1.0),
        higher_is_better=True,
        decimals=0,
    ),
    Part("decoding", "beam 5, test set, s", targets=(5.0, 10.0)),
    Part("decoding", "beam 5, test set, program started, s", suffix=", started", targets=(5.0, 10.0)),
    Part("latency, greedy", "greedy, one sentence at a time, s a sentence", decimals=4, targets=(5.0, 5.0)),
    Part("latency, beam 5", "beam 5, one sentence at a time, s a sentence", decimals=4, targets=(5.0, 5.0)),
)
QUALITY_TARGETS = (3.0, 6.0)  # target speed-ups of the training to a good model


def speedups(ours: Sequence[float], theirs: Sequence[float], higher_is_better: bool) -> Spread:
    """Return the speed-ups round by round."""
    pairs = zip(ours, theirs, strict=True)
    return spread(
        [our_value / their_value if higher_is_better else their_value / our_value for our_value, their_value in pairs]
    )


def part_rows(part: Part, rounds: Mapping[str, Sequence[Sequence[float]]]) -> Iterator[str]:
    """Yield a row for each of our systems and peer. A round is a wall-clock value, a processor-time value, and MiB."""
    for system in part.systems:
        for peer, target in zip(PEERS, part.targets, strict=True):
            ours, theirs = rounds.get(system + part.suffix), rounds.get(peer + part.suffix)
            if not ours or not theirs:
                continue
            (wall, cpu, memory), (their_wall, their_cpu, their_memory) = (
                zip(*ours, strict=True),
                zip(*theirs, strict=True),
            )
            by_wall, by_cpu = (
                speedups(wall, their_wall, part.higher_is_better),
                speedups(cpu, their_cpu, part.higher_is_better),
            )
            cells = [
                part.label + system.removeprefix(OURS),
                peer,
                format_spread(spread(wall), part.decimals),
                format_spread(spread(their_wall), part.decimals),
                f"**{by_wall.median:.2f}** ({by_wall.lowest:.2f} to {by_wall.highest:.2f})",
                f"{by_cpu.median:.2f} ({by_cpu.lowest:.2f} to {by_cpu.highest:.2f})",
                f"{max(memory):,.0f}, {max(their_memory):,.0f}",
                f"{target:g}: {'met' if by_wall.median >= target else 'missed'}",
            ]
            yield f"| {' | '.join(cells)} |"


def format_spread(values: Spread, decimals: int) -> str:
    return f"{values.median:,.{decimals}f} ({values.lowest:,.{decimals}f} to {values.highest:,.{decimals}f})"


def quality_rows(results: Mapping[str, Any], goal: float) -> Iterator[str]:
    """Yield the rows of the trainings from raw text to a good model."""
    ours = results.get(OURS)
    for peer, target in zip(PEERS, QUALITY_TARGETS, strict=True):
        theirs = results.get(peer)
        if theirs is None:
            continue
        cells = [
            f"raw text to {goal:g} BLEU on the validation set, s",
            peer,
            format_quality(ours),
            format_quality(theirs),
        ]
        if ours and ours["reached"]:
            bound = "" if theirs["reached"] else "more than "
            ratio = theirs["seconds"] / ours["seconds"]
            by_cpu = f"{bound}{theirs['cpu'] / ours['cpu']:.2f}" if theirs["cpu"] else "not counted"
            cells += [
                f"**{bound}{ratio:.2f}**",
                by_cpu,
                "",
                f"{target:g}: {'met' if ratio >= target else 'missed'}",
            ]
        else:
            cells += ["", "", "", f"{target:g}: open"]
        yield f"| {' | '.join(cells)} |"


def format_quality(training: Mapping[str, Any] | None) -> str:
    """Format the time and the outcome of a training to the goal."""
    if training is None:
        return "not run"
    if training["reached"]:
        by_cpu = f" ({training['cpu']:,.0f} of the processor)" if training["cpu"] else ""
        return f"{training['seconds']:,.0f}{by_cpu}"
    best = "no model" if training["best"] is None else f"best {training['best']:.1f}"
    return f"not reached in {training['seconds']:,.0f} ({best})"


def format_batch_choice(choice: Mapping[str, Any]) -> str:
    """Format the chosen batch size of a system and the rate with each size."""
    rates = ", ".join(f"{batch}: {rate:,.0f}" for batch, rate in choice["rates"].items())
    return f"takes {choice['batch']} ({rates})"


def table(results: Mapping[str, Any]) -> str:
    """Return the whole report in Markdown."""
    body = [line for part in PARTS for line in part_rows(part, results.get(part.key, {}))]
    body += quality_rows(results.get("quality", {}), results.get("goal", 30.0))
    translations = [
        f"{name} {entry['bleu']:.1f} BLEU, {entry['words']:,.0f} words"
        for name, entry in results.get("translations", {}).items()
    ]
    notes = [f"The translations of the test set: {'; '.join(translations)}."] if translations else []
    batches = [f"{name} {format_batch_choice(entry)}" for name, entry in results.get("training batches", {}).items()]
    notes += [f"{BATCH_NOTE} {'; '.join(batches)}."] if batches else []
    return "\n".join([results.get("machine", ""), "", *TABLE_HEAD, *body, "", METHOD_NOTE, *notes]).strip() + "\n"


BATCH_NOTE = (
    "Each system trains with its own best batch, in tokens of ours and sentences of theirs; each size was tried once, "
    "with so many target tokens a second of the processor:"
)
METHOD_NOTE = (
    "One core, one thread, a process for every measurement, interleaved; medians, and the lowest to the highest. Every "
    "system has layers of 512, two in the encoder and two in the decoder, and one vocabulary of 8,000 subwords in one "
    "embedding. Tokens are counted with EOS and without padding. Translation is from raw text to raw text. In "
    "the training to a good model the peers' validation and the scoring of checkpoints are not counted; ours is "
    "configs/translation/multi30k-quick.yaml, with its vocabulary, its start and its validations."
)
