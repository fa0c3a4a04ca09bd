"""Freed memory is reused by the next step."""

import subprocess
import sys
from platform import libc_ver

import pytest

STEPS = """
import resource, torch
from seq2seq.training.allocator import keep_freed_memory

torch.set_num_threads(1)
keep_freed_memory()
for step in range(6):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    pieces = [torch.ones(16 << 20, dtype=torch.uint8) for _ in range(8)]
    del pieces
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(libc_ver()[0] != "glibc", reason="an option of the GNU C library")
def test_freed_memory_is_reused() -> None:
    process = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    first, *_, second_last, last = map(int, process.stdout.split())  # page faults of each step
    assert max(second_last, last) < first / 4
