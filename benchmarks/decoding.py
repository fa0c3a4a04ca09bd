"""Translating: batches against single lines, int8 against float32, two threads against one, a GPU against a CPU."""

import itertools
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

from benchmarks import untrained
from benchmarks.children import Call, child, once
from benchmarks.contest import in_turns, ratio, spread
from benchmarks.figure import Figure, Section
from benchmarks.precision import PRECISIONS
from benchmarks.progress import tell
from benchmarks.setting import Setting
from benchmarks.translating import Case, able, rate, tokens
from benchmarks.watch import most_held

BEAMS = (1, 5)


def cases(setting: Setting, checkpoint: str) -> list[Case]:
    """Each precision and beam, one at a time and a large batch, with one and several threads, a GPU's on a CPU too."""
    large, some = (4, 2) if setting.quick else (64, 6)
    return [
        Case(
            checkpoint,
            precision,
            beams,
            batch,
            some if batch == 1 else large,
            threads,
            device,
            str(setting.source or ""),
        )
        for threads in sorted({1, setting.threads})
        for device in sorted({setting.device, "cpu"})
        for precision in PRECISIONS
        for beams, batch in itertools.product(BEAMS, (1, large))
    ]


def measure(setting: Setting) -> Section:
    """A process for each precision, and all cases in turns."""
    size, vocabulary = (16, 200) if setting.quick else (512, 8000)
    checkpoint = str(setting.checkpoint or once(setting, untrained.translator, setting.scratch, size, vocabulary))
    rates: dict[Case, list[float]] = {}
    with ExitStack() as stack:
        places = {precision: stack.enter_context(child(setting)) for precision in PRECISIONS}
        there = [p for p in PRECISIONS if places[p](able, Case(checkpoint, p, 1, 1, 1, device=setting.device))]
        asked = [case for case in cases(setting, checkpoint) if case.precision in there or case.device == "cpu"]
        for threads, group in itertools.groupby(asked, key=lambda case: case.threads):
            some = list(group)
            tell(f"  {len(some)} ways to translate with {threads} thread{'s' * (threads > 1)}, in turns")
            rates |= race(some, places, setting.rounds)
        memory = {case: places[case.precision](most_held, case.device) for case in rates}
        lengths = {case: places[case.precision](tokens, case) for case in rates}
    notes = [f"{precision}: measured on a CPU only." for precision in PRECISIONS if precision not in there]
    if setting.threads == 1:
        notes.append("Two threads: not measured; `--threads 2` does.")
    notes.append(
        f"Translations by {setting.checkpoint}."
        if setting.checkpoint
        else f"An untrained model of 2 + 2 layers of width {size} and {vocabulary:,} words, whose translations are cut "
        "off at the lengths of Multi30k's."
    )
    return Section(
        "Decoding", figures(rates, lengths, memory), [*notes, "Memory: of a process that decodes in this precision."]
    )


def race(cases: list[Case], places: Mapping[str, Call], rounds: int) -> dict[Case, list[float]]:
    """Sentences a second of each case."""
    works = {str(number): partial(places[case.precision], rate, case) for number, case in enumerate(cases)}
    return dict(zip(cases, in_turns(works, rounds).values(), strict=True))


def figures(
    rates: Mapping[Case, list[float]], lengths: Mapping[Case, float], memory: Mapping[Case, int]
) -> list[Figure]:
    """Each case against those that differ from it in one thing."""
    found = []
    for case, measured in rates.items():
        for against, other in others(case, rates).items():
            middle = spread(measured).median
            found.append(
                Figure(
                    name(case),
                    against,
                    ratio(measured, rates[other]),
                    rate=f"{middle:,.1f} sentences/s, {middle * lengths[case]:,.0f} tokens/s",
                    memory=(memory[case],),
                )
            )
    return found


def others(case: Case, rates: Mapping[Case, list[float]]) -> dict[str, Case]:
    """What a case is compared with, where it was measured."""
    found = {}
    if case.batch > 1:
        found["one at a time"] = [
            other
            for other in rates
            if other._replace(batch=case.batch, sentences=case.sentences) == case and other.batch == 1
        ]
    if case.precision != "float32":
        found["float32"] = [case._replace(precision="float32")]
    if case.threads > 1:
        found["1 thread"] = [case._replace(threads=1)]
    if case.device != "cpu":
        found["a CPU"] = [case._replace(device="cpu")]
    return {against: some[0] for against, some in found.items() if some and some[0] in rates}


def name(case: Case) -> str:
    together = "one at a time" if case.batch == 1 else f"{case.batch} at once"
    threads = f", {case.threads} threads" if case.threads > 1 else ""
    device = f", {case.device}" if case.device != "cpu" else ""
    return f"translation, beam {case.beams}, {together}, {case.precision}{threads}{device}"
