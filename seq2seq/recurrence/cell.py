"""The base class of layers that project their whole input at once and then loop over a cell."""

from abc import abstractmethod
from collections.abc import Callable

from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.recurrence import Recurrence, unroll
from seq2seq.state import S


class Cell(Recurrence[S]):
    """A recurrence that projects its whole input at once and then loops over a cell.

    A subclass defines three methods, and `forward` and `step` follow:

    - `initial_state`, the state before the first step;
    - `project_input`, the part of the computation that needs no state, such as the product with the input weights, for
      all steps in one call;
    - `cell`, one step from a projected input and a state.

    If need be, it also defines `project_output`, for all outputs of the cell in one call, and `sequence_cell`, for what
    is drawn once for each sequence. Inputs are finite on padding, and the state of a row no longer changes after its
    end, so that the subclass needs no masks.
    """

    @abstractmethod
    def project_input(self, x: Float[Tensor, "*steps input"]) -> Tensor:
        """Return what the cell needs of each input, [*steps, ...]."""

    @abstractmethod
    def cell(self, projected_x: Tensor, state: S) -> tuple[Tensor, S]:
        """Return the output of one step, before `project_output`, and the next state."""

    def project_output(self, y: Tensor) -> Float[Tensor, "*steps size"]:
        """Return the layer's outputs from the cell's; by default they are the same."""
        return y

    def sequence_cell(self) -> Callable[[Tensor, S], tuple[Tensor, S]]:
        """Return the cell for one sequence, such as one with a dropout mask that is the same in all steps."""
        return self.cell

    def forward(
        self, x: Tensor, state: S | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, S]:
        cell = self.sequence_cell()
        state = self.initial_state(len(x)) if state is None else state
        y, state = unroll(cell, self.project_input(fill_padding(x, lengths, 0.0)), state, lengths)
        return self.project_output(y), state

    def step(self, x: Float[Tensor, "batch input"], state: S) -> tuple[Tensor, S]:
        y, state = self.sequence_cell()(self.project_input(x), state)
        return self.project_output(y), state
