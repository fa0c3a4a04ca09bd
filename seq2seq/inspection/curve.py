"""How far back a model's gradient reaches, layer by layer, and what that means in a sentence."""

from collections.abc import Sequence
from typing import NamedTuple

from seq2seq.inspection.fading import Fading, fading, slope

EXPLODED = 100.0  # times the first norm


class Curve(NamedTuple):
    """The norms of one model."""

    label: str
    given: str  # checkpoint, run or configuration, as it was named
    trained: bool
    unit: str  # what a step reads: characters, bytes, words, subwords
    norms: list[list[float]]  # of each layer from the input up, at k = 1, 2, ...

    @property
    def name(self) -> str:
        return f"{self.label}, {'after' if self.trained else 'before'} training"

    @property
    def steps(self) -> int:
        return len(self.norms[0])

    @property
    def furthest(self) -> int:
        """The layer that reaches furthest, from 0."""
        numbers = [fading(norms) for norms in self.norms]
        return max(range(len(numbers)), key=lambda layer: (numbers[layer].horizon, numbers[layer].left))


def sentence(curve: Curve) -> str:
    """What the layer that reaches furthest says."""
    norms = curve.norms[curve.furthest]
    which = f"layer {curve.furthest + 1} of {len(curve.norms)} reaches furthest: " if len(curve.norms) > 1 else ""
    return which + meaning(fading(norms), norms, curve.unit)


def meaning(numbers: Fading, norms: Sequence[float], unit: str) -> str:
    steps = len(norms)
    if numbers.finite < steps:
        return f"the gradient is no number from {numbers.finite + 1:,} {unit} back on: the weights have diverged"
    if numbers.horizon == 0:
        return "no gradient reaches a state at all, so nothing before the last of the " + unit + " is learned"
    if numbers.peak > EXPLODED:
        return f"grows {growth(norms)}, to {numbers.peak:.1e} times what it was: gradients explode, so clip them"
    if numbers.horizon < steps:
        pace = f"halves every {brief(numbers.half_life)} {unit}: " if numbers.half_life < steps else ""
        return (
            f"{pace}less than 1 % is left beyond {numbers.horizon:,} {unit}, so hardly anything further back is learned"
        )
    if numbers.left > 1.0:
        return f"does not fade within {steps:,} {unit}: at the end it is {numbers.left:.1f} times what it was"
    pace = f"halves every {brief(numbers.half_life)} {unit}, " if numbers.half_life < 2 * steps else ""
    return f"{pace}does not fade out within {steps:,} {unit}: {percent(numbers.left)} is left there"


def growth(norms: Sequence[float]) -> str:
    """So many times every ten steps, or at its fastest where the whole of it does not grow."""
    fold = 2.0 ** (10 * slope(norms))
    return f"{fold:.2g}-fold every 10 steps" if fold > 1.0 else "for a while"


def brief(steps: float) -> str:
    return f"{steps:.1f}" if steps < 10 else f"{steps:,.0f}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def comparison(curves: Sequence[Curve]) -> str | None:
    """Which of several models reaches furthest and which least far; models that explode have no part in it."""
    sane = [(reached(curve), curve) for curve in curves if is_sane(curve)]
    if len(sane) < 2:
        return None
    far, near = max(horizon for horizon, _ in sane), min(horizon for horizon, _ in sane)
    if far == near:
        return f"all reach {extent(far, sane[0][1])}"
    furthest, shortest = ([curve for horizon, curve in sane if horizon == end] for end in (far, near))
    return (
        f"furthest: {'; '.join(curve.name for curve in furthest)}: {extent(far, furthest[0])}. "
        f"shortest: {'; '.join(curve.name for curve in shortest)}: {extent(near, shortest[0])}"
    )


def reached(curve: Curve) -> int:
    return fading(curve.norms[curve.furthest]).horizon


def is_sane(curve: Curve) -> bool:
    numbers = [fading(norms) for norms in curve.norms]
    return all(one.finite == curve.steps and one.peak <= EXPLODED for one in numbers)


def extent(horizon: int, curve: Curve) -> str:
    return f"{horizon:,} {curve.unit}" + (" and more" if horizon == curve.steps else "")
