"""h[t] = a[t] h[t-1] + b[t] for every element on its own: the loop, and the same in blocks that run side by side."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.recurrence.ops.padding import fill_padding

BLOCK = 32  # steps of a block
WIDE = 2048  # elements of a step from which on a plain loop keeps one core busy


def scan(
    a: Float[Tensor, "batch time size"], b: Float[Tensor, "batch time size"], start: Float[Tensor, "batch size"]
) -> Float[Tensor, "batch time size"]:
    """Every h of h[t] = a[t] h[t-1] + b[t], with h[-1] = start.

    Nothing is divided by a product of decays or taken to a logarithm, so that a may be anything, zero included, and the
    gradient keeps the precision of the loop. All three are in one precision, which should be float32 or better.
    """
    if not a.shape[1]:
        return a * b
    return Scan.apply(a, b, start)  # type: ignore[no-any-return, no-untyped-call]


def linear_recurrence(
    keep: Float[Tensor, "batch time size"],
    new: Float[Tensor, "batch time size"],
    start: Float[Tensor, "batch size"],
    lengths: Int[Tensor, " batch"] | None,
) -> tuple[Float[Tensor, "batch time size"], Float[Tensor, "batch size"]]:
    """Every h[t] = keep[t] h[t-1] + new[t], and the one at the end of each row."""
    h = scan(fill_padding(keep, lengths, 1.0), fill_padding(new, lengths, 0.0), start.to(keep.dtype))
    return h, h[:, -1].clone() if h.shape[1] else start  # a view would hold on to the whole sequence


def reference_scan(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """What `scan` is held to."""
    h, every = start, []
    for decay, new in zip(a.unbind(1), b.unbind(1), strict=True):
        h = decay * h + new
        every.append(h)
    return torch.stack(every, dim=1)


class Scan(torch.autograd.Function):
    """The gradient of a scan is a scan from the end: g[t] = dy[t] + a[t+1] g[t+1]."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, start: Tensor) -> Tensor:
        h = run(a, b, start)
        ctx.save_for_backward(a, h, start)
        return h

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, h, start = ctx.saved_tensors
        later = torch.cat([a[:, 1:], torch.zeros_like(a[:, :1])], dim=1)
        into = run(later.flip(1), slope.flip(1), torch.zeros_like(start)).flip(1)
        before = torch.cat([start[:, None], h[:, :-1]], dim=1)
        return into * before, into, a[:, 0] * into[:, 0]


def run(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """The way that is quicker for these sizes; a GPU would wait for each step of the loop to be launched."""
    alone = a.device.type == "cpu" and start.numel() >= WIDE
    return in_order(a, b, start) if alone or a.shape[1] <= BLOCK else in_blocks(a, b, start)


def in_order(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """Step by step, in place, time first so that each step is one piece of memory."""
    out = b.transpose(0, 1).clone(memory_format=torch.contiguous_format)
    h = start
    for decay, now in zip(a.transpose(0, 1).contiguous().unbind(0), out.unbind(0), strict=True):
        now.addcmul_(decay, h)
        h = now
    return out.transpose(0, 1)


class Blocks(NamedTuple):
    a: Float[Tensor, "block batch blocks size"]
    b: Float[Tensor, "block batch blocks size"]


def in_blocks(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """All blocks at once from zero, then what each hands to the next, then that added to every step of it."""
    batch, time, size = a.shape
    blocks = cut(a, b)
    decayed, found = blocks.a, blocks.b
    for t in range(1, BLOCK):
        found[t].addcmul_(decayed[t], found[t - 1])
        decayed[t].mul_(decayed[t - 1])  # what is left after t steps of what came before the block
    before, h = [], start
    for decay, new in zip(decayed[-1].unbind(1), found[-1].unbind(1), strict=True):
        before.append(h)
        h = torch.addcmul(new, decay, h)
    found.addcmul_(decayed, torch.stack(before, dim=1))
    return found.permute(1, 2, 0, 3).reshape(batch, -1, size)[:, :time]


def cut(a: Tensor, b: Tensor) -> Blocks:
    """Copies in blocks, time within a block first; the last one is filled with steps that change nothing."""
    batch, time, size = a.shape
    more = -time % BLOCK
    a = torch.cat([a, a.new_ones(batch, more, size)], dim=1)
    b = torch.cat([b, b.new_zeros(batch, more, size)], dim=1)
    folded = (x.view(batch, -1, BLOCK, size).permute(2, 0, 1, 3) for x in (a, b))
    return Blocks(*(x.clone(memory_format=torch.contiguous_format) for x in folded))
