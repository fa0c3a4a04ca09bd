"""A loop over time on a CPU: each weight is packed once, and its gradient is one product for all steps."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from seq2seq.nn.upcast import upcast
from seq2seq.processor import has_fast_products
from seq2seq.recurrence.ops.lstm_cell import LSTMCell

WIDE = 256  # features from which a step's products outweigh what it takes to look at every operation

Slopes: TypeAlias = dict[int, tuple[Tensor, Tensor]]  # what went into each use, and its gradient


def packed_loop(x: Float[Tensor, "batch time size"]) -> AbstractContextManager[Any]:
    """What to put around a loop over the steps of x: of wide ones on a CPU, products and LSTM cells get faster."""
    return PackedLoop() if x.device.type == "cpu" and x.shape[-1] >= WIDE else nullcontext()


class PackedLoop(TorchFunctionMode):
    """Within it, linear layers and LSTM cells compute what they always do, for weights that stay the same meanwhile.

    What is no parameter, such as a weight after its dropout, is left alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.products: dict[tuple[int, ...], Product] = {}

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, arguments: Sequence[Any] = (), options: Any = None
    ) -> Any:
        if options:
            return function(*arguments, **options)
        if function is F.linear and isinstance(arguments[1], nn.Parameter):
            x, weight, *biases = arguments
            return self.product([weight], biases)(x)
        if function is torch.lstm_cell and all(isinstance(weight, nn.Parameter) for weight in arguments[2:]):
            x, (hidden, cell), *weights = arguments
            gates = self.product(weights[:2], weights[2:])(torch.cat([x, hidden.to(x.dtype)], dim=-1))
            after = LSTMCell.apply(upcast(gates), upcast(cell))  # type: ignore[no-untyped-call]
            return tuple(part.to(torch.promote_types(gates.dtype, cell.dtype)) for part in after)
        return function(*arguments)

    def product(self, weights: Sequence[Tensor], biases: Sequence[Tensor | None]) -> "Product":
        """The product with all weights side by side, and the sum of the biases; the same one for the whole loop."""
        name = tuple(map(id, weights))
        if name not in self.products:
            given = [bias for bias in biases if bias is not None]
            weight = torch.cat(list(weights), dim=1) if len(weights) > 1 else weights[0]
            self.products[name] = Product(weight, torch.stack(given).sum(dim=0) if given else None)
        return self.products[name]


class Product:
    """x W^T + b, for many x, in the autocast type."""

    def __init__(self, weight: Float[Tensor, "size_out size_in"], bias: Float[Tensor, " size_out"] | None) -> None:
        kind = weight.device.type
        self.dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
        weight, bias = weight.to(self.dtype), None if bias is None else bias.to(self.dtype)
        self.slopes: Slopes = {}
        self.uses = 0
        self.anchor = Anchor.apply(weight, bias, self.slopes)  # type: ignore[no-untyped-call]
        self.bias = None if bias is None else bias.detach()
        self.ahead, self.back = Matrix(weight.detach()), Matrix(weight.detach().t())

    def __call__(self, x: Float[Tensor, "*rows size_in"]) -> Float[Tensor, "*rows size_out"]:
        self.uses += 1
        rows = x.reshape(-1, x.shape[-1]).to(self.dtype)
        y: Tensor = Use.apply(  # type: ignore[no-untyped-call]
            rows, self.anchor, self.ahead, self.back, self.bias, self.slopes, self.uses
        )
        return y.view(*x.shape[:-1], y.shape[-1])  # there may be no rows, of which no -1 could be told


class Matrix:
    """W, packed when it is first needed, for as many rows as there are then."""

    def __init__(self, weight: Float[Tensor, "size_out size_in"]) -> None:
        self.weight = weight
        self.packed: Tensor | None = None

    def __call__(self, x: Float[Tensor, "rows size_in"], bias: Tensor | None = None) -> Float[Tensor, "rows size_out"]:
        if not can_pack(x.dtype):
            return F.linear(x, self.weight, bias)
        if self.packed is None:
            self.packed = torch.ops.mkldnn._reorder_linear_weight(self.weight.contiguous(), len(x))
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, bias, "none", [], "")  # type: ignore[no-any-return]


class Use(torch.autograd.Function):
    """One product, which leaves the gradient of its weight to the anchor."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, anchor: Tensor, ahead: Matrix, back: Matrix, bias: Tensor | None, slopes: Slopes, use: int
    ) -> Tensor:
        ctx.save_for_backward(x)
        ctx.back, ctx.slopes, ctx.use = back, slopes, use
        return ahead(x, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        [x] = ctx.saved_tensors
        ctx.slopes[ctx.use] = x.detach(), slope
        return ctx.back(slope) if ctx.needs_input_grad[0] else None, *[None] * 6


class Anchor(torch.autograd.Function):
    """What all uses of a weight depend on; so its backward comes after theirs, and takes what they left together."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor | None, slopes: Slopes) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(weight)
        ctx.slopes = slopes
        return weight.new_empty(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _: None) -> tuple[Tensor | None, ...]:
        _ = ctx.saved_tensors  # which torch refuses if the weight was changed after its uses
        inputs, slopes = (torch.cat(part) for part in zip(*ctx.slopes.values(), strict=True))
        ctx.slopes.clear()
        return slopes.t() @ inputs, slopes.sum(dim=0) if ctx.needs_input_grad[1] else None, None


@cache
def can_pack(dtype: torch.dtype) -> bool:
    """Whether this torch has oneDNN's products of packed numbers of this type."""
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    return dtype in (torch.float32, torch.bfloat16) and has_fast_products(dtype)
