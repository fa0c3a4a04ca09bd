"""Linear layers, LSTM and GRU with int8 weights by kernels; a recurrent layer computes a whole sequence in one call."""

from ctypes import POINTER, Structure, byref, c_int, c_int64, c_void_p
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor
from torch.nn import functional as F

from seq2seq.kernels.library import Kernel, check_tensor, shape_of

QuantizedParameters: TypeAlias = tuple[Tensor, Tensor, Tensor | None]  # weight, scale, bias

BLOCK_OUTPUTS, INPUT_GROUP = 64, 4  # outputs in a block of packed weights, and inputs multiplied in one instruction
NUM_GATES = {"lstm": 4, "gru": 3}  # with the candidate


class CPackedLinear(Structure):
    _fields_ = (
        ("inputs", c_int64), ("outputs", c_int64), ("weight", c_void_p), ("scale", c_void_p), ("bias", c_void_p)
    )  # fmt: skip


class CPackedRNN(Structure):
    _fields_ = (("units", c_int64), ("linear_ih", CPackedLinear), ("linear_hh", CPackedLinear))


LINEAR = Kernel("int8_linear", POINTER(CPackedLinear), c_int64, c_void_p, c_void_p, c_int)
RNNS = {
    kind: Kernel(f"int8_{kind}", POINTER(CPackedRNN), c_int64, c_int64, *[c_void_p] * 6, c_int)
    for kind in ("lstm", "gru")
}
LINEAR_SELECTED = Kernel(
    "int8_linear_selected", c_int64, c_int64, *[c_void_p] * 3, c_int64, *[c_void_p] * 2, c_int64, c_int64,
    *[c_void_p] * 2, c_int, result_type=c_int64,
)  # fmt: skip


