"""The same networks in plain torch: the baselines of the training benchmark."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.batch import LanguageBatch, TranslationBatch
from seq2seq.recurrence.rnn import disable_unsupported_onednn
from seq2seq.special_tokens import PAD


class LSTM(nn.LSTM):
    """nn.LSTM that also runs in bf16 on processors without it."""

    def forward(self, x: Any, state: Any = None) -> Any:
        with disable_unsupported_onednn(x):
            return super().forward(x, state)


class BaselineLanguageModel(nn.Module):
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


class BaselineTranslator(nn.Module):
    """A bidirectional nn.LSTM encoder, and an nn.LSTM decoder with attention that reads all target tokens at once.

    With input feeding the decoder is a loop of nn.LSTMCell. The encoder does not mask padding, which is faster.
    """

    def __init__(self, vocabulary: int, size: int, depth: int, input_feeding: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, size, padding_idx=PAD)
        self.encoder = LSTM(size, size // 2, depth, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(size, size)
        self.keys = nn.Linear(size, size, bias=False)
        self.input_feeding = input_feeding
        if input_feeding:
            sizes = [2 * size, 2 * size] + [size] * (depth - 2)
            self.cells = nn.ModuleList(nn.LSTMCell(input_size, size) for input_size in sizes[:depth])
        else:
            self.lower = LSTM(size, size, batch_first=True)
            self.upper = LSTM(2 * size, size, depth - 1, batch_first=True)
        self.combine = nn.Linear(2 * size, size)
        self.output = nn.Linear(size, vocabulary)
        self.output.weight = self.embedding.weight

    def forward(self, batch: TranslationBatch) -> Tensor:
        values, (ends, _) = self.encoder(self.embedding(batch.source))
        keys, mask = self.keys(values), (batch.source != PAD)[:, None]
        initial_state = torch.tanh(self.bridge(torch.cat([ends[-2], ends[-1]], dim=-1)))
        inputs = self.embedding(batch.inputs)
        decode = self.decode_stepwise if self.input_feeding else self.decode_at_once
        logits = self.output(decode(inputs, initial_state, keys, values, mask))
        return F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), ignore_index=PAD, label_smoothing=0.1)

    def decode_at_once(
        self, inputs: Tensor, initial_state: Tensor, keys: Tensor, values: Tensor, mask: Tensor
    ) -> Tensor:
        hidden, _ = self.lower(inputs, (initial_state[None], torch.zeros_like(initial_state)[None]))
        context = attend(hidden, keys, values, mask)
        hidden, _ = self.upper(torch.cat([hidden, context], dim=-1))
        return torch.tanh(self.combine(torch.cat([hidden, context], dim=-1)))

    def decode_stepwise(
        self, inputs: Tensor, initial_state: Tensor, keys: Tensor, values: Tensor, mask: Tensor
    ) -> Tensor:
        input_feed, features = torch.zeros_like(initial_state), []
        states = [(initial_state, torch.zeros_like(initial_state)) for _ in self.cells]
        for token in inputs.unbind(dim=1):
            states[0] = self.cells[0](torch.cat([token, input_feed.to(token.dtype)], dim=-1), states[0])
            hidden = states[0][0]
            context = attend(hidden[:, None], keys, values, mask)[:, 0]
            x = torch.cat([hidden, context.to(hidden.dtype)], dim=-1)
            for layer, cell in enumerate(self.cells[1:], start=1):
                states[layer] = cell(x, states[layer])
                x = states[layer][0]
            input_feed = torch.tanh(self.combine(torch.cat([x, context.to(x.dtype)], dim=-1)))
            features.append(input_feed)
        return torch.stack(features, dim=1)


def attend(hidden: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Bilinear attention: the mean of the values, weighted by how well their keys match."""
    scores = torch.bmm(hidden.to(keys.dtype), keys.transpose(1, 2)).float().masked_fill(~mask, float("-inf"))
    return torch.bmm(scores.softmax(dim=-1).to(values.dtype), values)
