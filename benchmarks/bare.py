"""The same networks in plain torch, without anything that a toolkit adds: what ours is compared with."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.batch import LanguageBatch, TranslationBatch
from seq2seq.recurrence.rnn import fitting_kernel
from seq2seq.special_tokens import PAD


class LSTM(nn.LSTM):
    """torch's, which also runs in bf16 where the processor has none."""

    def forward(self, x: Any, state: Any = None) -> Any:
        with fitting_kernel(x):
            return super().forward(x, state)


class BareLanguageModel(nn.Module):
    """An embedding, one nn.LSTM and a linear layer, whose state is carried from batch to batch."""

    def __init__(self, vocabulary: int, size: int, depth: int = 1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, size)
        self.layer = LSTM(size, size, depth, batch_first=True)
        self.output = nn.Linear(size, vocabulary)
        self.state: tuple[Tensor, Tensor] | None = None

    def forward(self, batch: LanguageBatch) -> Tensor:
        y, (hidden, cell) = self.layer(self.embedding(batch.inputs), None if batch.start else self.state)
        self.state = (hidden.detach(), cell.detach())
        return F.cross_entropy(self.output(y).flatten(0, 1), batch.targets.flatten())


class BareTranslator(nn.Module):
    """Bidirectional nn.LSTM, nn.LSTM with attention between its layers, and all words of the target at once.

    With input feeding it is a loop of nn.LSTMCell. Its encoder reads padding as if it were text, which is faster.
    """

    def __init__(self, vocabulary: int, size: int, depth: int, feeding: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, size, padding_idx=PAD)
        self.encoder = LSTM(size, size // 2, depth, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(size, size)
        self.keys = nn.Linear(size, size, bias=False)
        self.feeding = feeding
        if feeding:
            sizes = [2 * size, 2 * size] + [size] * (depth - 2)
            self.cells = nn.ModuleList(nn.LSTMCell(below, size) for below in sizes[:depth])
        else:
            self.lower = LSTM(size, size, batch_first=True)
            self.upper = LSTM(2 * size, size, depth - 1, batch_first=True)
        self.combine = nn.Linear(2 * size, size)
        self.output = nn.Linear(size, vocabulary)
        self.output.weight = self.embedding.weight

    def forward(self, batch: TranslationBatch) -> Tensor:
        values, (ends, _) = self.encoder(self.embedding(batch.source))
        keys, real = self.keys(values), (batch.source != PAD)[:, None]
        start = torch.tanh(self.bridge(torch.cat([ends[-2], ends[-1]], dim=-1)))
        words = self.embedding(batch.inputs)
        read = self.loop if self.feeding else self.at_once
        logits = self.output(read(words, start, keys, values, real))
        return F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), ignore_index=PAD, label_smoothing=0.1)

    def at_once(self, words: Tensor, start: Tensor, keys: Tensor, values: Tensor, real: Tensor) -> Tensor:
        hidden, _ = self.lower(words, (start[None], torch.zeros_like(start)[None]))
        context = look(hidden, keys, values, real)
        hidden, _ = self.upper(torch.cat([hidden, context], dim=-1))
        return torch.tanh(self.combine(torch.cat([hidden, context], dim=-1)))

    def loop(self, words: Tensor, start: Tensor, keys: Tensor, values: Tensor, real: Tensor) -> Tensor:
        said, features = torch.zeros_like(start), []
        states = [(start, torch.zeros_like(start)) for _ in self.cells]
        for word in words.unbind(dim=1):
            states[0] = self.cells[0](torch.cat([word, said.to(word.dtype)], dim=-1), states[0])
            hidden = states[0][0]
            context = look(hidden[:, None], keys, values, real)[:, 0]
            x = torch.cat([hidden, context.to(hidden.dtype)], dim=-1)
            for layer, cell in enumerate(self.cells[1:], start=1):
                states[layer] = cell(x, states[layer])
                x = states[layer][0]
            said = torch.tanh(self.combine(torch.cat([x, context.to(x.dtype)], dim=-1)))
            features.append(said)
        return torch.stack(features, dim=1)


def look(hidden: Tensor, keys: Tensor, values: Tensor, real: Tensor) -> Tensor:
    """Bilinear attention: the mean of the values where the keys fit."""
    scores = torch.bmm(hidden.to(keys.dtype), keys.transpose(1, 2)).float().masked_fill(~real, float("-inf"))
    return torch.bmm(scores.softmax(dim=-1).to(values.dtype), values)
