"""`torch.compile` for the layers that gain from it."""

import pytorch_lightning as pl
import torch

from seq2seq.recurrence import Recurrence
from seq2seq.recurrence.ops.scan import Scan


class Compile(pl.Callback):
    """Compiles every layer whose time runs in parallel; the first steps take minutes, and later ones less.

    Layers that loop over time are left alone, since a loop would be compiled step by step, for minutes. What is
    computed stays the same to rounding. Checkpoints are those of a model that was not compiled.

    Args:
        backend: The compiler; inductor needs a C++ compiler on a CPU.
        dynamic: Compile once for batches of every shape; otherwise each shape is compiled anew, up to torch's limit.
    """

    def __init__(self, backend: str = "inductor", dynamic: bool = True) -> None:
        self.backend = backend
        self.dynamic = dynamic

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            # a loop over blocks, which would be compiled step by step; said here, since the compiler is slow to import
            for name in ("forward", "backward"):
                setattr(Scan, name, staticmethod(torch.compiler.disable(getattr(Scan, name))))
            for layer in pl_module.modules():
                if isinstance(layer, Recurrence) and layer.parallel:
                    layer.compile(backend=self.backend, dynamic=self.dynamic)
