"""Products in whole numbers of 8 bits by kernels of our own, each step of a layer in one call."""

from ctypes import POINTER, Structure, byref, c_int, c_int64, c_void_p
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor
from torch.nn import functional as F

from seq2seq.kernels.library import Kernel, check, sizes

Rounded: TypeAlias = tuple[Tensor, Tensor, Tensor | None]  # weight, scale, bias

BLOCK, FOUR = 64, 4  # outputs that stand together, and inputs that are multiplied at once
PARTS = {"lstm": 4, "gru": 3}  # of the outputs, one for each gate and for the candidate


def rounded(x: Float[Tensor, "rows size"]) -> tuple[Int8[Tensor, "rows size"], Float[Tensor, "rows 1"]]:
    """Whole numbers from -127 to 127, and for each row the scale that gives it back."""
    rows, size = sizes("x", x, 2)
    check("x", x, torch.float32, rows, size)
    x = x.contiguous()
    values, scale = torch.empty_like(x, dtype=torch.int8), x.new_empty(rows, 1)
    ROWS(rows, size, x.data_ptr(), values.data_ptr(), scale.data_ptr())
    return values, scale


class CProduct(Structure):
    _fields_ = (
        ("inputs", c_int64), ("outputs", c_int64), ("weight", c_void_p), ("scale", c_void_p), ("bias", c_void_p)
    )  # fmt: skip


class CGates(Structure):
    _fields_ = (("units", c_int64), ("outer", CProduct), ("inner", CProduct))


ROWS = Kernel("int8_rows", c_int64, c_int64, *[c_void_p] * 3)
LINEAR = Kernel("int8_linear", POINTER(CProduct), c_int64, c_void_p, c_void_p, c_int)
CELLS = {
    kind: Kernel(f"int8_{kind}", POINTER(CGates), c_int64, c_int64, *[c_void_p] * 6, c_int) for kind in ("lstm", "gru")
}
CHOSEN = Kernel(
    "int8_chosen", c_int64, c_int64, *[c_void_p] * 3, c_int64, *[c_void_p] * 2, c_int64, c_int64, *[c_void_p] * 2,
    c_int, result=c_int64,
)  # fmt: skip


