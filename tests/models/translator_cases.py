"""The translators that the tests share; together they use every option."""

from functools import partial
from typing import Any

import pytest
import torch

from seq2seq.nn.attention import AdditiveAttention, BilinearAttention, DotAttention, MultiHeadAttention
from seq2seq.recurrence import GRU, RNN, RWKV, BlockConfig, CausalAttention, Mamba, MinGRU, Retention, SelfAttention
from seq2seq.training.translator import Translator

SOURCE_VOCAB_SIZE, TARGET_VOCAB_SIZE = 11, 13
ATTENTIONS: dict[str, Any] = {
    "none": None,
    "dot": DotAttention,
    "bilinear": BilinearAttention,
    "additive": AdditiveAttention,
    "heads": partial(MultiHeadAttention, heads=2),
}
BLOCK: dict[str, Any] = {"depth": 2, "block": BlockConfig(norm=True, residual=True, feed_forward=2.0)}
OPTIONS: dict[str, dict[str, Any]] = {
    "one layer": {"depth": 1},
    "untied": {"tied": False, "embedding_size": 6},
    "narrow embedding": {"embedding_size": 6},
    "shared": {"shared_vocabulary": True, "target_vocab_size": SOURCE_VOCAB_SIZE},
    "parallel": {"encoder": MinGRU, "decoder": Mamba, **BLOCK},
    "shifted": {"encoder": partial(RWKV, heads=2), "decoder": partial(Retention, heads=2), **BLOCK},
    "transformer": {
        "encoder": partial(SelfAttention, heads=2),
        "decoder": partial(CausalAttention, heads=2),
        "attention": partial(MultiHeadAttention, heads=2),
        **BLOCK,
    },
    "mixed": {
        "encoder": GRU,
        "decoder": partial(RNN, nonlinearity="relu"),
        "depth": 3,
        "block": BlockConfig(norm=True, residual=True),
    },
}
MODELS: dict[str, dict[str, Any]] = {
    **{
        f"{name}{' with input feeding' if input_feeding else ''}": {
            "attention": attention,
            "input_feeding": input_feeding,
        }
        for name, attention in ATTENTIONS.items()
        for input_feeding in (False, True)
    },
    **OPTIONS,
    **{f"{name} with input feeding": {**options, "input_feeding": True} for name, options in OPTIONS.items()},
}
each_model = pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)


def build(**options: Any) -> Translator:
    torch.manual_seed(0)
    arguments = {"source_vocab_size": SOURCE_VOCAB_SIZE, "target_vocab_size": TARGET_VOCAB_SIZE, "size": 8, **options}
    model = Translator(**arguments).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)  # so that the output depends clearly on the input
    return model
