"""Retention: linear attention that fades at a fixed rate a head (Sun et al., 2023, "Retentive Network")."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.heads import check_heads, head_rms_norm, split_heads
from seq2seq.nn.linear import linear
from seq2seq.nn.rotary import apply_rotary
from seq2seq.nn.upcast import outside_autocast, upcast
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.base import Recurrence
from seq2seq.recurrence.ops.linear_attention import scalar_decay, scalar_decay_step
from seq2seq.recurrence.ops.padding import fill_padding, padding_mask


class RetentionState(NamedTuple):
    memory: Float[Tensor, "batch heads key value"]
    place: Int[Tensor, " batch"]  # of the next step, for the rotation


class Retention(Recurrence[RetentionState]):
    """out(silu(G x) * norm(y)), S[t] = gamma S[t-1] + k[t] v[t], y[t] = q[t] S[t].

    From Sun et al. (2023), equations 6 and 8. Head number h keeps gamma = 1 - 2^(-5 - h) in each step, and queries and
    keys are rotated by their place.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of features that go out; a multiple of heads.
        heads: Number of memories, each fading at half the rate of the one before.
    """

    parallel = True
    log_decay: Tensor

    @checked
    def __init__(self, input_size: Count, size: Count, heads: Count = 4) -> None:
        super().__init__(input_size, size)
        self.heads = heads
        self.share = check_heads(size, heads, least=2)  # of which a rotation makes pairs
        self.project = nn.Linear(input_size, 4 * size, bias=False)
        for part in self.project.weight.data.split(size):  # for queries, keys, values and the gate
            nn.init.xavier_uniform_(part, gain=2**-2.5)
        self.out = linear(size, size, bias=False)
        gamma = 1 - 2 ** (-5 - torch.arange(heads, dtype=torch.float64))
        self.register_buffer("log_decay", gamma.log().to(torch.get_default_dtype()), persistent=False)

    def initial_state(self, batch: int) -> RetentionState:
        memory = self.out.weight.new_zeros(batch, self.heads, self.share, self.share)
        return RetentionState(memory, torch.zeros(batch, dtype=torch.long, device=memory.device))

    def forward(
        self, x: Tensor, state: RetentionState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, RetentionState]:
        before = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        time = torch.arange(x.shape[1], device=x.device)
        q, k, v, gate = self.parts(x, before.place[:, None] + time)
        log_decay = self.log_decay[:, None].expand(len(x), -1, x.shape[1])
        if lengths is not None:
            past = padding_mask(x, lengths)[:, None]
            k, log_decay = k.masked_fill(past[..., None], 0.0), log_decay.masked_fill(past, 0.0)
        with outside_autocast(x):
            y, memory = scalar_decay(q, k, v, log_decay, before.memory)
        read = x.shape[1] if lengths is None else lengths.to(x.device)
        return self.said(y.transpose(1, 2), gate), RetentionState(memory, before.place + read)

    def step(self, x: Tensor, state: RetentionState) -> tuple[Tensor, RetentionState]:
        q, k, v, gate = (part.squeeze(2) for part in self.parts(x[:, None], state.place[:, None]))
        with outside_autocast(x):
            log_decay = self.log_decay.expand(len(x), -1)
            y, memory = scalar_decay_step(q, k, v, log_decay, state.memory)
        return self.said(y[:, None], gate[:, :, None])[:, 0], RetentionState(memory, state.place + 1)

    def parts(self, x: Tensor, places: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys, values and the gate, [batch, heads, time, share]."""
        found = split_heads(upcast(self.project(x)), 4 * self.heads).transpose(1, 2)
        asked, v, gate = found.split([2 * self.heads, self.heads, self.heads], dim=1)
        q, k = apply_rotary(asked, places, whole=True).chunk(2, dim=1)
        return q, k * self.share**-0.5, v, gate

    def said(self, y: Float[Tensor, "batch time heads share"], gate: Float[Tensor, "batch heads time share"]) -> Tensor:
        return self.out(F.silu(gate.transpose(1, 2).flatten(-2)) * head_rms_norm(y))  # type: ignore[no-any-return]
