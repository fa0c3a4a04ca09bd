"""Measure translation: batches vs. single sentences, int8 vs. float32, two threads vs. one, GPU vs. CPU."""

import itertools
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

from benchmarks import untrained
from benchmarks.children import Call, run_in_process, worker_process
from benchmarks.figure import Measurement, Section
from benchmarks.interleaved import ratio, run_interleaved, spread
from benchmarks.precision import PRECISIONS
from benchmarks.progress import print_progress
from benchmarks.setting import Setting
from benchmarks.translating import Case, is_supported, sentences_per_second, tokens_per_translation
from benchmarks.watch import peak_bytes

BEAMS = (1, 5)


def cases(setting: Setting, checkpoint: str) -> list[Case]:
    """Return all combinations of precision, beam, batch, threads and device; with a GPU also those on the CPU."""
    large, single = (4, 2) if setting.quick else (64, 6)
    return [
        Case(
            checkpoint,
            precision,
            beams,
            batch,
            single if batch == 1 else large,
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
    """Measure all cases in interleaved rounds, with a process for each precision."""
    size, vocabulary = (16, 200) if setting.quick else (512, 8000)
    checkpoint = str(
        setting.checkpoint or run_in_process(setting, untrained.translator, setting.scratch, size, vocabulary)
    )
    rates: dict[Case, list[float]] = {}
    with ExitStack() as stack:
        workers = {precision: stack.enter_context(worker_process(setting)) for precision in PRECISIONS}
        supported = [
            p for p in PRECISIONS if workers[p](is_supported, Case(checkpoint, p, 1, 1, 1, device=setting.device))
        ]
        selected = [case for case in cases(setting, checkpoint) if case.precision in supported or case.device == "cpu"]
        for threads, group in itertools.groupby(selected, key=lambda case: case.threads):
            group_cases = list(group)
            print_progress(f"  {len(group_cases)} cases with {threads} thread{'s' * (threads > 1)}, interleaved")
            rates |= measure_rates(group_cases, workers, setting.rounds)
        memory = {case: workers[case.precision](peak_bytes, case.device) for case in rates}
        lengths = {case: workers[case.precision](tokens_per_translation, case) for case in rates}
    notes = [f"{precision}: measured on a CPU only." for precision in PRECISIONS if precision not in supported]
    if setting.threads == 1:
        notes.append("Two threads: not measured; `--threads 2` does.")
    notes.append(
        f"Translations by {setting.checkpoint}."
        if setting.checkpoint
        else f"An untrained model of 2 + 2 layers of width {size} and {vocabulary:,} words, whose translations are cut "
        "off at the lengths of Multi30k's."
    )
    return Section(
        "Decoding",
        measurements(rates, lengths, memory),
        [*notes, "Memory: of a process that decodes in this precision."],
    )


def measure_rates(cases: list[Case], workers: Mapping[str, Call], rounds: int) -> dict[Case, list[float]]:
    """Measure the sentences per second of each case."""
    tasks = {
        str(number): partial(workers[case.precision], sentences_per_second, case) for number, case in enumerate(cases)
    }
    return dict(zip(cases, run_interleaved(tasks, rounds).values(), strict=True))


def measurements(
    rates: Mapping[Case, list[float]], lengths: Mapping[Case, float], memory: Mapping[Case, int]
) -> list[Measurement]:
    """Compare each case with those that differ from it in one respect."""
    rows = []
    for case, case_rates in rates.items():
        for baseline, baseline_case in baselines(case, rates).items():
            median = spread(case_rates).median
            rows.append(
                Measurement(
                    describe_case(case),
                    baseline,
                    ratio(case_rates, rates[baseline_case]),
                    absolute=f"{median:,.1f} sentences/s, {median * lengths[case]:,.0f} tokens/s",
                    memory=(memory[case],),
                )
            )
    return rows


def baselines(case: Case, rates: Mapping[Case, list[float]]) -> dict[str, Case]:
    """Return the measured cases with which a case is compared."""
    candidates = {}
    if case.batch > 1:
        candidates["one at a time"] = [
            other
            for other in rates
            if other._replace(batch=case.batch, sentences=case.sentences) == case and other.batch == 1
        ]
    if case.precision != "float32":
        candidates["float32"] = [case._replace(precision="float32")]
    if case.threads > 1:
        candidates["1 thread"] = [case._replace(threads=1)]
    if case.device != "cpu":
        candidates["a CPU"] = [case._replace(device="cpu")]
    return {baseline: matches[0] for baseline, matches in candidates.items() if matches and matches[0] in rates}


def describe_case(case: Case) -> str:
    batching = "one at a time" if case.batch == 1 else f"{case.batch} at once"
    threads = f", {case.threads} threads" if case.threads > 1 else ""
    device = f", {case.device}" if case.device != "cpu" else ""
    return f"translation, beam {case.beams}, {batching}, {case.precision}{threads}{device}"
