"""Messages on standard error from the first process only."""

import sys


def rank_zero_log(message: str) -> None:
    """Print a line on standard error, from the first process only; standard output is for results."""
    from lightning_utilities.core.rank_zero import rank_zero_only

    if getattr(rank_zero_only, "rank", 0) == 0:  # set by Lightning; without it there is one process
        print(message, file=sys.stderr, flush=True)
