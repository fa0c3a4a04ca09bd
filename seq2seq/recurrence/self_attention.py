"""Attention of a sequence to itself (Vaswani et al., 2017), so that a Transformer stands beside the recurrences."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from seq2seq.nn.heads import check_heads, split_heads
from seq2seq.nn.linear import linear
from seq2seq.nn.rotary import apply_rotary
from seq2seq.nn.upcast import outside_autocast, upcast
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.base import Recurrence
from seq2seq.recurrence.ops.padding import fill_padding, padding_mask

LARGE = 1e4  # of a score: float32 has three digits behind the point there


class AttentionState(NamedTuple):
    """What can be looked back at. It grows with every step, up to the window if there is one."""

    keys: Float[Tensor, "batch kept size"]
    values: Float[Tensor, "batch kept size"]
    places: Int[Tensor, "batch kept"]  # 1 for the first step that was ever read, 0 where a row has nothing

    @property
    def grows(self) -> bool:  # on axis 1
        return True


class CausalAttention(Recurrence[AttentionState]):
    """softmax(q k / sqrt(share)) v over this step and those before it (Vaswani et al., 2017, section 3.2).

    Args:
        input_size: Number of features that come in at every step.
        size: Number of features that go out; a multiple of heads.
        heads: Number of independent choices.
        window: Number of steps that are seen, this one included; null for all, with a state that grows without end.
        rotary: Turn queries and keys by their place (Su et al., 2021); without it, order is known from the mask alone.
    """

    parallel = True

    @checked
    def __init__(
        self, input_size: Count, size: Count, heads: Count = 4, window: Count | None = None, rotary: bool = True
    ) -> None:
        super().__init__(input_size, size)
        check_heads(size, heads, least=2 if rotary else 1)  # a rotation makes pairs
        self.heads = heads
        self.window = window
        self.rotary = rotary
        self.grows = window is None
        self.project = linear(input_size, 3 * size, bias=False)
        self.out = linear(size, size, bias=False)

    def initial_state(self, batch: int) -> AttentionState:
        nothing = self.out.weight.new_zeros(batch, 0, self.size)
        return AttentionState(nothing, nothing, torch.zeros(batch, 0, dtype=torch.long, device=nothing.device))

    def forward(
        self, x: Tensor, state: AttentionState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, AttentionState]:
        before = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        places = read(before)[:, None] + 1 + torch.arange(x.shape[1], device=x.device)
        q, k, v = self.project(x).chunk(3, dim=-1)
        if self.rotary:
            q, k = rotate_heads(q, k, places, self.heads)
        after = AttentionState(
            torch.cat([before.keys, k.to(before.keys.dtype)], dim=1),
            torch.cat([before.values, v.to(before.values.dtype)], dim=1),
            torch.cat(
                [before.places, places if lengths is None else places.masked_fill(padding_mask(x, lengths), 0)], dim=1
            ),
        )
        # from nothing, padding stands behind all that is real, where a causal mask hides it already
        alone = before.keys.shape[1] == 0 and (self.window is None or x.shape[1] <= self.window)
        mask = None if alone else self.seen(places, after.places)
        y = attend(q, after.keys.to(q.dtype), after.values.to(q.dtype), self.heads, mask)
        return self.out(y), kept(after, self.window, lengths is not None)

    def seen(
        self, places: Int[Tensor, "batch time"], kept: Int[Tensor, "batch kept"]
    ) -> Bool[Tensor, "batch time kept"]:
        """Which steps each step looks at: real ones, not later than itself, and within the window."""
        back = places[:, :, None] - kept[:, None]
        seen = (kept[:, None] > 0) & (back >= 0)
        if self.window is not None:
            seen &= back < self.window
        seen[:, :, -places.shape[1] :].diagonal(dim1=1, dim2=2).fill_(True)  # or a padded step would see nothing at all
        return seen


class SelfAttention(nn.Module):
    """The same in both directions: every step of a row looks at all steps of it.

    It looks ahead, so it is no `Recurrence`. Inputs past the end of a row may be anything; outputs there mean nothing.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of features that go out; a multiple of heads.
        heads: Number of independent choices.
        rotary: Turn queries and keys by their place (Su et al., 2021); without it, order is not known.
    """

    @checked
    def __init__(self, input_size: Count, size: Count, heads: Count = 4, rotary: bool = True) -> None:
        super().__init__()
        check_heads(size, heads, least=2 if rotary else 1)  # a rotation makes pairs
        self.heads = heads
        self.rotary = rotary
        self.project = linear(input_size, 3 * size, bias=False)
        self.out = linear(size, size, bias=False)

    def forward(
        self, x: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time size"]:
        q, k, v = self.project(fill_padding(x, lengths, 0.0)).chunk(3, dim=-1)
        if self.rotary:
            places = torch.arange(x.shape[1], device=x.device)[None]
            q, k = rotate_heads(q, k, places, self.heads)
        real = ~padding_mask(x, lengths.clamp(min=1))
        return self.out(attend(q, k, v, self.heads, real[:, None].expand(-1, x.shape[1], -1)))  # type: ignore[no-any-return]


# (input_size, size) -> what reads a whole row: a recurrence from both ends, attention as it is
ReaderFactory: TypeAlias = Callable[[int, int], Recurrence[Any] | SelfAttention]


def read(state: AttentionState) -> Int[Tensor, " batch"]:
    """How many steps each row has read; with a window of one step it does not matter, and nothing is kept to tell."""
    return state.places.amax(dim=1) if state.places.shape[1] else state.places.sum(dim=1)


def rotate_heads(q: Tensor, k: Tensor, places: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    """Queries and keys turned together, whose angles are the same."""
    both = split_heads(torch.cat([q, k], dim=-1), 2 * heads).transpose(1, 2)
    q, k = apply_rotary(both, places).transpose(1, 2).flatten(2).chunk(2, dim=-1)
    return q, k


def attend(
    q: Float[Tensor, "batch time size"],
    k: Float[Tensor, "batch kept size"],
    v: Float[Tensor, "batch kept size"],
    heads: int,
    seen: Bool[Tensor, "batch time kept"] | None,
) -> Float[Tensor, "batch time size"]:
    """Attention by heads; a causal one where nothing says what is seen."""
    q, k, v = (split_heads(part, heads).transpose(1, 2) for part in (q, k, v))
    mask = None if seen is None else seen[:, None]
    if q.device.type == "cpu":  # whose kernel takes up to twice as long in bfloat16
        q, k, v = upcast(q), upcast(k), upcast(v)
    with outside_autocast(q), exact_kernel(q, k):
        y = F.scaled_dot_product_attention(q, k, v, mask, is_causal=seen is None)
    return y.transpose(1, 2).flatten(2)


def exact_kernel(
    q: Float[Tensor, "*batch time share"], k: Float[Tensor, "*batch kept share"]
) -> AbstractContextManager[None]:
    """Keep torch from its fused kernel on a CPU where that kernel's gradient would be wrong.

    For its gradient it computes the weights again, from each score and the logarithm of the sum of all, and float32
    loses their difference when both are large.
    """
    if q.device.type == "cpu" and q.requires_grad and q.numel():
        bound = q.detach().abs().amax() * k.detach().abs().amax() * q.shape[-1] ** 0.5
        if bound > LARGE:
            return sdpa_kernel(SDPBackend.MATH)
    return nullcontext()


def kept(state: AttentionState, window: int | None, holes: bool) -> AttentionState:
    """What later steps can see; where rows ended early, what is real is moved to the end first."""
    if holes:
        order = (state.places > 0).byte().argsort(dim=1, stable=True)
        keys, values = (x.gather(1, order[..., None].expand_as(x)) for x in (state.keys, state.values))
        state = AttentionState(keys, values, state.places.gather(1, order))
    first = 0 if window is None else max(0, state.places.shape[1] - (window - 1))
    return AttentionState(*(part[:, first:].clone() for part in state)) if first else state
