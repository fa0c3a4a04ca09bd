"""Tiny models must learn to copy, to reverse and to continue a pattern."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from seq2seq.batch import LanguageBatch, TranslationBatch
from seq2seq.nn.attention import AdditiveAttention, BilinearAttention, MultiHeadAttention
from seq2seq.recurrence import (
    GRU,
    LSTM,
    MLSTM,
    RGLRU,
    RWKV,
    SLSTM,
    BlockConfig,
    CausalAttention,
    LayerNormGRU,
    LayerNormLSTM,
    Mamba,
    MinGRU,
    MinLSTM,
    MogrifierLSTM,
    Retention,
    SelfAttention,
)
from seq2seq.search import Beam, Sampling, sample
from seq2seq.special_tokens import BOS, EOS, NUM_SPECIAL
from seq2seq.training.language_model import LanguageModel
from seq2seq.training.translator import Translator

LETTERS, MAX_LENGTH = 6, 4
BLOCK: dict[str, Any] = {"depth": 2, "block": BlockConfig(norm=True, residual=True, feed_forward=2.0)}
TRANSFORMER = {
    "encoder": SelfAttention,
    "decoder": CausalAttention,
    "attention": MultiHeadAttention,
    **BLOCK,
}


def fit(model: pl.LightningModule, batches: Sequence[Any], rate: float) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, len(batches))
    model.configure_optimizers = lambda: (  # type: ignore[method-assign]
        [optimizer],
        [{"scheduler": schedule, "interval": "step"}],
    )
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        devices=1,
        gradient_clip_val=1.0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, torch.utils.data.DataLoader(batches, batch_size=None))  # type: ignore[arg-type]
    model.eval()


def strings(generator: torch.Generator, rows: int, length: int) -> torch.Tensor:
    return torch.randint(NUM_SPECIAL, NUM_SPECIAL + LETTERS, (rows, length), generator=generator)


def pairs(generator: torch.Generator, rows: int, transform: Callable[[torch.Tensor], torch.Tensor]) -> TranslationBatch:
    length = int(torch.randint(1, MAX_LENGTH + 1, (), generator=generator))
    text = strings(generator, rows, length)
    bos, eos = torch.full((rows, 1), BOS), torch.full((rows, 1), EOS)
    target = transform(text)
    inputs, targets = torch.cat([bos, target], dim=1), torch.cat([target, eos], dim=1)
    return TranslationBatch(
        torch.cat([text, eos], dim=1), torch.full((rows,), length + 1), inputs, targets, targets.numel()
    )


@pytest.mark.parametrize(
    ("transform", "options"),
    [
        (torch.Tensor.clone, {"attention": BilinearAttention}),
        (partial(torch.flip, dims=[1]), {"attention": BilinearAttention}),
        (partial(torch.flip, dims=[1]), {"attention": AdditiveAttention, "encoder": GRU, "input_feeding": True}),
        pytest.param(torch.Tensor.clone, {"encoder": MinGRU, "decoder": Mamba, **BLOCK}, marks=pytest.mark.slow),
        (partial(torch.flip, dims=[1]), TRANSFORMER),
    ],
    ids=[
        "copy",
        "reverse",
        "reverse by GRU, additive attention and input feeding",
        "copy by minGRU and Mamba",
        "reverse by a Transformer",
    ],
)
def test_translator_learns(transform: Callable[[torch.Tensor], torch.Tensor], options: dict[str, Any]) -> None:
    pl.seed_everything(1, verbose=False)
    vocab_size, generator = NUM_SPECIAL + LETTERS, torch.Generator().manual_seed(1)
    options = {"size": 48, "depth": 1, "dropout": 0.0, "label_smoothing": 0.0, **options}
    model = Translator(vocab_size, vocab_size, True, **options)
    steps, rate = (350, 0.005) if "block" in options else (200, 0.01)
    fit(model, [pairs(generator, 64, transform) for _ in range(steps)], rate)
    text = strings(generator, 100, MAX_LENGTH)
    source = torch.cat([text, torch.full((100, 1), EOS)], dim=1)
    limits = torch.full((100,), 2 * MAX_LENGTH)
    with torch.no_grad():
        found = Beam(3)(model.decoding_problem(source, torch.full((100,), MAX_LENGTH + 1)), limits)
    correct = sum(best.ids == target for (best,), target in zip(found, transform(text).tolist(), strict=True))
    assert correct >= 95


@pytest.mark.parametrize(
    ("layer", "options"),
    [(kind, {}) for kind in (LSTM, GRU, LayerNormLSTM, LayerNormGRU, MogrifierLSTM, SLSTM)]
    + [(kind, BLOCK) for kind in (MinGRU, MinLSTM, RGLRU, Mamba, RWKV, Retention, MLSTM)]
    + [(partial(CausalAttention, window=40), BLOCK)],
)
def test_language_model_learns_a_pattern_that_needs_memory(layer: Any, options: dict[str, Any]) -> None:
    pl.seed_everything(1, verbose=False)
    pattern = [4, 4, 4, 5, 4, 4, 6, 4, 5]
    text = torch.tensor(pattern * 100)[: 2 * 401].view(2, 401)
    model = LanguageModel(7, layer=layer, size=24, **{"depth": 1, "dropout": 0.0, **options})
    batches = [
        LanguageBatch(text[:, at : at + 20], text[:, at + 1 : at + 21], at == 0, 40)
        for _ in range(18)
        for at in range(0, 400, 20)
    ]
    fit(model, batches, rate=0.006 if options else 0.02)
    with torch.no_grad():
        nats, state = model.token_nats(text[:1, :80], text[:1, 1:81])
        assert float(nats[0, 20:].mean()) < 0.1
        draws = sample(model.step, text[:1, 80], state, Sampling(temperature=0), torch.Generator())
        sampled = [int(draw.tokens) for _, draw in zip(range(100), draws, strict=False)]
    assert sampled == text[0, 81:181].tolist()
