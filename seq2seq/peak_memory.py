"""Memory use of this process."""

import re
import sys
from pathlib import Path

import torch


def peak_memory(device: torch.device) -> int:
    """Return the peak memory in bytes: of tensors on a GPU, of the whole process on other devices."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if (peak := process_memory("VmHWM")) is not None:
        return peak
    import resource  # not available on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def process_memory(name: str) -> int | None:
    """Return a memory statistic of this process in bytes, by its name in proc_pid_status(5); None if not on Linux.

    The peak is VmHWM; the one of getrusage(2) would include the memory of the process that started this one.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    match = re.search(rf"^{name}:\s+(\d+) kB$", status.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return None if match is None else int(match[1]) * 1024
