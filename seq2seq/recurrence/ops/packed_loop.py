"""Faster loops over time on a CPU: each weight is packed once, and its gradient is one product for all steps."""

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

from seq2seq.nn.mixed_precision import has_fast_products, upcast
from seq2seq.recurrence.ops.lstm_cell import LSTMCell

MIN_PACKED_SIZE = 256  # features from which faster products outweigh the overhead of `__torch_function__`

GradPairs: TypeAlias = dict[int, tuple[Tensor, Tensor]]  # number of a call -> its input and its output's gradient


def packed_loop(x: Float[Tensor, "batch time size"]) -> AbstractContextManager[Any]:
    """Return a context for a loop over the steps of x, in which linear layers and LSTM cells of a CPU are faster."""
    return PackedLoop() if x.device.type == "cpu" and x.shape[-1] >= MIN_PACKED_SIZE else nullcontext()


class PackedLoop(TorchFunctionMode):
    """A mode in which linear layers and LSTM cells use packed weights, which must not change within it.

    Weights that are no parameters, such as one after dropout, are not packed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.packed: dict[tuple[int, ...], PackedLinear] = {}

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, arguments: Sequence[Any] = (), options: Any = None
    ) -> Any:
        if options:
            return function(*arguments, **options)
        if function is F.linear and isinstance(arguments[1], nn.Parameter):
            x, weight, *biases = arguments
            return self.packed_linear([weight], biases)(x)
        if function is torch.lstm_cell and all(isinstance(weight, nn.Parameter) for weight in arguments[2:]):
            x, (hidden, cell), *weights = arguments
            gates = self.packed_linear(weights[:2], weights[2:])(torch.cat([x, hidden.to(x.dtype)], dim=-1))
            state = LSTMCell.apply(upcast(gates), upcast(cell))  # type: ignore[no-untyped-call]
            return tuple(part.to(torch.promote_types(gates.dtype, cell.dtype)) for part in state)
        return function(*arguments)

    def packed_linear(self, weights: Sequence[Tensor], biases: Sequence[Tensor | None]) -> "PackedLinear":
        """Return the packed layer of the concatenated weights and the summed biases, one for the whole loop."""
        key = tuple(map(id, weights))
        if key not in self.packed:
            present = [bias for bias in biases if bias is not None]
            weight = torch.cat(list(weights), dim=1) if len(weights) > 1 else weights[0]
            self.packed[key] = PackedLinear(weight, torch.stack(present).sum(dim=0) if present else None)
        return self.packed[key]


class PackedLinear:
    """x W^T + b in the autocast dtype, for many calls."""

    def __init__(self, weight: Float[Tensor, "size_out size_in"], bias: Float[Tensor, " size_out"] | None) -> None:
        device = weight.device.type
        self.dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
        weight, bias = weight.to(self.dtype), None if bias is None else bias.to(self.dtype)
        self.grad_pairs: GradPairs = {}
        self.calls = 0
        self.weight_grad = DeferredWeightGrad.apply(weight, bias, self.grad_pairs)  # type: ignore[no-untyped-call]
        self.bias = None if bias is None else bias.detach()
        self.weight, self.weight_t = PackedWeight(weight.detach()), PackedWeight(weight.detach().t())

    def __call__(self, x: Float[Tensor, "*rows size_in"]) -> Float[Tensor, "*rows size_out"]:
        self.calls += 1
        rows = x.reshape(-1, x.shape[-1]).to(self.dtype)
        y: Tensor = DeferredWeightGradLinear.apply(  # type: ignore[no-untyped-call]
            rows, self.weight_grad, self.weight, self.weight_t, self.bias, self.grad_pairs, self.calls
        )
        return y.view(*x.shape[:-1], y.shape[-1])  # without rows, -1 would be ambiguous


class PackedWeight:
    """A weight that is packed at its first product, for the number of rows there."""

    def __init__(self, weight: Float[Tensor, "size_out size_in"]) -> None:
        self.weight = weight
        self.packed: Tensor | None = None

    def __call__(self, x: Float[Tensor, "rows size_in"], bias: Tensor | None = None) -> Float[Tensor, "rows size_out"]:
        if not can_pack(x.dtype):
            return F.linear(x, self.weight, bias)
        if self.packed is None:
            self.packed = torch.ops.mkldnn._reorder_linear_weight(self.weight.contiguous(), len(x))
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, bias, "none", [], "")  # type: ignore[no-any-return]


class DeferredWeightGradLinear(torch.autograd.Function):
    """A linear layer that leaves the gradient of its weight to `DeferredWeightGrad`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight_grad: Tensor,
        weight: PackedWeight,
        weight_t: PackedWeight,
        bias: Tensor | None,
        grad_pairs: GradPairs,
        call: int,
    ) -> Tensor:
        ctx.save_for_backward(x)
        ctx.weight_t, ctx.grad_pairs, ctx.call = weight_t, grad_pairs, call
        return weight(x, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        [x] = ctx.saved_tensors
        ctx.grad_pairs[ctx.call] = x.detach(), grad
        return ctx.weight_t(grad) if ctx.needs_input_grad[0] else None, *[None] * 6


class DeferredWeightGrad(torch.autograd.Function):
    """An input of all calls with a weight: its backward comes after theirs and computes the gradient for all."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor | None, grad_pairs: GradPairs) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(weight)
        ctx.grad_pairs = grad_pairs
        return weight.new_empty(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _: None) -> tuple[Tensor | None, ...]:
        _ = ctx.saved_tensors  # torch raises an error here if the weight was modified in place
        inputs, grads = (torch.cat(part) for part in zip(*ctx.grad_pairs.values(), strict=True))
        ctx.grad_pairs.clear()
        return grads.t() @ inputs, grads.sum(dim=0) if ctx.needs_input_grad[1] else None, None


@cache
def can_pack(dtype: torch.dtype) -> bool:
    """Return whether this torch has oneDNN's linear layer with packed weights of this dtype."""
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    return dtype in (torch.float32, torch.bfloat16) and has_fast_products(dtype)
