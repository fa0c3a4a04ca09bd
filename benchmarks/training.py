"""Compare training through the Trainer, with data, loss and callbacks, to a bare loop of the same network."""

import itertools
import statistics
from collections.abc import Sequence

from benchmarks import peak
from benchmarks.children import worker_process
from benchmarks.figure import Measurement, Section, Target
from benchmarks.interleaved import ratio, run_interleaved, spread
from benchmarks.progress import print_progress
from benchmarks.setting import Setting, limited_threads
from benchmarks.training_sides import Case, bare_loop_seconds, count_work, trainer_seconds
from benchmarks.watch import peak_bytes

CPU_TARGET, GPU_TARGET = Target(0.95, at_least=True), Target(0.9, at_least=True)


def cases(setting: Setting) -> list[Case]:
    """Return the measured cases, in float32 and bf16."""
    if setting.quick:
        tiny = {"size": 16, "batches": 2, "vocabulary": 200, "pairs": 200, "device": setting.device}
        return [Case("language", "bf16", 64, **tiny), Case("translator", "float32", 200, input_feeding=True, **tiny)]
    both = ("float32", "bf16")
    translators = itertools.product((1500, 4000), (False, True), both)
    return [
        *(Case("language", precision, device=setting.device) for precision in both),
        *(
            Case("translator", precision, tokens, input_feeding, batches=max(2, 6000 // tokens), device=setting.device)
            for tokens, input_feeding, precision in translators
        ),
    ]


def measure(setting: Setting) -> Section:
    """Measure every case interleaved with its bare loop and with the fastest matrix product."""
    measurements = []
    for case in cases(setting):
        print_progress(f"  {case.name}")
        measurements.append(measure_case(case, setting))
    flags = "torch's fused AdamW, gradients clipped at norm 1, no dropout"
    return Section(
        "Training",
        measurements,
        [
            f"Both sides: width 512, {flags}. The bare loop has its batches in memory and logs nothing; ours reads "
            "them from its corpus, through the Trainer with the callbacks and the loggers of `fit`.",
            "Rates count target tokens. The peak is the fastest of several matrix products in the same precision, "
            "interleaved with the training; operations are those of matrix products, without padding.",
        ],
    )


def measure_case(case: Case, setting: Setting) -> Measurement:
    """Measure ours, the bare loop and the peak; with fewer rounds for translators, whose batches take seconds."""
    rounds = setting.rounds if case.kind == "language" else (setting.rounds + 1) // 2
    products = peak.QUICK_PRODUCTS if setting.quick else peak.PRODUCTS
    folder = str(setting.scratch)
    with worker_process(setting) as trainer_worker, worker_process(setting) as bare_worker:
        times = run_interleaved(
            {
                "ours": lambda: trainer_worker(trainer_seconds, case, folder),
                "theirs": lambda: bare_worker(bare_loop_seconds, case, folder),
                "peak": lambda: measure_peak(case, products),
            },
            rounds,
        )
        memory = (trainer_worker(peak_bytes, case.device), bare_worker(peak_bytes, case.device))
        tokens, operation_count = trainer_worker(count_work, case, folder)
    rates = spread([tokens / seconds for seconds in times["ours"]])
    share = spread(
        [operation_count / seconds / peak_rate for seconds, peak_rate in zip(times["ours"], times["peak"], strict=True)]
    )
    baseline = "bare nn.LSTMCell loop" if case.input_feeding else "bare nn.LSTM loop"
    return Measurement(
        case.name,
        baseline,
        ratio(times["theirs"], times["ours"]),
        absolute=f"{rates.median:,.0f} tokens/s; the peak is {statistics.median(times['peak']) / 1e9:,.0f} GFLOP/s",
        peak_share=share.median,
        memory=memory,
        target=target_of(case),
    )


def target_of(case: Case) -> Target | None:
    """Return the target of a case; on a GPU it is lower, since the steps are short and the baseline is fused, too."""
    if case.device == "cuda":
        return None if case.input_feeding else GPU_TARGET
    return CPU_TARGET if case.kind == "language" else None


def measure_peak(case: Case, products: Sequence[peak.Product]) -> float:
    with limited_threads(1):
        return peak.peak_rate(case.precision, case.device, products)
