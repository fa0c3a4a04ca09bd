"""A short causal depthwise convolution, as in Mamba, Griffin and xLSTM."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.ranges import Count, checked
from seq2seq.recurrence.ops.padding import fill_padding, last_steps
from seq2seq.recurrence.recurrence import Recurrence


class ShortConvolution(Recurrence[Tensor]):
    """Depthwise convolution: y[t] = bias + sum over i of weight[i] x[t - width + 1 + i]; its state is width - 1 inputs.

    Args:
        size: Number of input and output features.
        width: Kernel size, in steps.
    """

    @checked
    def __init__(self, size: int, width: Count = 4) -> None:
        super().__init__(size, size)
        self.width = width
        self.weight, self.bias = (  # torch's initialization of a convolution, as in Mamba and xLSTM
            nn.Parameter(torch.empty(*shape).uniform_(-1, 1) * width**-0.5) for shape in ((width, size), (size,))
        )

    def initial_state(self, batch: int) -> Float[Tensor, "batch previous size"]:
        return self.weight.new_zeros(batch, self.width - 1, self.size)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        state = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        inputs = torch.cat([state.to(x.dtype), x], dim=1)
        y = self.bias.to(x.dtype).expand_as(x)
        for step, weight in enumerate(self.weight.to(x.dtype).unbind(0)):
            y = torch.addcmul(y, inputs[:, step : step + x.shape[1]], weight)
        return y, last_steps(state, x, lengths)
