"""Translating some sentences, as one process does it."""

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks import corpora
from benchmarks.contest import seconds
from benchmarks.precision import loaded
from benchmarks.setting import synchronise, using


class Case(NamedTuple):
    """Translating so many sentences, some at a time."""

    checkpoint: str
    precision: str
    beams: int
    batch: int
    sentences: int
    threads: int = 1
    device: str = "cpu"
    source: str = ""  # a file of sentences; without it they are drawn, and the translations made as long as usual


@cache
def translation(checkpoint: str, precision: str, device: str) -> Any:
    """The loaded translator; None where there is no such precision."""
    return loaded(checkpoint, precision, device)


def able(case: Case) -> bool:
    return translation(case.checkpoint, case.precision, case.device) is not None


def rate(case: Case) -> float:
    """Sentences a second."""
    work = of_lines(case) if case.source else of_drawn(case)
    with using(case.threads):
        return case.sentences / seconds(work)


def of_lines(case: Case) -> Callable[[], list[list[str]]]:
    """What a trained model says of lines of a file."""
    from seq2seq.data.text import read_lines
    from seq2seq.inference import SearchOptions

    translate = translation(case.checkpoint, case.precision, case.device)
    lines = list(itertools.islice(itertools.cycle(read_lines(case.source)), case.sentences))
    how = SearchOptions(case.beams)
    groups = [lines[begin : begin + case.batch] for begin in range(0, len(lines), case.batch)]
    return lambda: [translate(some, how) for some in groups]


def of_drawn(case: Case) -> Callable[[], object]:
    """What an untrained model says, cut off where the translation of such a sentence would end."""
    from seq2seq.search import beam_search, greedy

    found = translation(case.checkpoint, case.precision, case.device)
    (model,) = found.models
    sources, targets = (torch.from_numpy(side) for side in usual(case.sentences))
    ids = torch.randint(4, found.vocabularies.source.vocab_size, (case.sentences, int(sources.max())))
    ids[torch.arange(ids.shape[1]) >= sources[:, None]] = 0
    ids, sources, targets = (part.to(case.device) for part in (ids, sources, targets))

    @torch.inference_mode()
    def work() -> None:
        for begin in range(0, case.sentences, case.batch):
            some = slice(begin, begin + case.batch)
            lengths, limits = sources[some], targets[some]
            problem = model.problem(ids[some, : int(lengths.max())], lengths)
            if case.beams == 1:
                greedy(problem, limits)
            else:
                beam_search(problem, limits, case.beams)
        synchronise(case.device)

    return work


def usual(sentences: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of sources and targets, end marks counted; of few sentences the quantiles, so that none is unusual."""
    source, target = corpora.lengths(1000)
    places = np.argsort(source, kind="stable")[((np.arange(sentences) + 0.5) / sentences * 1000).astype(int)]
    return source[places] + 1, target[places] + 1


def tokens(case: Case) -> float:
    """Tokens of a translation with its end, on average."""
    if not case.source:
        return float(usual(case.sentences)[1].mean())
    translated = itertools.chain.from_iterable(of_lines(case)())
    encoded = translation(case.checkpoint, case.precision, case.device).vocabularies.target.encode_batch(
        list(translated)
    )
    return 1 + sum(map(len, encoded)) / len(encoded)
