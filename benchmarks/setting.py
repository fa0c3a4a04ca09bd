"""What every part of the suite is told."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch

# that this process may use, where the system tells; it pins itself only for a while, since children start with its own
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


class Setting(NamedTuple):
    """Where to measure, and how long.

    Args:
        scratch: A folder for generated corpora and checkpoints.
        device: cpu or cuda.
        threads: Most threads; everything is measured with one, and decoding with this many besides.
        rounds: How often each figure is measured.
        quick: Tiny sizes, which show that the suite works and nothing else.
        apart: Whether work runs in processes of its own, as it must for its memory to be nobody else's.
        corpus_gb: Size of the large corpus.
        checkpoint: A trained translator to decode with, instead of an untrained one.
        source: What it translates, a line a sentence.
        pairs: A folder with train.de and train.en to wait for, instead of generated ones.
    """

    scratch: Path
    device: str = "cpu"
    threads: int = 1
    rounds: int = 5
    quick: bool = False
    apart: bool = True
    corpus_gb: float = 1.0
    checkpoint: Path | None = None
    source: Path | None = None
    pairs: Path | None = None


def pin(threads: int) -> None:
    """Keep this thread, and those that it starts, on so many cores."""
    torch.set_num_threads(threads)
    if CORES:
        os.sched_setaffinity(0, CORES[:threads])


@contextmanager
def using(threads: int) -> Iterator[None]:
    """So many threads on as many cores, for a while."""
    before = torch.get_num_threads()
    cores = os.sched_getaffinity(0) if CORES else set()
    pin(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if CORES:
            os.sched_setaffinity(0, cores)


def synchronise(device: str) -> None:
    """Wait until the device has done what it was told."""
    if device == "cuda":
        torch.cuda.synchronize()
