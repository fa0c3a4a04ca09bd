"""Progress messages of long benchmarks."""

import sys


def print_progress(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
