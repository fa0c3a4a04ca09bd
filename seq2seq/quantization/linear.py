"""Linear layers and embeddings with quantized weights, for inference only."""

from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.kernels import int8
from seq2seq.kernels.library import kernels_available
from seq2seq.nn.mixed_precision import has_fast_products

INT8_MAX = 127  # -128 is not used, so that the range is symmetric


class BFloat16Linear(nn.Module):
    """W x + b, with W and x in bfloat16 and the sum in float32.

    Where the processor has no products of bfloat16, the rounded W and x are multiplied in float32.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.quantized_weight: Tensor
        self.bias: Tensor | None
        self.register_buffer("quantized_weight", linear.weight.detach().bfloat16())
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().float())
        self.weight_float32: Tensor | None = None  # filled where it is needed

    @property
    def weight(self) -> Float[Tensor, "size_out size_in"]:
        """W in float32, after rounding."""
        return self.quantized_weight.float()

    def forward(self, x: Float[Tensor, "*rows size_in"]) -> Float[Tensor, "*rows size_out"]:
        if x.is_cpu and not has_fast_products(torch.bfloat16):
            if self.weight_float32 is None:
                self.weight_float32 = self.weight
            return F.linear(x.bfloat16().float(), self.weight_float32, self.bias)
        y = F.linear(x.bfloat16(), self.quantized_weight).float()
        return y if self.bias is None else y.add_(self.bias)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes without the copy of the weights, since a copied layer may get other weights."""
        return {**self.__dict__, "weight_float32": None}


class Int8Linear(nn.Module):
    """W x + b in int8 (Dettmers et al., 2022, section 2.1, "row-wise").

    Each row of W has a scale, and so has each row of x, computed when it comes in, so that a row's result does not
    depend on the rest of its batch. The integer sums are exact.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight, scale = to_int8(linear.weight.detach().float())
        self.quantized_weight: Tensor
        self.scale: Tensor
        self.bias: Tensor | None
        self.register_buffer("quantized_weight", weight)
        self.register_buffer("scale", scale.squeeze(1))
        self.packed: int8.PackedLinear | None = None  # the weights as the kernels need them, from the first call on
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().float())

    @property
    def weight(self) -> Float[Tensor, "size_out size_in"]:
        """W, dequantized."""
        return self.quantized_weight * self.scale[:, None]

    def forward(self, x: Float[Tensor, "*rows size_in"]) -> Float[Tensor, "*rows size_out"]:
        rows, shape = x.reshape(-1, x.shape[-1]).float(), (*x.shape[:-1], len(self.quantized_weight))
        if not kernels_available(rows):
            return self.reference(rows).view(shape)
        if self.packed is None:
            self.packed = int8.PackedLinear(self.quantized_weight, self.scale, self.bias)
        return self.packed(rows).view(shape)

    def forward_selected(
        self,
        x: Float[Tensor, "rows size_in"],
        sentences: Int[Tensor, " rows"],
        ids: Int[Tensor, "sentences count"],
    ) -> Float[Tensor, "rows count"]:
        """Compute only the outputs `ids[sentence]` of each row, -inf where an id is -1; needs the kernels."""
        return int8.linear_selected(self.quantized_weight, self.scale, self.bias, x, sentences, ids)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes without the packed weights, which contain pointers."""
        return {**self.__dict__, "packed": None}

    def reference(self, x: Float[Tensor, "rows size_in"]) -> Float[Tensor, "rows size_out"]:
        """Compute the same in torch."""
        rows, scale = to_int8(x)
        if rows.shape[1] > 1 and int8_matmul_is_exact():
            y = torch._int_mm(rows, self.quantized_weight.t()).float()
        else:  # in floats that represent all integers up to the largest sum
            dtype = torch.float32 if rows.shape[1] * INT8_MAX**2 < 1 << 24 else torch.float64
            y = F.linear(rows.to(dtype), self.quantized_weight.to(dtype)).float()
        y.mul_(self.scale)
        return y.mul_(scale) if self.bias is None else torch.addcmul(self.bias, y, scale)


class Int8Embedding(nn.Module):
    """An embedding in int8, with a scale for each row."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        weight, scale = to_int8(embedding.weight.detach().float())
        self.quantized_weight: Tensor
        self.scale: Tensor
        self.register_buffer("quantized_weight", weight)
        self.register_buffer("scale", scale)

    def forward(self, ids: Int[Tensor, "*rows"]) -> Float[Tensor, "*rows size"]:
        return F.embedding(ids, self.quantized_weight).float() * F.embedding(ids, self.scale)


@cache
def int8_matmul_is_exact() -> bool:
    """Return whether torch's int8 matrix product is exact: without VNNI, oneDNN saturates its sums at 16 bits.

    With a single input feature it is wrong at times on any processor.
    """
    largest = torch.full((16, 64), INT8_MAX, dtype=torch.int8, device="cpu")
    return bool((torch._int_mm(largest, largest.t()) == 64 * INT8_MAX**2).all())


def to_int8(x: Float[Tensor, "rows size"]) -> tuple[Int8[Tensor, "rows size"], Float[Tensor, "rows 1"]]:
    """Quantize each row to integers from -127 to 127; return them and the scale by which they are dequantized."""
    largest = x.abs().amax(dim=1, keepdim=True).clamp_(min=1e-30)
    return (x * (INT8_MAX / largest)).round_().to(torch.int8), largest.div_(INT8_MAX)
