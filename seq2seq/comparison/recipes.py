"""The recommended block and learning rate of each layer.

A recipe consists of arguments of the layer, options of the model and `lr`, the optimizer's learning rate. Options that
no recipe sets keep their configured values. `--same-block` disables all recipes, including the gate biases of
translators.
"""

from typing import Any

# several narrow layers need less dropout than one wide layer
RESIDUAL_BLOCK = {
    "depth": 3,
    "norm": True,
    "residual": True,
    "feed_forward": 2.0,
    "embedding_size": None,
    "dropout": 0.1,
    "lr": 0.006,
}

RECIPES: dict[str, dict[str, Any]] = {
    "RNN": {"lr": 0.003},
    "MinGRU": RESIDUAL_BLOCK,
    "MinLSTM": RESIDUAL_BLOCK,
    "RGLRU": RESIDUAL_BLOCK,
    "Mamba": {**RESIDUAL_BLOCK, "feed_forward": 0.0},  # its expansion already is a feed-forward
    "RWKV": RESIDUAL_BLOCK,
    "Retention": RESIDUAL_BLOCK,
    "SLSTM": {**RESIDUAL_BLOCK, "depth": 2},
    "MLSTM": RESIDUAL_BLOCK,
    "CausalAttention": {**RESIDUAL_BLOCK, "depth": 4, "lr": 0.003, "window": 128},
}

# initial gate biases of a translator: biases that favor a long memory cost it most of its score
NEUTRAL_GATE_BIASES: dict[str, Any] = {"forget_bias": 0.0, "keep_bias": 0.0, "write_bias": 0.0}

# parts that a layer has regardless of its arguments, for the description of its block
BUILT_IN_PARTS: dict[str, tuple[str, ...]] = {
    "MLSTM": ("output gate",),
    "Mamba": ("output gate",),
    "RGLRU": ("output gate",),
    "RWKV": ("token shift", "output gate"),
    "Retention": ("output gate",),
}
