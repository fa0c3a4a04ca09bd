"""A task that only memory solves: say at the end of a sequence which token it began with."""

import torch
from torch import nn
from torch.nn import functional as F

from seq2seq.recurrence import LayerFactory

TOKENS, ROWS, SIZE = 8, 32, 32
ENOUGH = 10  # batches in a row without a mistake end the training


def learns(layer: LayerFactory, delay: int, steps: int, seed: int, rate: float = 0.02) -> float:
    """The accuracy, on rows never seen, of a small network after so many steps of training, or fewer if that is enough.

    The token comes first; `delay` others follow that mean nothing.
    """
    torch.manual_seed(seed)
    memory = layer(2 * TOKENS, SIZE)
    out = nn.Linear(SIZE, TOKENS)
    parameters = [*memory.parameters(), *out.parameters()]
    optimizer = torch.optim.Adam(parameters, rate)
    right = 0
    for _ in range(steps):
        x, wanted = batch(ROWS, delay)
        y = out(memory(x)[0][:, -1])
        optimizer.zero_grad()
        F.cross_entropy(y, wanted).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        right = right + 1 if bool((y.argmax(-1) == wanted).all()) else 0
        if right == ENOUGH:
            break
    with torch.no_grad():
        x, wanted = batch(8 * ROWS, delay)
        return float((out(memory(x)[0][:, -1]).argmax(-1) == wanted).float().mean())


def batch(rows: int, delay: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences of one-hot tokens, of which the first has an alphabet of its own."""
    wanted = torch.randint(TOKENS, (rows,))
    noise = TOKENS + torch.randint(TOKENS, (rows, delay))
    return F.one_hot(torch.cat([wanted[:, None], noise], dim=1), 2 * TOKENS).float(), wanted
