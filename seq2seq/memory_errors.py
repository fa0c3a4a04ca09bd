"""Memory that runs out, whichever library notices it."""

from collections.abc import Iterator
from contextlib import contextmanager

from seq2seq.errors import UserError


@contextmanager
def memory_errors(advice: str) -> Iterator[None]:
    """Raise a UserError where memory runs out within the block.

    Args:
        advice: What would need less, as the sentence ends.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(f"there is not enough memory{_asked_for(error)}: {advice}") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: Python's, torch's of an accelerator, or torch's of a CPU."""
    messages = (
        "can't allocate memory",
        "Storage size calculation overflowed",
        "numel: integer multiplication overflow",
    )
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"  # torch's, which is not imported here
        or (type(error) is RuntimeError and any(message in str(error) for message in messages))
    )


def _asked_for(error: BaseException) -> str:
    """Return how much memory was asked for, where an error says it."""
    _, found, words = str(error).partition("ried to allocate ")
    amount, unit = [*words.replace(". ", " ").split(), "", ""][:2]
    if not found:
        return ""
    return f" for {int(amount) / 1e9:,.1f} GB" if unit.startswith("byte") else f" for {amount} {unit}"
