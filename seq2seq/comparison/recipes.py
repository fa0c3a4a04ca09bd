"""What the block of each layer usually is, and the learning rate that suits it.

A recipe holds arguments of the layer, options of the model and `lr`, the optimiser's rate. A layer without one, and an
option that its recipe does not name, is as the configuration says. `--same-block` leaves all recipes out, also the
gates of translators.
"""

from typing import Any

# what a dropout of one wide layer can bear is too much for six narrow ones on top of each other
BLOCK = {
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
    "MinGRU": BLOCK,
    "MinLSTM": BLOCK,
    "RGLRU": BLOCK,
    "Mamba": {**BLOCK, "feed_forward": 0.0},  # whose expansion is one already
    "RWKV": BLOCK,
    "Retention": BLOCK,
    "SLSTM": {**BLOCK, "depth": 2},
    "MLSTM": BLOCK,
    "CausalAttention": {**BLOCK, "depth": 4, "lr": 0.003, "window": 128},
}

# the biases that gates start with in a translator: a start that favours a long memory costs it most of its score
GATES: dict[str, Any] = {"forget_bias": 0.0, "keep_bias": 0.0, "write_bias": 0.0}

# what is inside a layer whatever its arguments are, so that a row of the table names its whole block
PARTS: dict[str, tuple[str, ...]] = {
    "MLSTM": ("output gate",),
    "Mamba": ("output gate",),
    "RGLRU": ("output gate",),
    "RWKV": ("token shift", "output gate"),
    "Retention": ("output gate",),
}
