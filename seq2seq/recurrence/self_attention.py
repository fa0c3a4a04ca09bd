"""Multi-head self-attention (Vaswani et al., 2017), causal as a recurrence with a key-value cache, or bidirectional."""

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from seq2seq.nn.heads import check_heads, split_heads
from seq2seq.nn.linear import linear
from seq2seq.nn.mixed_precision import outside_autocast, upcast
from seq2seq.nn.rotary import apply_rotary
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.bidirectional import EncoderLayer
from seq2seq.recurrence.ops.padding import fill_padding, padding_mask
from seq2seq.recurrence.recurrence import Recurrence

MAX_FUSED_SCORE = 1e4  # float32 has three decimals there


class AttentionState(NamedTuple):
    """The key-value cache. It grows with every step, up to the window if there is one."""

    keys: Float[Tensor, "batch cached size"]
    values: Float[Tensor, "batch cached size"]
    positions: Int[Tensor, "batch cached"]  # 1 for the first step of a row, 0 for padding

    @property
    def grows(self) -> bool:  # on axis 1
        return True


class CausalAttention(Recurrence[AttentionState]):
    """Causal attention, softmax(q k / sqrt(head_dim)) v up to this step (Vaswani et al., 2017, section 3.2).

    Args:
        input_size: Number of input features of a step.
        size: Number of output features; a multiple of heads.
        heads: Number of attention heads.
        window: Number of steps that are attended to, this one included; null for all, with a state that grows without
            limit.
        rotary: Apply rotary position embeddings to queries and keys (Su et al., 2021); without them, only the causal
            mask depends on the order.
    """

    parallel = True

    @checked
    def __init__(
        self, input_size: Count, size: Count, heads: Count = 4, window: Count | None = None, rotary: bool = True
    ) -> None:
        super().__init__(input_size, size)
        check_heads(size, heads, min_head_dim=2 if rotary else 1)  # the rotary embedding needs a pair
        self.heads = heads
        self.window = window
        self.rotary = rotary
        self.grows = window is None
        self.qkv_projection = linear(input_size, 3 * size, bias=False)
        self.output_projection = linear(size, size, bias=False)

    def initial_state(self, batch: int) -> AttentionState:
        empty = self.output_projection.weight.new_zeros(batch, 0, self.size)
        return AttentionState(empty, empty, torch.zeros(batch, 0, dtype=torch.long, device=empty.device))

    def forward(
        self, x: Tensor, state: AttentionState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, AttentionState]:
        state = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        positions = last_positions(state)[:, None] + 1 + torch.arange(x.shape[1], device=x.device)
        q, k, v = self.qkv_projection(x).chunk(3, dim=-1)
        if self.rotary:
            q, k = rotate_heads(q, k, positions, self.heads)
        key_positions = positions if lengths is None else positions.masked_fill(padding_mask(x, lengths), 0)
        next_state = AttentionState(
            torch.cat([state.keys, k.to(state.keys.dtype)], dim=1),
            torch.cat([state.values, v.to(state.values.dtype)], dim=1),
            torch.cat([state.positions, key_positions], dim=1),
        )
        # with an empty cache, padding comes after all tokens, so that the causal mask hides it already
        causal = state.keys.shape[1] == 0 and (self.window is None or x.shape[1] <= self.window)
        mask = None if causal else self.attention_mask(positions, next_state.positions)
        y = attend(q, next_state.keys.to(q.dtype), next_state.values.to(q.dtype), self.heads, mask)
        return self.output_projection(y), trim_cache(next_state, self.window, lengths is not None)

    def attention_mask(
        self, positions: Int[Tensor, "batch time"], key_positions: Int[Tensor, "batch cached"]
    ) -> Bool[Tensor, "batch time cached"]:
        """Return which steps each step attends to: no padding, none later than itself, and within the window."""
        distance = positions[:, :, None] - key_positions[:, None]
        mask = (key_positions[:, None] > 0) & (distance >= 0)
        if self.window is not None:
            mask &= distance < self.window
        mask[:, :, -positions.shape[1] :].diagonal(dim1=1, dim2=2).fill_(True)  # an empty row would give NaN on padding
        return mask


