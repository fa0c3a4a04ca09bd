"""Linear attention with decay, S[t] = decay[t] S[t-1] + k[t] v[t], y[t] = q[t] S[t]: step by step, and in chunks."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

SCALAR_CHUNK_STEPS = 64
VECTOR_CHUNK_STEPS = 32
MIN_LOG_DECAY = -20.0  # a decay of 2e-9, while float32 stays precise in sums of log decays


def decay_from_log(log_decay: Tensor) -> Tensor:
    """Return the decay of a log decay, which must not be positive."""
    return log_decay.clamp(min=MIN_LOG_DECAY).exp()


def scalar_decay_step(
    q: Float[Tensor, "batch #heads key"],
    k: Float[Tensor, "batch #heads key"],
    v: Float[Tensor, "batch heads value"],
    log_decay: Float[Tensor, "batch heads"],
    state: Float[Tensor, "batch heads key value"],
) -> tuple[Float[Tensor, "batch heads value"], Float[Tensor, "batch heads key value"]]:
    """Compute S = decay S + k v, y = q S, with one decay for each head (Dao and Gu, 2024; Sun et al., 2023)."""
    state = decay_from_log(log_decay)[..., None, None] * state + k[..., :, None] * v[..., None, :]
    return (q[..., None, :] @ state).squeeze(-2), state


def vector_decay_step(
    q: Float[Tensor, "batch heads key"],
    k: Float[Tensor, "batch heads key"],
    v: Float[Tensor, "batch heads value"],
    log_decay: Float[Tensor, "batch heads key"],
    bonus: Float[Tensor, "heads key"],
    state: Float[Tensor, "batch heads key value"],
) -> tuple[Float[Tensor, "batch heads value"], Float[Tensor, "batch heads key value"]]:
    """Compute y = q (S + bonus k v), S = decay S + k v, one decay for each key feature (Peng et al., 2024, eq. 19)."""
    update = k[..., :, None] * v[..., None, :]
    y = (q[..., None, :] @ (state + bonus[..., None] * update)).squeeze(-2)
    return y, decay_from_log(log_decay)[..., None] * state + update


def scalar_decay(
    q: Float[Tensor, "batch #heads time key"],
    k: Float[Tensor, "batch #heads time key"],
    v: Float[Tensor, "batch heads time value"],
    log_decay: Float[Tensor, "batch heads time"],
    state: Float[Tensor, "batch heads key value"],
) -> tuple[Float[Tensor, "batch heads time value"], Float[Tensor, "batch heads key value"]]:
    """Compute `scalar_decay_step` over a whole sequence, in chunks (Dao and Gu, 2024, section 6).

    All tensors have one dtype, float32 or better, outside autocast. Queries and keys may be shared by the heads. A step
    with k = 0 and a log decay of 0 leaves the state unchanged.
    """
    time = v.shape[2]
    q, k, v, log_decay = split_chunks(
        min(SCALAR_CHUNK_STEPS, time), q, k, v, log_decay.clamp(min=MIN_LOG_DECAY)[..., None]
    )
    sums = log_decay.squeeze(-1).cumsum(-1)  # from the first step of a chunk to each step, which is included
    between = sums[..., :, None] - sums[..., None, :]
    causal = torch.ones(between.shape[-2:], dtype=torch.bool, device=v.device).tril()
    scores = (q @ k.transpose(-1, -2)) * between.masked_fill(~causal, float("-inf")).exp()
    total = sums[..., -1:]
    updates = (k * (total - sums).exp()[..., None]).transpose(-1, -2) @ v
    states, state = chunk_states(total.exp()[..., None], updates, state)
    y = scores @ v + (q * sums.exp()[..., None]) @ states
    return y.flatten(2, 3)[:, :, :time], state


def vector_decay(
    q: Float[Tensor, "batch heads time key"],
    k: Float[Tensor, "batch heads time key"],
    v: Float[Tensor, "batch heads time value"],
    log_decay: Float[Tensor, "batch heads time key"],
    bonus: Float[Tensor, "heads key"],
    state: Float[Tensor, "batch heads key value"],
) -> tuple[Float[Tensor, "batch heads time value"], Float[Tensor, "batch heads key value"]]:
    """Compute `vector_decay_step` over a whole sequence, in chunks (Yang et al., 2024, section 4).

    Decays within a chunk are relative to its middle, so that float32 does not overflow while log decays stay above -4
    (their sum over half a chunk above -64).
    """
    time = v.shape[2]
    current = (q * bonus[:, None] * k).sum(-1, keepdim=True) * v
    q, k, v, log_decay = split_chunks(min(VECTOR_CHUNK_STEPS, time), q, k, v, log_decay.clamp(min=MIN_LOG_DECAY))
    sums = log_decay.cumsum(-2)
    previous_sums = sums - log_decay  # the output of a step is computed before the decay of that step
    middle = sums[..., sums.shape[-2] // 2, None, :]
    scores = (q * (previous_sums - middle).exp()) @ (k * (middle - sums).exp()).transpose(-1, -2)
    total = sums[..., -1:, :]
    updates = (k * (total - sums).exp()).transpose(-1, -2) @ v
    states, state = chunk_states(total.exp().transpose(-1, -2), updates, state)
    y = scores.tril(-1) @ v + (q * previous_sums.exp()) @ states
    return current + y.flatten(2, 3)[:, :, :time], state


def split_chunks(steps: int, *sequences: Tensor) -> Sequence[Tensor]:
    """Return [batch, heads, time, size] as [batch, heads, chunks, steps, size]; the last chunk is padded with zeros.

    An empty sequence gives one chunk of a single step of zeros.
    """
    time, steps = sequences[0].shape[2], max(1, steps)
    padding = -time % steps if time else 1
    padded = (torch.nn.functional.pad(x, (0, 0, 0, padding)) if padding else x for x in sequences)
    return [x.unflatten(2, (-1, steps)) for x in padded]


def chunk_states(decays: Tensor, updates: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Return the state before each chunk, and the final state."""
    states = []
    for decay, update in zip(decays.unbind(2), updates.unbind(2), strict=True):
        states.append(state)
        state = decay * state + update
    return torch.stack(states, dim=2), state
