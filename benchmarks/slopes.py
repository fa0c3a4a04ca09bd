"""Fit power laws: lines through the logarithms of two quantities."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Line(NamedTuple):
    """y = factor * x ** slope"""

    slope: float
    factor: float

    def at(self, x: float) -> float:
        return self.factor * x**self.slope


def fit_line(points: Sequence[tuple[float, float]]) -> Line:
    """Fit a line to the logarithms by least squares."""
    slope, intercept = np.polyfit(*np.log(np.array(points)).T, 1)
    return Line(float(slope), float(np.exp(intercept)))
