"""Memory of this process: its peak, and out-of-memory errors of Python, torch and CUDA as one UserError."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq.errors import UserError

if TYPE_CHECKING:
    import torch


@contextmanager
def memory_errors(advice: str) -> Iterator[None]:
    """Raise a UserError if memory runs out in the block.

    Args:
        advice: End of the message, such as "a smaller model needs less".
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(f"there is not enough memory{_requested_memory(error)}: {advice}") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out: of Python, or of torch on an accelerator or a CPU."""
    messages = (
        "can't allocate memory",
        "Storage size calculation overflowed",
        "numel: integer multiplication overflow",
    )
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"  # by name, since torch is not imported here
        or (type(error) is RuntimeError and any(message in str(error) for message in messages))
    )


def _requested_memory(error: BaseException) -> str:
    """Return the amount of memory that was requested, as " for 2.0 GB"; empty if the error does not contain it."""
    _, found, rest = str(error).partition("ried to allocate ")
    amount, unit = [*rest.replace(". ", " ").split(), "", ""][:2]
    if not found:
        return ""
    return f" for {int(amount) / 1e9:,.1f} GB" if unit.startswith("byte") else f" for {amount} {unit}"


def peak_memory(device: "torch.device") -> int:
    """Return the peak memory in bytes: of tensors on a GPU, of the whole process on other devices."""
    if device.type == "cuda":
        import torch  # takes seconds, and other statistics do without

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
