"""Words as vectors, going in and coming out."""

import torch
from torch import nn

from seq2seq.errors import UserError
from seq2seq.special_tokens import PAD

SCALE = 0.1  # of the uniform start


def embedding(words: int, size: int) -> nn.Embedding:
    """A table of word vectors, uniform in +-0.1, with zeros for PAD."""
    table = nn.Embedding(words, size, padding_idx=PAD)
    nn.init.uniform_(table.weight, -SCALE, SCALE)
    with torch.no_grad():
        table.weight[PAD].zero_()
    return table


def output_layer(size: int, words: int, tied: nn.Embedding | None) -> nn.Linear:
    """From features to a score for every word; `tied` shares the embedding's weights (Press and Wolf, 2017)."""
    layer = nn.Linear(size, words)
    nn.init.uniform_(layer.weight, -SCALE, SCALE)
    nn.init.zeros_(layer.bias)
    if tied is not None:
        if tied.embedding_dim != size:
            raise UserError(f"tied embeddings need one size, not {tied.embedding_dim} going in and {size} coming out")
        layer.weight = tied.weight
    return layer
