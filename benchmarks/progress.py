"""What long work says meanwhile."""

import sys


def tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
