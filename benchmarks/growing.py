"""Measure one point of a growth curve: a training step, or translating a batch."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import torch

from benchmarks.interleaved import elapsed_seconds
from benchmarks.setting import synchronize
from benchmarks.watch import anonymous_memory, track_memory


class Case(NamedTuple):
    """A model and a workload."""

    kind: str  # language, translator or decoding
    length: int = 32  # time steps of a text, or tokens of a sentence
    batch: int = 16
    width: int = 256
    vocabulary: int = 1000
    beams: int = 5
    device: str = "cpu"


def measure_time(case: Case) -> float:
    """Return the seconds of a training step, or of translating a batch."""
    if case.kind == "decoding":
        return elapsed_seconds(decoding_task(case))
    return train_steps(case, 3)


def measure_memory(case: Case) -> int:
    """Return the peak bytes that a training step allocates."""
    train_steps(case._replace(length=4), 1)
    if case.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        initial = torch.cuda.memory_allocated()
        train_steps(case, 1)
        return torch.cuda.max_memory_allocated() - initial
    initial = anonymous_memory()
    with track_memory() as tracker:
        train_steps(case, 1)
    return tracker.peak - initial


def train_steps(case: Case, steps: int) -> float:
    """Return the seconds per training step, always with the same batch."""
    from benchmarks.fitting import fit
    from seq2seq.data.batches import BatchLoader

    fixed_batch = make_batch(case)
    return (
        fit(
            make_model(case), BatchLoader(range(steps + 1), lambda _: fixed_batch), steps, warm_up=1, device=case.device
        )
        / steps
    )


@cache
def make_model(case: Case) -> Any:
    from seq2seq.training.language_model import LanguageModel
    from seq2seq.training.translator import Translator

    if case.kind == "language":
        return LanguageModel(case.vocabulary, size=case.width, depth=1)
    return Translator(case.vocabulary, case.vocabulary, True, size=case.width)


def make_batch(case: Case) -> Any:
    from seq2seq.batch import LanguageBatch, TranslationBatch

    ids = torch.randint(4, case.vocabulary, (case.batch, case.length))
    if case.kind == "language":
        return LanguageBatch(ids, ids, True, ids.numel())
    return TranslationBatch(ids, torch.full((case.batch,), case.length), ids, ids, ids.numel())


def decoding_task(case: Case) -> Callable[[], object]:
    from seq2seq.search import Beam

    translator = make_model(case).eval().to(case.device)
    inputs = make_batch(case)
    source, lengths = inputs.source.to(case.device), inputs.lengths.to(case.device)

    @torch.inference_mode()
    def translate() -> None:
        Beam(case.beams)(translator.decoding_problem(source, lengths), lengths)
        synchronize(case.device)

    return translate
