"""Laws of what a process says of its memory."""

import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of a process")
def test_the_most_that_a_process_held_is_its_own() -> None:
    """A large process starts a small one."""
    small = "import torch; from seq2seq.peak_memory import peak_memory; print(peak_memory(torch.device('cpu')))"
    large = f"import subprocess, sys; held = b'1' * (1 << 30); subprocess.run([sys.executable, '-c', {small!r}])"
    ran = subprocess.run([sys.executable, "-c", large], capture_output=True, text=True, check=True)
    assert 1 << 26 < int(ran.stdout) < 1 << 30
