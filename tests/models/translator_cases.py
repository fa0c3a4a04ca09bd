"""The translators that are held to laws; every option takes part in one of them."""

from functools import partial
from typing import Any

import pytest
import torch

from seq2seq.models import Translator
from seq2seq.nn.attention import AdditiveAttention, BilinearAttention, DotAttention, MultiHeadAttention
from seq2seq.recurrence import GRU, RNN, RWKV, CausalAttention, Mamba, MinGRU, Retention, SelfAttention

SOURCES, TARGETS = 11, 13
ATTENTIONS: dict[str, Any] = {
    "none": None,
    "dot": DotAttention,
    "bilinear": BilinearAttention,
    "additive": AdditiveAttention,
    "heads": partial(MultiHeadAttention, heads=2),
}
BLOCK: dict[str, Any] = {"depth": 2, "norm": True, "residual": True, "feed_forward": 2.0}
OPTIONS: dict[str, dict[str, Any]] = {
    "one layer": {"depth": 1},
    "untied": {"tied": False, "embedding_size": 6},
    "narrow embedding": {"embedding_size": 6},
    "shared": {"shared_vocabulary": True, "target_vocab_size": SOURCES},
    "parallel": {"encoder": MinGRU, "decoder": Mamba, **BLOCK},
    "shifted": {"encoder": partial(RWKV, heads=2), "decoder": partial(Retention, heads=2), **BLOCK},
    "transformer": {
        "encoder": partial(SelfAttention, heads=2),
        "decoder": partial(CausalAttention, heads=2),
        "attention": partial(MultiHeadAttention, heads=2),
        **BLOCK,
    },
    "mixed": {"encoder": GRU, "decoder": partial(RNN, nonlinearity="relu"), "depth": 3, "norm": True, "residual": True},
}
MODELS: dict[str, dict[str, Any]] = {
    **{
        f"{name}{' fed' if fed else ''}": {"attention": attention, "input_feeding": fed}
        for name, attention in ATTENTIONS.items()
        for fed in (False, True)
    },
    **OPTIONS,
    **{f"{name} fed": {**options, "input_feeding": True} for name, options in OPTIONS.items()},
}
each_model = pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)


def build(**options: Any) -> Translator:
    torch.manual_seed(0)
    given = {"source_vocab_size": SOURCES, "target_vocab_size": TARGETS, "size": 8, **options}
    model = Translator(**given).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)  # so that what it says hangs on what it reads
    return model
