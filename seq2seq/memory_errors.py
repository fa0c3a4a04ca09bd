"""Out-of-memory errors of Python, torch and CUDA as one UserError."""

from collections.abc import Iterator
from contextlib import contextmanager

from seq2seq.errors import UserError


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
