"""Token embeddings and the output layer, which can share their weights."""

import torch
from torch import nn

from seq2seq.errors import UserError
from seq2seq.special_tokens import PAD

INIT_RANGE = 0.1  # weights are drawn uniformly from +-INIT_RANGE


def embedding(vocab_size: int, size: int) -> nn.Embedding:
    """Return an embedding table initialized uniformly in +-0.1, with zeros for PAD."""
    table = nn.Embedding(vocab_size, size, padding_idx=PAD)
    nn.init.uniform_(table.weight, -INIT_RANGE, INIT_RANGE)
    with torch.no_grad():
        table.weight[PAD].zero_()
    return table


def output_layer(size: int, vocab_size: int, tied: nn.Embedding | None) -> nn.Linear:
    """Return a linear layer from features to logits; `tied` shares the embedding's weights (Press and Wolf, 2017)."""
    layer = nn.Linear(size, vocab_size)
    nn.init.uniform_(layer.weight, -INIT_RANGE, INIT_RANGE)
    nn.init.zeros_(layer.bias)
    if tied is not None:
        if tied.embedding_dim != size:
            raise UserError(
                f"tied embeddings need an output layer of their own size ({tied.embedding_dim}), not of {size} features"
            )
        layer.weight = tied.weight
    return layer
