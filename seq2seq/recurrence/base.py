"""What every recurrent layer is: a causal function of a sequence that can also be advanced one step at a time."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.ranges import Count, checked
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.state import S, where


class Recurrence(nn.Module, ABC, Generic[S]):
    """A causal layer over [batch, time, size] that can also be advanced one step at a time.

    State goes in and comes out; the layer itself remembers nothing. A subclass defines `initial_state` and at least one
    of `forward` and `step`; the other one follows. `Recurrence.forward(layer, x)`, the plain loop over `step`, is the
    reference for a layer that defines both.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of features that go out at every step.
    """

    grows = False  # whether the state gets larger with every step, without end
    parallel = False  # whether a sequence is read without a loop over its steps, so that torch.compile gains from it

    @checked
    def __init__(self, input_size: Count, size: Count) -> None:
        super().__init__()
        self.input_size = input_size
        self.size = size

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.forward is Recurrence.forward and cls.step is Recurrence.step:
            raise TypeError(f"{cls.__name__} must define forward or step")

    @abstractmethod
    def initial_state(self, batch: int) -> S:
        """The state before anything was read, for `batch` rows."""

    def forward(
        self,
        x: Float[Tensor, "batch time input"],
        state: S | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch time size"], S]:
        """Read a whole sequence from `state`, or from the initial one.

        With `lengths`, row b ends after lengths[b] steps: the state returned is the one there. Inputs beyond it may be
        anything, not even finite, and outputs beyond it mean nothing, but are finite. There may be no rows or no steps.
        """
        before = self.initial_state(len(x)) if state is None else state
        return unroll(self.step, fill_padding(x, lengths, 0.0), before, lengths)

    def step(self, x: Float[Tensor, "batch input"], state: S) -> tuple[Float[Tensor, "batch size"], S]:
        """Read one step."""
        y, state = self.forward(x.unsqueeze(1), state)
        return y.squeeze(1), state


def unroll(
    cell: Callable[[Tensor, S], tuple[Tensor, S]],
    x: Float[Tensor, "batch time *input"],
    state: S,
    lengths: Int[Tensor, " batch"] | None,
) -> tuple[Float[Tensor, "batch time *size"], S]:
    """The loop over a cell, one step after the other; a row's state stays where the row ends."""
    if not x.shape[1]:  # a step that does not count knows the shape of what comes out
        return cell(x.sum(dim=1), state)[0][:, None][:, :0], state
    outputs = []
    lengths = None if lengths is None else lengths.to(x.device)
    for t, now in enumerate(x.unbind(dim=1)):
        y, new = cell(now, state)
        state = new if lengths is None else where(t < lengths, new, state)
        outputs.append(y)
    return torch.stack(outputs, dim=1), state


LayerFactory: TypeAlias = Callable[[int, int], Recurrence[Any]]  # (input_size, size) -> layer
