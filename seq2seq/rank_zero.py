"""What long work tells the person who waits for it."""

import sys


def rank_zero_log(message: str) -> None:
    """A line on standard error, from the first process only; standard output is for results."""
    from lightning_utilities.core.rank_zero import rank_zero_only

    if getattr(rank_zero_only, "rank", 0) == 0:  # Lightning numbers the processes, and without it there is one
        print(message, file=sys.stderr, flush=True)
