"""Linear layers and embeddings with rounded weights, for models that are used and no longer trained."""

from copy import copy
from functools import cache
from typing import TypeVar

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor, nn
from torch.nn import functional as F

L = TypeVar("L", bound=nn.Module)
MOST = 127  # the largest whole number of 8 bits that has its negative


class BFloat16Linear(nn.Module):
    """W x + b, with W and x in bfloat16 and the sum in float32."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.rounded: Tensor
        self.bias: Tensor | None
        self.register_buffer("rounded", linear.weight.detach().bfloat16())
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().float())

    @property
    def weight(self) -> Float[Tensor, "size_out size_in"]:
        """W as it is now."""
        return self.rounded.float()

    def forward(self, x: Float[Tensor, "*rows size_in"]) -> Float[Tensor, "*rows size_out"]:
        y = F.linear(x.bfloat16(), self.rounded).float()
        return y if self.bias is None else y.add_(self.bias)


class Int8Linear(nn.Module):
    """W x + b in whole numbers of 8 bits (Dettmers et al., 2022, section 2.1, "row-wise").

    Each row of W has a scale, and so has each row of x when it comes, so that nothing beside it in a batch changes it;
    the products are added up exactly.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight, scale = to_int8(linear.weight.detach().float())
        self.rounded: Tensor
        self.scale: Tensor
        self.bias: Tensor | None
        self.register_buffer("rounded", weight)
        self.register_buffer("scale", scale.squeeze(1))
        self.pack: tuple[Tensor, Tensor] | None = None  # made when it is first needed
        self.packs = True
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().float())

    @property
    def weight(self) -> Float[Tensor, "size_out size_in"]:
        """W as it is now."""
        return self.rounded * self.scale[:, None]

    def forward(self, x: Float[Tensor, "*rows size_in"]) -> Float[Tensor, "*rows size_out"]:
        rows, scale = to_int8(x.reshape(-1, x.shape[-1]).float())
        # one row alone is read faster as it is
        y = self.packed(rows) if self.packs and len(rows) > 1 and can_pack() else self.plain(rows)
        y = y.mul_(scale) if self.bias is None else torch.addcmul(self.bias, y, scale)
        return y.view(*x.shape[:-1], -1)

    def plain(self, rows: Int8[Tensor, "rows size_in"]) -> Float[Tensor, "rows size_out"]:
        """The products of whole numbers, times the scales of W."""
        return torch._int_mm(rows, self.rounded.t()).float().mul_(self.scale)

    def packed(self, rows: Int8[Tensor, "rows size_in"]) -> Float[Tensor, "rows size_out"]:
        """The same with W in the order in which oneDNN reads it, in half the time for a few rows."""
        if self.pack is None:
            self.pack = (
                torch.ops.onednn.qlinear_prepack(self.rounded, None),
                torch.zeros_like(self.scale, dtype=torch.long),
            )
        weight, zeros = self.pack
        # its fast kernel takes numbers from 0 to 255 and is told that 128 means zero
        shifted = (rows ^ -128).view(torch.uint8)
        y: Tensor = torch.ops.onednn.qlinear_pointwise(
            shifted, 1.0, 128, weight, self.scale, zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        return y


class Int8Embedding(nn.Module):
    """A table of vectors, each in whole numbers of 8 bits with a scale."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        table, scale = to_int8(embedding.weight.detach().float())
        self.rounded: Tensor
        self.scale: Tensor
        self.register_buffer("rounded", table)
        self.register_buffer("scale", scale)

    def forward(self, ids: Int[Tensor, "*rows"]) -> Float[Tensor, "*rows size"]:
        return F.embedding(ids, self.rounded).float() * F.embedding(ids, self.scale)


def rows(layer: L, ids: Int[Tensor, " rows"]) -> L:
    """A linear layer, rounded or not, with these of its rows only, which are copied."""
    some = copy(layer)
    some._parameters = {
        name: None if held is None else nn.Parameter(held[ids], requires_grad=False)
        for name, held in layer._parameters.items()
    }
    some._buffers = {name: None if held is None else held[ids] for name, held in layer._buffers.items()}
    if isinstance(some, Int8Linear):
        # packing a short layer for one search takes longer than the search gains by it
        some.pack, some.packs = None, False
    return some


def to_int8(x: Float[Tensor, "rows size"]) -> tuple[Int8[Tensor, "rows size"], Float[Tensor, "rows 1"]]:
    """Whole numbers from -127 to 127, and for each row the scale that gives it back."""
    scale = x.abs().amax(dim=1, keepdim=True).clamp_(min=1e-30).div_(MOST)
    return (x / scale).round_().to(torch.int8), scale


@cache
def can_pack() -> bool:
    """Whether this torch has oneDNN's products of packed whole numbers, for the processors that are quick with them."""
    return torch.backends.mkldnn.is_available() and torch.cpu._is_vnni_supported()
