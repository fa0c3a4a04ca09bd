"""Token embeddings."""

import torch
from torch import nn

from seq2seq.special_tokens import PAD

INIT_RANGE = 0.1  # weights are drawn uniformly from +-INIT_RANGE


def embedding(vocab_size: int, size: int) -> nn.Embedding:
    """Return an embedding table initialized uniformly in +-0.1, with zeros for PAD."""
    table = nn.Embedding(vocab_size, size, padding_idx=PAD)
    nn.init.uniform_(table.weight, -INIT_RANGE, INIT_RANGE)
    with torch.no_grad():
        table.weight[PAD].zero_()
    return table