class PackedLinear:
    """W x + b, with W in the memory layout of the kernels.

    Args:
        weight: W, quantized.
        scale: Scale of each row of W.
        bias: b, if there is one.
        gates: Number of equal parts of the outputs that are interleaved, so that a block has all gates of its units.
    """

    def __init__(
        self,
        weight: Int8[Tensor, "outputs inputs"],
        scale: Float[Tensor, " outputs"],
        bias: Float[Tensor, " outputs"] | None,
        gates: int = 1,
    ) -> None:
        self.outputs, self.inputs = shape_of("weight", weight, 2)
        check_parameters((weight, scale, bias), self.outputs, self.inputs)
        if self.outputs % gates:
            raise ValueError(f"the outputs must be a multiple of {gates}, and {self.outputs} were given")
        padded = F.pad(weight, (0, -self.inputs % INPUT_GROUP))
        unsigned = interleave_gates(padded, gates).bitwise_xor(-128)  # 128 added, as the kernels take unsigned weights
        blocks = unsigned.view(-1, BLOCK_OUTPUTS, padded.shape[1] // INPUT_GROUP, INPUT_GROUP)
        self.weight = blocks.transpose(1, 2).contiguous()
        self.scale = interleave_gates(scale.float(), gates)
        self.bias = interleave_gates(torch.zeros_like(scale) if bias is None else bias.float(), gates)
        pointers = (tensor.data_ptr() for tensor in (self.weight, self.scale, self.bias))
        self.c_struct = CPackedLinear(self.inputs, self.outputs, *pointers)

    def __call__(self, x: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows outputs"]:
        rows, _ = shape_of("x", x, 2)
        check_tensor("x", x, torch.float32, rows, self.inputs)
        x = x.contiguous()
        y = x.new_empty(rows, self.outputs)
        LINEAR(byref(self.c_struct), rows, x.data_ptr(), y.data_ptr(), torch.get_num_threads())
        return y


class PackedRNN:
    """An LSTM or a GRU.

    Args:
        kind: Which of both.
        parameters_ih: Weight, scale and bias of the input projection; None if the inputs are projected already.
        parameters_hh: Those of the projection of the hidden state.
    """

    def __init__(
        self,
        kind: Literal["lstm", "gru"],
        parameters_ih: QuantizedParameters | None,
        parameters_hh: QuantizedParameters,
    ) -> None:
        self.kind = kind
        _, units = shape_of("weight", parameters_hh[0], 2)
        check_parameters(parameters_hh, NUM_GATES[kind] * units, units)
        if parameters_ih is not None:
            check_parameters(parameters_ih, NUM_GATES[kind] * units, shape_of("weight", parameters_ih[0], 2)[1])
        if kind == "gru":  # the two projections to the candidate are not added, since the reset gate comes between them
            parameters_ih = None if parameters_ih is None else arrange_gates(parameters_ih, [0, 1, 2, None])
            parameters_hh = arrange_gates(parameters_hh, [0, 1, None, 2])
        self.linear_hh = PackedLinear(*parameters_hh, gates=4)
        self.linear_ih = None if parameters_ih is None else PackedLinear(*parameters_ih, gates=4)
        c_linear_ih = CPackedLinear() if self.linear_ih is None else self.linear_ih.c_struct
        self.c_struct = CPackedRNN(self.linear_hh.inputs, c_linear_ih, self.linear_hh.c_struct)

    def __call__(
        self, x: Float[Tensor, "time rows input"], hidden: Float[Tensor, "rows size"], cell: Float[Tensor, "rows size"]
    ) -> tuple[Float[Tensor, "time rows size"], Float[Tensor, "time rows size"]]:
        """Return the hidden state and the cell state after each step; a GRU's cell state is its hidden state."""
        hidden, cell = hidden.float(), cell.float()
        (time, rows, _), units = shape_of("x", x, 3), self.linear_hh.inputs
        inputs = self.linear_ih.inputs if self.linear_ih else NUM_GATES[self.kind] * units
        check_tensor("x", x, torch.float32, time, rows, inputs)
        check_tensor("hidden", hidden, torch.float32, rows, units)
        check_tensor("cell", cell, torch.float32, rows, units)
        if self.linear_ih is None and self.kind == "gru":
            x = F.pad(x, (0, units))
        x, hidden, cell = x.contiguous(), hidden.contiguous(), cell.contiguous()
        hiddens, cells = x.new_empty(time, rows, units), x.new_empty(time, rows, units)
        x_or_gates_ih = (x.data_ptr(), None) if self.linear_ih is not None else (None, x.data_ptr())
        RNNS[self.kind](
            byref(self.c_struct), time, rows, *x_or_gates_ih, hidden.data_ptr(), cell.data_ptr(),
            hiddens.data_ptr(), cells.data_ptr(), torch.get_num_threads(),
        )  # fmt: skip
        return hiddens, cells


def check_parameters(parameters: QuantizedParameters, outputs: int, inputs: int) -> None:
    """Raise a ValueError unless a linear layer's parameters have these sizes."""
    weight, scale, bias = parameters
    check_tensor("weight", weight, torch.int8, outputs, inputs)
    check_tensor("scale", scale.float(), torch.float32, outputs)
    if bias is not None:
        check_tensor("bias", bias.float(), torch.float32, outputs)


def arrange_gates(parameters: QuantizedParameters, order: list[int | None]) -> QuantizedParameters:
    """Return a GRU's parameters with its three gates in another order, and zeros in place of None."""

    def arranged(tensor: Tensor) -> Tensor:
        gates = tensor.chunk(3)
        return torch.cat([torch.zeros_like(tensor[: len(gates[0])]) if i is None else gates[i] for i in order])

    weight, scale, bias = parameters
    return arranged(weight), arranged(scale), None if bias is None else arranged(bias)


def linear_selected(
    weight: Int8[Tensor, "outputs inputs"],
    scale: Float[Tensor, " outputs"],
    bias: Float[Tensor, " outputs"] | None,
    x: Float[Tensor, "rows inputs"],
    sentences: Int[Tensor, " rows"],
    ids: Int[Tensor, "sentences count"],
) -> Float[Tensor, "rows count"]:
    """Compute W x + b for the outputs `ids[sentence]` of each row only, -inf where an id is -1.

    Rows of the same sentence must be adjacent. Raises a ValueError for tensors that do not fit together, and for a
    sentence or an id out of range.
    """
    (outputs, size), (rows, _) = shape_of("weight", weight, 2), shape_of("x", x, 2)
    num_sentences, count = shape_of("ids", ids, 2)
    check_tensor("weight", weight, torch.int8, outputs, size)
    check_tensor("scale", scale, torch.float32, outputs)
    if bias is not None:
        check_tensor("bias", bias, torch.float32, outputs)
        bias = bias.contiguous()
    check_tensor("x", x, torch.float32, rows, size)
    check_tensor("sentences", sentences, torch.long, rows)
    check_tensor("ids", ids, torch.long, num_sentences, count)
    weight, scale, x, sentences, ids = (tensor.contiguous() for tensor in (weight, scale, x, sentences, ids))
    y = x.new_empty(rows, count)
    error = LINEAR_SELECTED(
        size, outputs, weight.data_ptr(), scale.data_ptr(), None if bias is None else bias.data_ptr(), rows,
        x.data_ptr(), sentences.data_ptr(), num_sentences, count, ids.data_ptr(), y.data_ptr(),
        torch.get_num_threads(),
    )  # fmt: skip
    if error:
        name, indices, least, end = ("ids", ids, -1, outputs)
        if error == 1:
            name, indices, least, end = ("sentences", sentences, 0, num_sentences)
        low, high = int(indices.min()), int(indices.max())
        raise ValueError(f"{name} must be from {least} to {end - 1}, and {low} to {high} were given")
    return y


def interleave_gates(rows: Tensor, gates: int) -> Tensor:
    """Return the rows in blocks of 64, padded, each with the same units of every gate."""
    units = BLOCK_OUTPUTS // gates
    by_gate = rows.view(gates, -1, *rows.shape[1:])
    padding = by_gate.new_zeros(gates, -by_gate.shape[1] % units, *by_gate.shape[2:])
    padded = torch.cat([by_gate, padding], dim=1)
    blocks = padded.view(gates, -1, units, *padded.shape[2:]).transpose(0, 1)
    return blocks.reshape(-1, *padded.shape[2:])
