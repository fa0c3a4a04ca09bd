"""`torch.compile` for the layers that gain from it."""

import pytorch_lightning as pl
import torch

from seq2seq.recurrence import Recurrence
from seq2seq.recurrence.ops.scan import Scan


class Compile(pl.Callback):
    """Callback that compiles every layer that is parallel over time; the first steps take minutes, later ones less.

    Layers with a loop over time are not compiled, since the loop would be unrolled step by step, which takes minutes.
    The results stay the same up to rounding, and checkpoints are the same as without compilation.

    Args:
        backend: The compiler; inductor needs a C++ compiler on a CPU.
        dynamic: Compile once for all batch shapes; otherwise recompile for each shape, up to torch's limit.
    """

    def __init__(self, backend: str = "inductor", dynamic: bool = True) -> None:
        self.backend = backend
        self.dynamic = dynamic

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            # a loop over blocks, which would be unrolled; disabled here, since the compiler is slow to import
            for name in ("forward", "backward"):
                setattr(Scan, name, staticmethod(torch.compiler.disable(getattr(Scan, name))))
            for layer in pl_module.modules():
                if isinstance(layer, Recurrence) and layer.parallel:
                    layer.compile(backend=self.backend, dynamic=self.dynamic)
