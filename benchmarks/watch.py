"""The memory that a process holds."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from seq2seq.peak_memory import peak_memory, process_memory


class Watch:
    """The most memory of its own that this process held, looked at a hundred times a second."""

    def __init__(self) -> None:
        self.most = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.01):
            self.most = max(self.most, anonymous())


@contextmanager
def watched() -> Iterator[Watch]:
    watch = Watch()
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.over.set()
        thread.join()
        watch.most = max(watch.most, anonymous())


def anonymous() -> int:
    """Bytes that this process holds without those of mapped files, which the kernel drops when it needs their room."""
    return process_memory("RssAnon") or 0


def most_held(device: str) -> int:
    """The most bytes that this process held, or on a GPU its tensors."""
    return peak_memory(torch.device(device))
