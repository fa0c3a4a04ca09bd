"""Lines through the logarithms of two quantities."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Line(NamedTuple):
    """y = factor * x ** slope"""

    slope: float
    factor: float

    def at(self, x: float) -> float:
        return self.factor * x**self.slope


def fitted(points: Sequence[tuple[float, float]]) -> Line:
    """The line with the least squares between the logarithms."""
    slope, start = np.polyfit(*np.log(np.array(points)).T, 1)
    return Line(float(slope), float(np.exp(start)))
