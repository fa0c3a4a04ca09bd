"""Time translation in one process."""

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks import corpora
from benchmarks.interleaved import elapsed_seconds
from benchmarks.precision import load_in_precision
from benchmarks.setting import limited_threads, synchronize


class Case(NamedTuple):
    """Translation of some sentences in batches."""

    checkpoint: str
    precision: str
    beams: int
    batch: int
    sentences: int
    threads: int = 1
    device: str = "cpu"
    source: str = ""  # file of sentences; by default random ids, with typical lengths of translations


@cache
def load_cached(checkpoint: str, precision: str, device: str) -> Any:
    """Load a translator; None if the device does not support the precision."""
    return load_in_precision(checkpoint, precision, device)


def is_supported(case: Case) -> bool:
    return load_cached(case.checkpoint, case.precision, case.device) is not None


def sentences_per_second(case: Case) -> float:
    """Return the sentences per second."""
    task = translate_lines(case) if case.source else translate_random_ids(case)
    with limited_threads(case.threads):
        return case.sentences / elapsed_seconds(task)


def translate_lines(case: Case) -> Callable[[], list[list[str]]]:
    """Return a task that translates lines of a file with a trained model."""
    from seq2seq.data.text import read_lines
    from seq2seq.search import Beam

    translate = load_cached(case.checkpoint, case.precision, case.device)
    lines = list(itertools.islice(itertools.cycle(read_lines(case.source)), case.sentences))
    search = Beam(case.beams)
    batches = [lines[start : start + case.batch] for start in range(0, len(lines), case.batch)]
    return lambda: [translate(batch, search) for batch in batches]


def translate_random_ids(case: Case) -> Callable[[], object]:
    """Return a task that translates random ids with an untrained model, truncated to typical lengths."""
    from seq2seq.search import Beam

    pipeline = load_cached(case.checkpoint, case.precision, case.device)
    (model,) = pipeline.models
    sources, targets = (torch.from_numpy(side) for side in typical_lengths(case.sentences))
    ids = torch.randint(4, pipeline.vocabularies.source.vocab_size, (case.sentences, int(sources.max())))
    ids[torch.arange(ids.shape[1]) >= sources[:, None]] = 0
    ids, sources, targets = (part.to(case.device) for part in (ids, sources, targets))

    @torch.inference_mode()
    def task() -> None:
        for start in range(0, case.sentences, case.batch):
            rows = slice(start, start + case.batch)
            lengths, limits = sources[rows], targets[rows]
            problem = model.decoding_problem(ids[rows, : int(lengths.max())], lengths)
            Beam(case.beams)(problem, limits)
        synchronize(case.device)

    return task


def typical_lengths(sentences: int) -> tuple[np.ndarray, np.ndarray]:
    """Return typical token counts of sources and targets, including EOS: quantiles, so that none is unusual."""
    source, target = corpora.draw_lengths(1000)
    indices = np.argsort(source, kind="stable")[((np.arange(sentences) + 0.5) / sentences * 1000).astype(int)]
    return source[indices] + 1, target[indices] + 1


def tokens_per_translation(case: Case) -> float:
    """Return the mean number of tokens per translation, including EOS."""
    if not case.source:
        return float(typical_lengths(case.sentences)[1].mean())
    translated = itertools.chain.from_iterable(translate_lines(case)())
    encoded = load_cached(case.checkpoint, case.precision, case.device).vocabularies.target.encode_batch(
        list(translated)
    )
    return 1 + sum(map(len, encoded)) / len(encoded)
