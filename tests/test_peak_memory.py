"""Tests of the memory statistics of a process."""

import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_peak_memory_excludes_the_parent_process() -> None:
    """A process with 1 GB of memory starts a small one."""
    small = "import torch; from seq2seq.peak_memory import peak_memory; print(peak_memory(torch.device('cpu')))"
    large = f"import subprocess, sys; held = b'1' * (1 << 30); subprocess.run([sys.executable, '-c', {small!r}])"
    ran = subprocess.run([sys.executable, "-c", large], capture_output=True, text=True, check=True)
    assert 1 << 26 < int(ran.stdout) < 1 << 30
