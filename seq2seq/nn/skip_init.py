"""Building a network without initializing its weights, since they are loaded afterwards."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from seq2seq.errors import UserError

INITIALIZERS = {nn.init.kaiming_uniform_, nn.init.normal_, nn.init.uniform_, Tensor.normal_, Tensor.uniform_}
TENSOR_FACTORIES = {
    torch.arange,
    torch.empty,
    torch.eye,
    torch.full,
    torch.linspace,
    torch.ones,
    torch.rand,
    torch.randn,
}
TENSOR_FACTORIES |= {torch.zeros}


class SkipInit(TorchFunctionMode):
    """A context in which new weights stay uninitialized, which takes a twentieth of the time of drawing them.

    Args:
        max_bytes: Memory that may be allocated in all.
        max_tensors: Number of tensors that may be created in all.

    Raises:
        UserError: before a limit is exceeded.
    """

    def __init__(self, max_bytes: float = math.inf, max_tensors: float = math.inf) -> None:
        super().__init__()
        self.bytes_left = max_bytes
        self.tensors_left = max_tensors

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in TENSOR_FACTORIES:
            self.bytes_left -= func(*args, **{**kwargs, "device": "meta"}).nbytes
            self.tensors_left -= 1
            if self.bytes_left < 0 or self.tensors_left < 0:
                raise UserError("its options make it far larger than the weights that are stored for it")
        if func in INITIALIZERS:
            return args[0] if args else kwargs["tensor"]
        if func is torch.linalg.qr:  # used by orthogonal initialization
            return args[0], args[0]
        return func(*args, **kwargs)
