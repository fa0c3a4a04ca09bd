"""A matrix as memory, S[t] = decay[t] S[t-1] + k[t] v[t], asked by q[t]: step by step, and in chunks."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

SCALAR_CHUNK = 64  # steps that are one matrix product
VECTOR_CHUNK = 32
LOWEST = -20.0  # of a logarithm of a decay: what is left is 2e-9, and sums of logarithms stay exact


def decayed(log_decay: Tensor) -> Tensor:
    """A decay from its logarithm, which must not be positive."""
    return log_decay.clamp(min=LOWEST).exp()


def scalar_decay_step(
    q: Float[Tensor, "batch #heads key"],
    k: Float[Tensor, "batch #heads key"],
    v: Float[Tensor, "batch heads value"],
    log_decay: Float[Tensor, "batch heads"],
    state: Float[Tensor, "batch heads key value"],
) -> tuple[Float[Tensor, "batch heads value"], Float[Tensor, "batch heads key value"]]:
    """S = decay S + k v, y = q S: one decay a head (Dao and Gu, 2024; Sun et al., 2023)."""
    state = decayed(log_decay)[..., None, None] * state + k[..., :, None] * v[..., None, :]
    return (q[..., None, :] @ state).squeeze(-2), state


def vector_decay_step(
    q: Float[Tensor, "batch heads key"],
    k: Float[Tensor, "batch heads key"],
    v: Float[Tensor, "batch heads value"],
    log_decay: Float[Tensor, "batch heads key"],
    bonus: Float[Tensor, "heads key"],
    state: Float[Tensor, "batch heads key value"],
) -> tuple[Float[Tensor, "batch heads value"], Float[Tensor, "batch heads key value"]]:
    """y = q (S + bonus k v), S = decay S + k v: one decay a key feature (Peng et al., 2024, equation 19)."""
    new = k[..., :, None] * v[..., None, :]
    y = (q[..., None, :] @ (state + bonus[..., None] * new)).squeeze(-2)
    return y, decayed(log_decay)[..., None] * state + new


def scalar_decay(
    q: Float[Tensor, "batch #heads time key"],
    k: Float[Tensor, "batch #heads time key"],
    v: Float[Tensor, "batch heads time value"],
    log_decay: Float[Tensor, "batch heads time"],
    state: Float[Tensor, "batch heads key value"],
) -> tuple[Float[Tensor, "batch heads time value"], Float[Tensor, "batch heads key value"]]:
    """`scalar_decay_step` over a whole sequence, in chunks (Dao and Gu, 2024, section 6).

    All are in one precision, which should be float32 or better, outside autocast. Queries and keys may be shared by the
    heads. A step with k = 0 and a log decay of 0 changes nothing.
    """
    time = v.shape[2]
    q, k, v, decay = chunks(min(SCALAR_CHUNK, time), q, k, v, log_decay.clamp(min=LOWEST)[..., None])
    sums = decay.squeeze(-1).cumsum(-1)  # from the beginning of a chunk up to each step, that step included
    between = sums[..., :, None] - sums[..., None, :]
    earlier = torch.ones(between.shape[-2:], dtype=torch.bool, device=v.device).tril()
    scores = (q @ k.transpose(-1, -2)) * between.masked_fill(~earlier, float("-inf")).exp()
    last = sums[..., -1:]
    added = (k * (last - sums).exp()[..., None]).transpose(-1, -2) @ v
    before, state = hand_over(last.exp()[..., None], added, state)
    y = scores @ v + (q * sums.exp()[..., None]) @ before
    return y.flatten(2, 3)[:, :, :time], state


def vector_decay(
    q: Float[Tensor, "batch heads time key"],
    k: Float[Tensor, "batch heads time key"],
    v: Float[Tensor, "batch heads time value"],
    log_decay: Float[Tensor, "batch heads time key"],
    bonus: Float[Tensor, "heads key"],
    state: Float[Tensor, "batch heads key value"],
) -> tuple[Float[Tensor, "batch heads time value"], Float[Tensor, "batch heads key value"]]:
    """`vector_decay_step` over a whole sequence, in chunks (Yang et al., 2024, section 4).

    Decays of a chunk are split at its middle, which float32 can hold while log decays stay above -4 (their sum over
    half a chunk above -64).
    """
    time = v.shape[2]
    own = (q * bonus[:, None] * k).sum(-1, keepdim=True) * v
    q, k, v, decay = chunks(min(VECTOR_CHUNK, time), q, k, v, log_decay.clamp(min=LOWEST))
    sums = decay.cumsum(-2)
    until = sums - decay  # what has decayed when a step looks, before it decays itself
    middle = sums[..., sums.shape[-2] // 2, None, :]
    scores = (q * (until - middle).exp()) @ (k * (middle - sums).exp()).transpose(-1, -2)
    last = sums[..., -1:, :]
    added = (k * (last - sums).exp()).transpose(-1, -2) @ v
    before, state = hand_over(last.exp().transpose(-1, -2), added, state)
    y = scores.tril(-1) @ v + (q * until.exp()) @ before
    return own + y.flatten(2, 3)[:, :, :time], state


def chunks(steps: int, *sequences: Tensor) -> Sequence[Tensor]:
    """[batch, heads, time, size] as [batch, heads, chunks, steps, size]; the last chunk is filled with zeros.

    No steps at all are one chunk of one step of zeros.
    """
    time, steps = sequences[0].shape[2], max(1, steps)
    more = -time % steps if time else 1
    filled = (torch.nn.functional.pad(x, (0, 0, 0, more)) if more else x for x in sequences)
    return [x.unflatten(2, (-1, steps)) for x in filled]


def hand_over(decay: Tensor, added: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The state before each chunk, and the one after the last."""
    before = []
    for left, new in zip(decay.unbind(2), added.unbind(2), strict=True):
        before.append(state)
        state = left * state + new
    return torch.stack(before, dim=2), state
