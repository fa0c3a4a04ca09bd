"""The memory that a process holds."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch


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
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    (line,) = (line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024


def most_held(device: str) -> int:
    """The most bytes that this process held, or on a GPU its tensors."""
    from seq2seq.training.speed import peak_memory

    return peak_memory(torch.device(device))
