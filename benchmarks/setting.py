"""Settings that all parts of the suite share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch

# available cores; this process is pinned only temporarily, since child processes inherit its affinity
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


class Setting(NamedTuple):
    """Where and how to measure.

    Args:
        scratch: A folder for generated corpora and checkpoints.
        device: cpu or cuda.
        threads: Everything is measured with one thread, and decoding also with this many.
        rounds: Number of repetitions of each measurement.
        quick: Whether sizes are tiny, to check that the suite works.
        separate_processes: Whether work runs in separate processes, so that its memory is measured in isolation.
        corpus_gb: Size of the large corpus.
        checkpoint: A trained translator to decode with, instead of an untrained one.
        source: The sentences that it translates, one per line.
        pairs: A folder with train.de and train.en for `waiting`, instead of generated pairs.
    """

    scratch: Path
    device: str = "cpu"
    threads: int = 1
    rounds: int = 5
    quick: bool = False
    separate_processes: bool = True
    corpus_gb: float = 1.0
    checkpoint: Path | None = None
    source: Path | None = None
    pairs: Path | None = None


def pin(threads: int) -> None:
    """Limit torch to this many threads, and this process to as many cores."""
    torch.set_num_threads(threads)
    if CORES:
        os.sched_setaffinity(0, CORES[:threads])


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Limit threads and cores within a block."""
    previous_threads = torch.get_num_threads()
    previous_cores = os.sched_getaffinity(0) if CORES else set()
    pin(threads)
    try:
        yield
    finally:
        torch.set_num_threads(previous_threads)
        if CORES:
            os.sched_setaffinity(0, previous_cores)


def synchronize(device: str) -> None:
    """Wait until the device has finished its queued work."""
    if device == "cuda":
        torch.cuda.synchronize()
