"""A memory task: output the first token of a sequence at its end."""

import torch
from torch import nn
from torch.nn import functional as F

from seq2seq.recurrence import LayerFactory

TOKENS, ROWS, SIZE = 8, 32, 32
CORRECT_BATCHES = 10  # in a row, which end training early


def delayed_token_accuracy(layer: LayerFactory, delay: int, steps: int, seed: int, rate: float = 0.02) -> float:
    """Train a small network for at most `steps` steps and return its accuracy on new sequences.

    The token to remember is followed by `delay` random ones.
    """
    torch.manual_seed(seed)
    rnn = layer(2 * TOKENS, SIZE)
    output = nn.Linear(SIZE, TOKENS)
    parameters = [*rnn.parameters(), *output.parameters()]
    optimizer = torch.optim.Adam(parameters, rate)
    correct = 0
    for _ in range(steps):
        x, target = batch(ROWS, delay)
        y = output(rnn(x)[0][:, -1])
        optimizer.zero_grad()
        F.cross_entropy(y, target).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        correct = correct + 1 if bool((y.argmax(-1) == target).all()) else 0
        if correct == CORRECT_BATCHES:
            break
    with torch.no_grad():
        x, target = batch(8 * ROWS, delay)
        return float((output(rnn(x)[0][:, -1]).argmax(-1) == target).float().mean())


def batch(rows: int, delay: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sequences of one-hot tokens and their first tokens, which have a vocabulary of their own."""
    target = torch.randint(TOKENS, (rows,))
    noise = TOKENS + torch.randint(TOKENS, (rows, delay))
    return F.one_hot(torch.cat([target[:, None], noise], dim=1), 2 * TOKENS).float(), target
