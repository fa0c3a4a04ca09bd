"""The memory that this process holds."""

import re
import sys
from pathlib import Path

import torch


def peak_memory(device: torch.device) -> int:
    """Bytes that tensors took at most on a GPU, or this whole process on anything else."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if (most := process_memory("VmHWM")) is not None:
        return most
    import resource  # which Windows has not

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def process_memory(name: str) -> int | None:
    """Bytes that this process holds, by Linux's names for their kinds (proc_pid_status(5)), where the system says it.

    The largest ever is VmHWM; that of getrusage(2) would count what the process that started this one held, too.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    said = re.search(rf"^{name}:\s+(\d+) kB$", status.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return None if said is None else int(said[1]) * 1024
