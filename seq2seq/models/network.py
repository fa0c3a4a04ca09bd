"""The base class of all networks, which does not need Lightning."""

import itertools

import torch
from torch import nn


class Network(nn.Module):
    """A network whose inputs are token ids."""

    @property
    def device(self) -> torch.device:
        """Return the device of the weights."""
        return next(itertools.chain(self.parameters(), self.buffers())).device

    def save_hyperparameters(self) -> None:
        """Do nothing: only a training module, which a checkpoint describes, stores the arguments of its constructor."""
