"""Training through the Trainer, with our data, loss and callbacks, against a bare loop of the same network."""

import itertools
import statistics
from collections.abc import Sequence

from benchmarks import peak
from benchmarks.children import child
from benchmarks.contest import in_turns, ratio, spread
from benchmarks.figure import Figure, Section, Target
from benchmarks.progress import tell
from benchmarks.setting import Setting, using
from benchmarks.training_sides import Case, ours, theirs, work_of
from benchmarks.watch import most_held

AS_FAST, NEARLY = Target(0.95, at_least=True), Target(0.9, at_least=True)


def cases(setting: Setting) -> list[Case]:
    """What is measured; float32 and bf16 side by side."""
    if setting.quick:
        tiny = {"size": 16, "batches": 2, "vocabulary": 200, "pairs": 200, "device": setting.device}
        return [Case("language", "bf16", 64, **tiny), Case("translator", "float32", 200, feeding=True, **tiny)]
    both = ("float32", "bf16")
    translators = itertools.product((1500, 4000), (False, True), both)
    return [
        *(Case("language", precision, device=setting.device) for precision in both),
        *(
            Case("translator", precision, tokens, feeding, batches=max(2, 6000 // tokens), device=setting.device)
            for tokens, feeding, precision in translators
        ),
    ]


def measure(setting: Setting) -> Section:
    """Every case in turns with its bare loop and with the fastest matrix product."""
    figures = []
    for case in cases(setting):
        tell(f"  {case.name}")
        figures.append(compare(case, setting))
    flags = "torch's fused AdamW, gradients clipped at norm 1, no dropout"
    return Section(
        "Training",
        figures,
        [
            f"Both sides: width 512, {flags}. The bare loop has its batches in memory and logs nothing; ours reads "
            "them from its corpus, through the Trainer with the callbacks and the loggers of `fit`.",
            "Rates count target tokens. The peak is the fastest of several matrix products in the same precision, in "
            "turns with the training; operations are those of matrix products, from their shapes, without padding.",
        ],
    )


def compare(case: Case, setting: Setting) -> Figure:
    """Ours, theirs and the peak; fewer rounds for translators, whose batches take seconds."""
    rounds = setting.rounds if case.kind == "language" else (setting.rounds + 1) // 2
    products = peak.QUICK if setting.quick else peak.PRODUCTS
    corpus = str(setting.scratch)
    with child(setting) as we, child(setting) as they:
        found = in_turns(
            {
                "ours": lambda: we(ours, case, corpus),
                "theirs": lambda: they(theirs, case, corpus),
                "peak": lambda: limit(case, products),
            },
            rounds,
        )
        memory = (we(most_held, case.device), they(most_held, case.device))
        tokens, work = we(work_of, case, corpus)
    rates = spread([tokens / taken for taken in found["ours"]])
    share = spread([work / taken / most for taken, most in zip(found["ours"], found["peak"], strict=True)])
    against = "bare nn.LSTMCell loop" if case.feeding else "bare nn.LSTM loop"
    return Figure(
        case.name,
        against,
        ratio(found["theirs"], found["ours"]),
        rate=f"{rates.median:,.0f} tokens/s; the peak is {statistics.median(found['peak']) / 1e9:,.0f} GFLOP/s",
        peak=share.median,
        memory=memory,
        target=target(case),
    )


def target(case: Case) -> Target | None:
    """A GPU's layers are fused in a bare loop, too, and its steps are so short that every wait shows."""
    if case.device == "cuda":
        return None if case.feeding else NEARLY
    return AS_FAST if case.kind == "language" else None


def limit(case: Case, products: Sequence[peak.Product]) -> float:
    with using(1):
        return peak.rate(case.precision, case.device, products)