class Product:
    """W x + b, with W in the order in which the kernels read it.

    Args:
        weight: W in whole numbers.
        scale: What each row of W is multiplied by.
        bias: b, if there is one.
        gates: Into how many parts the outputs fall that are to stand together unit by unit.
    """

    def __init__(
        self,
        weight: Int8[Tensor, "outputs inputs"],
        scale: Float[Tensor, " outputs"],
        bias: Float[Tensor, " outputs"] | None,
        gates: int = 1,
    ) -> None:
        self.outputs, self.inputs = sizes("weight", weight, 2)
        check_product((weight, scale, bias), self.outputs, self.inputs)
        if self.outputs % gates:
            raise ValueError(f"the outputs must be a multiple of {gates}, and {self.outputs} were given")
        padded = F.pad(weight, (0, -self.inputs % FOUR))
        shifted = together(padded, gates).bitwise_xor(-128)  # 128 added, as a byte without a sign
        blocks = shifted.view(-1, BLOCK, padded.shape[1] // FOUR, FOUR)
        self.weight = blocks.transpose(1, 2).contiguous()
        self.scale = together(scale.float(), gates)
        self.bias = together(torch.zeros_like(scale) if bias is None else bias.float(), gates)
        pointers = (part.data_ptr() for part in (self.weight, self.scale, self.bias))
        self.c = CProduct(self.inputs, self.outputs, *pointers)

    def __call__(self, x: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows outputs"]:
        rows, _ = sizes("x", x, 2)
        check("x", x, torch.float32, rows, self.inputs)
        x = x.contiguous()
        y = x.new_empty(rows, self.outputs)
        LINEAR(byref(self.c), rows, x.data_ptr(), y.data_ptr(), torch.get_num_threads())
        return y


class Gates:
    """An LSTM or a GRU.

    Args:
        kind: Which of both.
        outer: What the input says to the gates, weight, scale and bias; none where this is what comes in.
        inner: What the hidden state says to them.
    """

    def __init__(self, kind: Literal["lstm", "gru"], outer: Rounded | None, inner: Rounded) -> None:
        self.kind = kind
        _, units = sizes("weight", inner[0], 2)
        check_product(inner, PARTS[kind] * units, units)
        if outer is not None:
            check_product(outer, PARTS[kind] * units, sizes("weight", outer[0], 2)[1])
        if kind == "gru":  # what both say to the candidate stays apart
            outer = None if outer is None else spread(outer, [0, 1, 2, None])
            inner = spread(inner, [0, 1, None, 2])
        self.inner = Product(*inner, gates=4)
        self.outer = None if outer is None else Product(*outer, gates=4)
        self.c = CGates(self.inner.inputs, CProduct() if self.outer is None else self.outer.c, self.inner.c)

    def __call__(
        self, x: Float[Tensor, "time rows input"], hidden: Float[Tensor, "rows size"], kept: Float[Tensor, "rows size"]
    ) -> tuple[Float[Tensor, "time rows size"], Float[Tensor, "time rows size"]]:
        """The hidden state and the cell after each step; a GRU's cell is its hidden state."""
        hidden, kept = hidden.float(), kept.float()
        (time, rows, _), units = sizes("x", x, 3), self.inner.inputs
        check("x", x, torch.float32, time, rows, self.outer.inputs if self.outer else PARTS[self.kind] * units)
        check("hidden", hidden, torch.float32, rows, units)
        check("kept", kept, torch.float32, rows, units)
        if self.outer is None and self.kind == "gru":
            x = F.pad(x, (0, units))
        x, hidden, kept = x.contiguous(), hidden.contiguous(), kept.contiguous()
        hiddens, cells = x.new_empty(time, rows, units), x.new_empty(time, rows, units)
        given = (x.data_ptr(), None) if self.outer is not None else (None, x.data_ptr())
        CELLS[self.kind](
            byref(self.c), time, rows, *given, hidden.data_ptr(), kept.data_ptr(),
            hiddens.data_ptr(), cells.data_ptr(), torch.get_num_threads(),
        )  # fmt: skip
        return hiddens, cells


def check_product(product: Rounded, outputs: int, inputs: int) -> None:
    """Raise a ValueError for another product."""
    weight, scale, bias = product
    check("weight", weight, torch.int8, outputs, inputs)
    check("scale", scale.float(), torch.float32, outputs)
    if bias is not None:
        check("bias", bias.float(), torch.float32, outputs)


def spread(product: Rounded, order: list[int | None]) -> Rounded:
    """A GRU's three gates in another order, with one of zeros where there is none."""

    def spread_out(part: Tensor) -> Tensor:
        three = part.chunk(3)
        return torch.cat([torch.zeros_like(part[: len(three[0])]) if gate is None else three[gate] for gate in order])

    weight, scale, bias = product
    return spread_out(weight), spread_out(scale), None if bias is None else spread_out(bias)


def chosen(
    weight: Int8[Tensor, "outputs inputs"],
    scale: Float[Tensor, " outputs"],
    bias: Float[Tensor, " outputs"] | None,
    x: Float[Tensor, "rows inputs"],
    owners: Int[Tensor, " rows"],
    ids: Int[Tensor, "owners count"],
) -> Float[Tensor, "rows count"]:
    """W x + b only for the outputs that each row's owner names, -inf where it names -1; its rows stand together.

    Raises a ValueError for tensors that do not fit together, and for an owner or an output that there is not.
    """
    (outputs, size), (rows, _), (owned, count) = sizes("weight", weight, 2), sizes("x", x, 2), sizes("ids", ids, 2)
    check("weight", weight, torch.int8, outputs, size)
    check("scale", scale, torch.float32, outputs)
    if bias is not None:
        check("bias", bias, torch.float32, outputs)
        bias = bias.contiguous()
    check("x", x, torch.float32, rows, size)
    check("owners", owners, torch.long, rows)
    check("ids", ids, torch.long, owned, count)
    weight, scale, x, owners, ids = (part.contiguous() for part in (weight, scale, x, owners, ids))
    y = x.new_empty(rows, count)
    wrong = CHOSEN(
        size, outputs, weight.data_ptr(), scale.data_ptr(), None if bias is None else bias.data_ptr(), rows,
        x.data_ptr(), owners.data_ptr(), owned, count, ids.data_ptr(), y.data_ptr(), torch.get_num_threads(),
    )  # fmt: skip
    if wrong:
        name, found, least, end = ("owners", owners, 0, owned) if wrong == 1 else ("ids", ids, -1, outputs)
        low, high = int(found.min()), int(found.max())
        raise ValueError(f"{name} must be from {least} to {end - 1}, and {low} to {high} were given")
    return y


def together(rows: Tensor, gates: int) -> Tensor:
    """Rows that fill blocks, each of which holds the same units of every gate."""
    units = BLOCK // gates
    parts = rows.view(gates, -1, *rows.shape[1:])
    short = -parts.shape[1] % units
    padded = torch.cat([parts, parts.new_zeros(gates, short, *parts.shape[2:])], dim=1)
    blocks = padded.view(gates, -1, units, *padded.shape[2:]).transpose(0, 1)
    return blocks.reshape(-1, *padded.shape[2:])
