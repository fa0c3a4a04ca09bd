"""Networks whose weights come from elsewhere, made without drawing any."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from seq2seq.errors import UserError

DRAWING = {nn.init.kaiming_uniform_, nn.init.normal_, nn.init.uniform_, Tensor.normal_, Tensor.uniform_}
MAKING = {torch.arange, torch.empty, torch.eye, torch.full, torch.linspace, torch.ones, torch.rand, torch.randn}
MAKING |= {torch.zeros}


class SkipInit(TorchFunctionMode):
    """Inside it, weights stay what memory happened to hold, in a twentieth of the time that drawing them takes.

    Args:
        bytes_at_most: Memory that may be taken in all.
        tensors_at_most: Tensors that may be made in all.

    Raises:
        UserError: before more is made.
    """

    def __init__(self, bytes_at_most: float = math.inf, tensors_at_most: float = math.inf) -> None:
        super().__init__()
        self.bytes_left = bytes_at_most
        self.tensors_left = tensors_at_most

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if func in MAKING:
            self.bytes_left -= func(*args, **{**given, "device": "meta"}).nbytes
            self.tensors_left -= 1
            if self.bytes_left < 0 or self.tensors_left < 0:
                raise UserError("its options make it far larger than the weights that are stored for it")
        if func in DRAWING:
            return args[0] if args else given["tensor"]
        if func is torch.linalg.qr:  # which makes random weights orthogonal
            return args[0], args[0]
        return func(*args, **given)
