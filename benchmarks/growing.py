"""One point of what grows: a training step, or translating a batch."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import torch

from benchmarks.contest import seconds
from benchmarks.setting import synchronise
from benchmarks.watch import anonymous, watched


class Case(NamedTuple):
    """A model and what it does."""

    kind: str  # language, translator or decoding
    length: int = 32  # steps of text, or words of a sentence
    batch: int = 16
    width: int = 256
    vocabulary: int = 1000
    beams: int = 5
    device: str = "cpu"


def time(case: Case) -> float:
    """Seconds of a training step, or of translating a batch."""
    if case.kind == "decoding":
        return seconds(decoding(case))
    return train(case, 3)


def memory(case: Case) -> int:
    """Bytes that a step takes beyond those that there were before."""
    train(case._replace(length=4), 1)
    if case.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        train(case, 1)
        return torch.cuda.max_memory_allocated() - held
    before = anonymous()
    with watched() as watch:
        train(case, 1)
    return watch.most - before


def train(case: Case, steps: int) -> float:
    """Seconds of a training step, always with the same batch."""
    from benchmarks.fitting import fit
    from seq2seq.data.batches import Batches

    some = batch(case)
    return fit(model(case), Batches(range(steps + 1), lambda _: some), steps, warm=1, device=case.device) / steps


@cache
def model(case: Case) -> Any:
    from seq2seq.models import LanguageModel, Translator

    if case.kind == "language":
        return LanguageModel(case.vocabulary, size=case.width, depth=1)
    return Translator(case.vocabulary, case.vocabulary, True, size=case.width)


def batch(case: Case) -> Any:
    from seq2seq.batch import LanguageBatch, TranslationBatch

    ids = torch.randint(4, case.vocabulary, (case.batch, case.length))
    if case.kind == "language":
        return LanguageBatch(ids, ids, True, ids.numel())
    return TranslationBatch(ids, torch.full((case.batch,), case.length), ids, ids, ids.numel())


def decoding(case: Case) -> Callable[[], object]:
    from seq2seq.search import beam_search

    translator = model(case).eval().to(case.device)
    read = batch(case)
    source, lengths = read.source.to(case.device), read.lengths.to(case.device)

    @torch.inference_mode()
    def work() -> None:
        beam_search(translator.problem(source, lengths), lengths, case.beams)
        synchronise(case.device)

    return work
