"""Linear layers and embeddings with rounded weights, for models that are used and no longer trained."""

from copy import copy
from functools import cache
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.kernels import int8
from seq2seq.kernels.library import serves
from seq2seq.processor import has_fast_products

L = TypeVar("L", bound=nn.Module)
MOST = 127  # the largest whole number of 8 bits that has its negative


class BFloat16Linear(nn.Module):
    """W x + b, with W and x in bfloat16 and the sum in float32.

    Where the processor has no products of bfloat16, they are made of the same numbers in float32.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.rounded: Tensor
        self.bias: Tensor | None
        self.register_buffer("rounded", linear.weight.detach().bfloat16())
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().float())
        self.wide: Tensor | None = None  # W in float32, made when it is first needed

    @property
    def weight(self) -> Float[Tensor, "size_out size_in"]:
        """W as it is now."""
        return self.rounded.float()

    def forward(self, x: Float[Tensor, "*rows size_in"]) -> Float[Tensor, "*rows size_out"]:
        if x.is_cpu and not has_fast_products(torch.bfloat16):
            if self.wide is None:
                self.wide = self.weight
            return F.linear(x.bfloat16().float(), self.wide, self.bias)
        y = F.linear(x.bfloat16(), self.rounded).float()
        return y if self.bias is None else y.add_(self.bias)

    def __getstate__(self) -> dict[str, Any]:
        """Without what is made of the weights, which may become others."""
        return {**self.__dict__, "wide": None}


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
        self.product: int8.Product | None = None  # the same for our own kernels, made when they are first needed
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().float())

    @property
    def weight(self) -> Float[Tensor, "size_out size_in"]:
        """W as it is now."""
        return self.rounded * self.scale[:, None]

    def forward(self, x: Float[Tensor, "*rows size_in"]) -> Float[Tensor, "*rows size_out"]:
        rows, shape = x.reshape(-1, x.shape[-1]).float(), (*x.shape[:-1], len(self.rounded))
        if not serves(rows):
            return self.plain(rows).view(shape)
        if self.product is None:
            self.product = int8.Product(self.rounded, self.scale, self.bias)
        return self.product(rows).view(shape)

    def chosen(
        self,
        x: Float[Tensor, "rows size_in"],
        owners: Int[Tensor, " rows"],
        ids: Int[Tensor, "owners count"],
    ) -> Float[Tensor, "rows count"]:
        """By kernels, only those outputs that each row's owner names, -inf where it names -1."""
        return int8.chosen(self.rounded, self.scale, self.bias, x, owners, ids)

    def __getstate__(self) -> dict[str, Any]:
        """Without what points into this process's memory."""
        return {**self.__dict__, "product": None}

    def plain(self, x: Float[Tensor, "rows size_in"]) -> Float[Tensor, "rows size_out"]:
        """The same by torch."""
        rows, scale = divided(x)
        if rows.shape[1] > 1 and adds_up():
            y = torch._int_mm(rows, self.rounded.t()).float()
        else:
            kind = torch.float32 if rows.shape[1] * MOST**2 < 1 << 24 else torch.float64  # of which all sums are whole
            y = F.linear(rows.to(kind), self.rounded.to(kind)).float()
        y.mul_(self.scale)
        return y.mul_(scale) if self.bias is None else torch.addcmul(self.bias, y, scale)


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
    return some


@cache
def adds_up() -> bool:
    """Whether torch's products in 8 bits are right: where VNNI is lacking, oneDNN cuts its sums off at 16 bits.

    With a single input they are wrong at times on any processor.
    """
    most = torch.full((16, 64), MOST, dtype=torch.int8, device="cpu")
    return bool((torch._int_mm(most, most.t()) == 64 * MOST**2).all())


def to_int8(x: Float[Tensor, "rows size"]) -> tuple[Int8[Tensor, "rows size"], Float[Tensor, "rows 1"]]:
    """Whole numbers from -127 to 127, and for each row the scale that gives it back."""
    return int8.rounded(x) if serves(x) else divided(x)


def divided(x: Float[Tensor, "rows size"]) -> tuple[Int8[Tensor, "rows size"], Float[Tensor, "rows 1"]]:
    """The same by torch."""
    largest = x.abs().amax(dim=1, keepdim=True).clamp_(min=1e-30)
    return (x * (MOST / largest)).round_().to(torch.int8), largest.div_(MOST)
