"""Linear layers and embeddings with rounded weights, for models that are used and no longer trained."""

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor, nn
from torch.nn import functional as F

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
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().float())

    @property
    def weight(self) -> Float[Tensor, "size_out size_in"]:
        """W as it is now."""
        return self.rounded * self.scale[:, None]

    def forward(self, x: Float[Tensor, "*rows size_in"]) -> Float[Tensor, "*rows size_out"]:
        rows, scale = to_int8(x.reshape(-1, x.shape[-1]).float())
        y = torch._int_mm(rows, self.rounded.t()).float().mul_(scale).mul_(self.scale)
        if self.bias is not None:
            y.add_(self.bias)
        return y.view(*x.shape[:-1], -1)


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


def to_int8(x: Float[Tensor, "rows size"]) -> tuple[Int8[Tensor, "rows size"], Float[Tensor, "rows 1"]]:
    """Whole numbers from -127 to 127, and for each row the scale that gives it back."""
    scale = x.abs().amax(dim=1, keepdim=True).clamp_(min=1e-30).div_(MOST)
    return (x / scale).round_().to(torch.int8), scale
