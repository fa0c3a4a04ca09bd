"""Track the memory of a process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from seq2seq.memory import peak_memory, process_memory


class MemoryTracker:
    """The peak anonymous memory of this process, sampled a hundred times a second."""

    def __init__(self) -> None:
        self.peak = 0
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.01):
            self.peak = max(self.peak, anonymous_memory())


@contextmanager
def track_memory() -> Iterator[MemoryTracker]:
    tracker = MemoryTracker()
    thread = threading.Thread(target=tracker.run, daemon=True)
    thread.start()
    try:
        yield tracker
    finally:
        tracker.stopped.set()
        thread.join()
        tracker.peak = max(tracker.peak, anonymous_memory())


def anonymous_memory() -> int:
    """Return the anonymous bytes of this process: without mapped files, which the kernel drops when memory is short."""
    return process_memory("RssAnon") or 0


def peak_bytes(device: str) -> int:
    """Return the peak bytes of this process, or on a GPU those of its tensors."""
    return peak_memory(torch.device(device))
