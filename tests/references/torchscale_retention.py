"""The retention of torchscale, imported without the dependencies of its other layers."""

import sys
from types import ModuleType

UNUSED = {
    "fairscale": (),
    "fairscale.nn": ("checkpoint_wrapper", "wrap"),
    "timm": (),
    "timm.models": (),
    "timm.models.layers": ("drop_path",),
}
for name, contents in UNUSED.items():
    sys.modules[name] = ModuleType(name)
    for content in contents:
        setattr(sys.modules[name], content, None)

from torchscale.architecture.config import RetNetConfig  # noqa: E402
from torchscale.architecture.retnet import RetNetRelPos  # noqa: E402
from torchscale.component.multiscale_retention import MultiScaleRetention  # noqa: E402

__all__ = ["MultiScaleRetention", "RetNetConfig", "RetNetRelPos"]