class SelfAttention(EncoderLayer):
    """Bidirectional self-attention: every step of a row attends to all steps of it.

    Args:
        input_size: Number of input features of a step.
        size: Number of output features; a multiple of heads.
        heads: Number of attention heads.
        rotary: Apply rotary position embeddings to queries and keys (Su et al., 2021); without them, nothing depends on
            the order.
    """

    @checked
    def __init__(self, input_size: Count, size: Count, heads: Count = 4, rotary: bool = True) -> None:
        super().__init__()
        check_heads(size, heads, min_head_dim=2 if rotary else 1)  # the rotary embedding needs a pair
        self.heads = heads
        self.rotary = rotary
        self.qkv_projection = linear(input_size, 3 * size, bias=False)
        self.output_projection = linear(size, size, bias=False)

    def forward(
        self, x: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time size"]:
        q, k, v = self.qkv_projection(fill_padding(x, lengths, 0.0)).chunk(3, dim=-1)
        if self.rotary:
            positions = torch.arange(x.shape[1], device=x.device)[None]
            q, k = rotate_heads(q, k, positions, self.heads)
        mask = ~padding_mask(x, lengths.clamp(min=1))
        y = attend(q, k, v, self.heads, mask[:, None].expand(-1, x.shape[1], -1))
        return self.output_projection(y)  # type: ignore[no-any-return]


def last_positions(state: AttentionState) -> Int[Tensor, " batch"]:
    """Return the position of each row's last step; 0 with a window of 1, whose cache is empty and needs none."""
    return state.positions.amax(dim=1) if state.positions.shape[1] else state.positions.sum(dim=1)


def rotate_heads(q: Tensor, k: Tensor, positions: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    """Apply rotary embeddings to queries and keys in one call, since their angles are the same."""
    qk = split_heads(torch.cat([q, k], dim=-1), 2 * heads).transpose(1, 2)
    q, k = apply_rotary(qk, positions).transpose(1, 2).flatten(2).chunk(2, dim=-1)
    return q, k


def attend(
    q: Float[Tensor, "batch time size"],
    k: Float[Tensor, "batch cached size"],
    v: Float[Tensor, "batch cached size"],
    heads: int,
    mask: Bool[Tensor, "batch time cached"] | None,
) -> Float[Tensor, "batch time size"]:
    """Return multi-head attention; causal without a mask."""
    q, k, v = (split_heads(part, heads).transpose(1, 2) for part in (q, k, v))
    if q.device.type == "cpu":  # in bfloat16 it takes up to twice as long there
        q, k, v = upcast(q), upcast(k), upcast(v)
    with outside_autocast(q), disable_inexact_fused_attention(q, k):
        y = F.scaled_dot_product_attention(q, k, v, None if mask is None else mask[:, None], is_causal=mask is None)
    return y.transpose(1, 2).flatten(2)


def disable_inexact_fused_attention(
    q: Float[Tensor, "*batch time head_dim"], k: Float[Tensor, "*batch cached head_dim"]
) -> AbstractContextManager[None]:
    """Disable torch's fused attention on a CPU where its gradient would be wrong.

    Its backward recomputes the attention weights as exp(score - logsumexp), and float32 loses the difference if both
    are large.
    """
    if q.device.type == "cpu" and q.requires_grad and q.numel():
        bound = q.detach().abs().amax() * k.detach().abs().amax() * q.shape[-1] ** 0.5
        if bound > MAX_FUSED_SCORE:
            return sdpa_kernel(SDPBackend.MATH)
    return nullcontext()


def trim_cache(state: AttentionState, window: int | None, padded: bool) -> AttentionState:
    """Drop keys and values outside the window of the next step; padding is moved to the front first."""
    if padded:
        order = (state.positions > 0).byte().argsort(dim=1, stable=True)
        keys, values = (x.gather(1, order[..., None].expand_as(x)) for x in (state.keys, state.values))
        state = AttentionState(keys, values, state.positions.gather(1, order))
    first = 0 if window is None else max(0, state.positions.shape[1] - (window - 1))
    return AttentionState(*(part[:, first:].clone() for part in state)) if first else state
