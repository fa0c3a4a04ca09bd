"""What Lightning, carried state and our loss cost in training, against a loop that has none of them."""

import contextlib
from collections.abc import Callable

import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn

from seq2seq.data.batches import Epochs
from seq2seq.data.streams import Streams
from seq2seq.models import LanguageModel

VOCABULARY, BATCH, STEPS, BATCHES = 100, 64, 64, 10


def language_model(size: int, bf16: bool) -> tuple[Callable[[], None], Callable[[], None]]:
    """Ten batches of a one-layer model of characters: through the Trainer, and bare."""
    ids = np.random.default_rng(1).integers(4, VOCABULARY, BATCH * STEPS * BATCHES + 1).astype(np.uint16)
    streams = Streams(ids, BATCH, STEPS)
    model = LanguageModel(VOCABULARY, size=size, depth=1, tied=False, dropout=0.0)
    bare = Bare(size)
    optimizer = torch.optim.AdamW(bare.parameters(), lr=1e-3)
    loss = nn.CrossEntropyLoss()

    def ours() -> None:
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator="cpu",
            precision="bf16-mixed" if bf16 else "32-true",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(model, Epochs(lambda epoch: range(BATCHES), lambda epoch, index: streams.chunk(index)))

    def theirs() -> None:
        state = None
        for index in range(BATCHES):
            batch = streams.chunk(index)
            with torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext():
                logits, state = bare(batch.inputs, state)
                cost = loss(logits.flatten(0, 1), batch.targets.flatten())
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
            state = tuple(part.detach() for part in state)

    return ours, theirs


class Bare(nn.Module):
    """An embedding, an nn.LSTM and a linear layer."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, size)
        self.layer = nn.LSTM(size, size, batch_first=True)
        self.output = nn.Linear(size, VOCABULARY)

    def forward(self, ids: torch.Tensor, state: tuple[torch.Tensor, ...] | None) -> tuple[torch.Tensor, ...]:
        y, state = self.layer(self.embedding(ids), state)
        return self.output(y), state
