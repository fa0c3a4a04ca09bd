"""Tests of out-of-memory errors, and of the memory statistics of a process."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from seq2seq.errors import UserError
from seq2seq.memory import memory_errors

HUGE = 2**31 - 1


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: torch.empty(1 << 45),
        lambda: torch.empty(HUGE, HUGE),
        lambda: nn.LSTM(HUGE, HUGE),
        lambda: np.zeros(1 << 55),
        lambda: [0] * (1 << 58),
    ],
    ids=["bytes", "sizes", "layer", "numpy", "list"],
)
def test_out_of_memory_is_a_user_error(allocate: Callable[[], object]) -> None:
    with (
        pytest.raises(UserError, match=r"^there is not enough memory.*: a smaller model needs less$"),
        memory_errors("a smaller model needs less"),
    ):
        allocate()


def test_message_has_the_requested_amount() -> None:
    with pytest.raises(UserError, match=r"not enough memory for 140,737\.5 GB: "), memory_errors("less"):
        torch.empty(1 << 45)
    with pytest.raises(UserError, match=r"not enough memory for 20\.00 GiB: "), memory_errors("less"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total of")


def test_other_errors_are_unchanged() -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"), memory_errors("less"):
        torch.zeros(2, 3) @ torch.zeros(2, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_peak_memory_excludes_the_parent_process() -> None:
    """A process with 1 GB of memory starts a small one."""
    small = "import torch; from seq2seq.memory import peak_memory; print(peak_memory(torch.device('cpu')))"
    large = f"import subprocess, sys; held = b'1' * (1 << 30); subprocess.run([sys.executable, '-c', {small!r}])"
    ran = subprocess.run([sys.executable, "-c", large], capture_output=True, text=True, check=True)
    assert 1 << 26 < int(ran.stdout) < 1 << 30
