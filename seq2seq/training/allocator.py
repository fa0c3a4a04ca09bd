"""Memory that every step frees and needs again."""

import ctypes
import sys

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # the names of mallopt(3)
FREE = 512 << 20  # bytes that are kept
SINGLE = 32 << 20  # bytes of the largest piece that is kept


def keep_freed_memory() -> None:
    """Let this process keep some of what it frees, instead of asking the system for cleared pages in every step.

    With one thread it made training up to 6 % faster; with two, slower, so that it is left alone. This is an option of
    the GNU C library; without it, nothing changes.
    """
    if sys.platform != "linux" or torch.get_num_threads() > 1:
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, SINGLE)
        library.mallopt(M_TRIM_THRESHOLD, FREE)
