"""What networks share, trained or not, so that using one needs no Lightning."""

import itertools

import torch
from torch import nn


class Network(nn.Module):
    """A network from ids to ids."""

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(itertools.chain(self.parameters(), self.buffers())).device

    def save_hyperparameters(self) -> None:
        """Called where the options are known; only what is trained has to keep them."""
