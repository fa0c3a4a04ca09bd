"""Token embeddings, and output layers tied to them."""

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


def tie_weights(linear: nn.Linear, embedding: nn.Embedding) -> None:
    """Let a linear layer from features to logits share an embedding's weights (Press and Wolf, 2017).

    Raises a UserError if the features have another size than the embedding.
    """
    if embedding.embedding_dim != linear.in_features:
        raise UserError(
            f"tied embeddings need an output layer of their own size ({embedding.embedding_dim}), not of "
            f"{linear.in_features} features"
        )
    linear.weight = embedding.weight
