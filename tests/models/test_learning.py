"""Tiny models must learn: to copy, to reverse, to go on with a pattern."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from seq2seq.batch import LanguageBatch, TranslationBatch
from seq2seq.models import LanguageModel, Translator
from seq2seq.nn.attention import AdditiveAttention, BilinearAttention, MultiHeadAttention
from seq2seq.recurrence import (
    GRU,
    LSTM,
    MLSTM,
    RGLRU,
    RWKV,
    SLSTM,
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
from seq2seq.search import Sampling, beam_search, sample
from seq2seq.special_tokens import BOS, EOS, NUM_SPECIAL

LETTERS, LONGEST = 6, 4
BLOCK: dict[str, Any] = {"depth": 2, "norm": True, "residual": True, "feed_forward": 2.0}
TRANSFORMER = {
    "encoder": SelfAttention,
    "decoder": CausalAttention,
    "attention": MultiHeadAttention,
    **BLOCK,
}


def fit(model: pl.LightningModule, batches: Sequence[Any], rate: float) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, len(batches))
    model.configure_optimizers = lambda: (  # type: ignore[method-assign]
        [optimizer],
        [{"scheduler": falling, "interval": "step"}],
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


def strings(random: torch.Generator, rows: int, length: int) -> torch.Tensor:
    return torch.randint(NUM_SPECIAL, NUM_SPECIAL + LETTERS, (rows, length), generator=random)


def pairs(random: torch.Generator, rows: int, turned: Callable[[torch.Tensor], torch.Tensor]) -> TranslationBatch:
    length = int(torch.randint(1, LONGEST + 1, (), generator=random))
    text = strings(random, rows, length)
    begin, end = torch.full((rows, 1), BOS), torch.full((rows, 1), EOS)
    answer = turned(text)
    inputs, targets = torch.cat([begin, answer], dim=1), torch.cat([answer, end], dim=1)
    return TranslationBatch(
        torch.cat([text, end], dim=1), torch.full((rows,), length + 1), inputs, targets, targets.numel()
    )


@pytest.mark.parametrize(
    ("turned", "options"),
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
def test_a_translator_learns(turned: Callable[[torch.Tensor], torch.Tensor], options: dict[str, Any]) -> None:
    pl.seed_everything(1, verbose=False)
    words, random = NUM_SPECIAL + LETTERS, torch.Generator().manual_seed(1)
    options = {"size": 48, "depth": 1, "dropout": 0.0, "label_smoothing": 0.0, **options}
    model = Translator(words, words, True, **options)
    steps, rate = (350, 0.005) if "norm" in options else (200, 0.01)
    fit(model, [pairs(random, 64, turned) for _ in range(steps)], rate)
    text = strings(random, 100, LONGEST)
    source = torch.cat([text, torch.full((100, 1), EOS)], dim=1)
    limits = torch.full((100,), 2 * LONGEST)
    with torch.no_grad():
        found = beam_search(model.problem(source, torch.full((100,), LONGEST + 1)), limits, beams=3)
    right = sum(best.ids == wanted for (best,), wanted in zip(found, turned(text).tolist(), strict=True))
    assert right >= 95


@pytest.mark.parametrize(
    ("layer", "options"),
    [(kind, {}) for kind in (LSTM, GRU, LayerNormLSTM, LayerNormGRU, MogrifierLSTM, SLSTM)]
    + [(kind, BLOCK) for kind in (MinGRU, MinLSTM, RGLRU, Mamba, RWKV, Retention, MLSTM)]
    + [(partial(CausalAttention, window=40), BLOCK)],
)
def test_a_language_model_learns_a_pattern_that_needs_memory(layer: Any, options: dict[str, Any]) -> None:
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
        nats, state = model.nats(text[:1, :80], text[:1, 1:81])
        assert float(nats[0, 20:].mean()) < 0.1
        draws = sample(model.step, text[:1, 80], state, Sampling(temperature=0), torch.Generator())
        written = [int(draw.tokens) for _, draw in zip(range(100), draws, strict=False)]
    assert written == text[0, 81:181].tolist()
