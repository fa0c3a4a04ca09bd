"""What decoding gains from steps of its own and from batches."""

from collections.abc import Callable

import torch

from seq2seq.models import Translator
from seq2seq.recurrence import LSTM
from seq2seq.search import beam_search


def lstm_step(size: int, rows: int, steps: int = 200) -> tuple[Callable[[], None], Callable[[], None]]:
    """The same steps by `step`, and by calling the layer for sequences of one."""
    layer = LSTM(size, size).eval().requires_grad_(False)
    x = torch.randn(rows, size)

    def ours() -> None:
        state = layer.initial_state(rows)
        for _ in range(steps):
            _, state = layer.step(x, state)

    def theirs() -> None:
        state = None
        for _ in range(steps):
            _, state = layer.kernel(x[:, None], state)

    return ours, theirs


def batched_beams(sentences: int, length: int = 12) -> tuple[Callable[[], None], Callable[[], None]]:
    """Beam search over a batch, and over its sentences one after the other."""
    torch.manual_seed(1)
    model = Translator(4000, 4000, True, size=256, depth=1).eval()
    source = torch.randint(4, 4000, (sentences, length))
    lengths = torch.full((sentences,), length)

    @torch.inference_mode()
    def ours() -> None:
        beam_search(model.problem(source, lengths), lengths + 5, beams=5)

    @torch.inference_mode()
    def theirs() -> None:
        for row in range(sentences):
            one = slice(row, row + 1)
            beam_search(model.problem(source[one], lengths[one]), lengths[one] + 5, beams=5)

    return ours, theirs
