"""What long work tells the person who waits for it."""

import sys

from pytorch_lightning.utilities import rank_zero_only


@rank_zero_only
def say(message: str) -> None:
    """A line on standard error, from the first process only; standard output is for results."""
    print(message, file=sys.stderr, flush=True)
