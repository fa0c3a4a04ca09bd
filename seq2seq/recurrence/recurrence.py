"""The interface of every recurrent layer: a causal function of a sequence that can also be advanced step by step."""

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
    reference for a layer that defines both. A layer that is a loop over a cell is a subclass of `Cell` instead. A layer
    with gates also defines `named_gates`.

    Args:
        input_size: Number of input features of a step.
        size: Number of output features of a step.
    """

    grows = False  # whether the state gets larger with every step, without a limit
    parallel = False  # whether a sequence is computed without a loop over its steps, so that torch.compile helps

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
        """Return the state before the first step, for `batch` rows."""

    def forward(
        self,
        x: Float[Tensor, "batch time input"],
        state: S | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch time size"], S]:
        """Return the outputs for a whole sequence, which starts from `state` or the initial one, and the final state.

        With `lengths`, row b ends after lengths[b] steps, and its final state is the one there. Padding inputs may have
        any value, NaN and infinity included; outputs on padding are meaningless, but finite. Batch and time may be 0.
        """
        state = self.initial_state(len(x)) if state is None else state
        return unroll(self.step, fill_padding(x, lengths, 0.0), state, lengths)

    def step(self, x: Float[Tensor, "batch input"], state: S) -> tuple[Float[Tensor, "batch size"], S]:
        """Return the output of one step and the next state."""
        y, state = self.forward(x.unsqueeze(1), state)
        return y.squeeze(1), state

    def named_gates(self, x: Float[Tensor, "batch input"], state: S) -> dict[str, Tensor]:
        """Return the values of the gates in the step from `state` with input x, by name, for inspection.

        Each is [batch, units] and has the value by which the step multiplies, after its sigmoid or exponential. `step`
        gives the next state. Gates are those of the whole weights, without weight dropout. A layer without gates
        returns an empty dictionary.

        Names are those of the literature: `input`, `forget`, `cell` and `output` of an LSTM, where `cell` is the
        candidate for the cell state; `reset`, `update` and `candidate` of a GRU; `decay` for a factor of the state in a
        linear recurrence.
        """
        return {}


def unroll(
    cell: Callable[[Tensor, S], tuple[Tensor, S]],
    x: Float[Tensor, "batch time *input"],
    state: S,
    lengths: Int[Tensor, " batch"] | None,
) -> tuple[Float[Tensor, "batch time *size"], S]:
    """Run a cell in a loop over time; the state of a row no longer changes after its end."""
    if not x.shape[1]:  # a discarded step on zeros gives the shape of the output
        return cell(x.sum(dim=1), state)[0][:, None][:, :0], state
    outputs = []
    lengths = None if lengths is None else lengths.to(x.device)
    for t, x_t in enumerate(x.unbind(dim=1)):
        y, next_state = cell(x_t, state)
        state = next_state if lengths is None else where(t < lengths, next_state, state)
        outputs.append(y)
    return torch.stack(outputs, dim=1), state


LayerFactory: TypeAlias = Callable[[int, int], Recurrence[Any]]  # (input_size, size) -> layer
