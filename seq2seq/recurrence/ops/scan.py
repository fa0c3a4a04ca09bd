"""Elementwise linear recurrence h[t] = a[t] h[t-1] + b[t]: a sequential scan, and one in parallel blocks."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.recurrence.ops.padding import fill_padding

BLOCK_STEPS = 32
MIN_SEQUENTIAL_ELEMENTS = 2048  # of a step, from which a sequential scan keeps one core busy


def scan(
    a: Float[Tensor, "batch time size"], b: Float[Tensor, "batch time size"], initial: Float[Tensor, "batch size"]
) -> Float[Tensor, "batch time size"]:
    """Return every h[t] = a[t] h[t-1] + b[t], with h[-1] = initial.

    There are no divisions by products of decays and no logarithms, so that `a` may have any value, zero included, and
    the gradient is as precise as the loop's. All three have one dtype, which should be float32 or better.
    """
    if not a.shape[1]:
        return a * b
    return Scan.apply(a, b, initial)  # type: ignore[no-any-return, no-untyped-call]


def linear_recurrence(
    decay: Float[Tensor, "batch time size"],
    update: Float[Tensor, "batch time size"],
    initial: Float[Tensor, "batch size"],
    lengths: Int[Tensor, " batch"] | None,
) -> tuple[Float[Tensor, "batch time size"], Float[Tensor, "batch size"]]:
    """Return every h[t] = decay[t] h[t-1] + update[t], and the last one of each row."""
    h = scan(fill_padding(decay, lengths, 1.0), fill_padding(update, lengths, 0.0), initial.to(decay.dtype))
    return h, h[:, -1].clone() if h.shape[1] else initial  # a view would keep the whole sequence in memory


def reference_scan(a: Tensor, b: Tensor, initial: Tensor) -> Tensor:
    """The plain loop, to which tests compare `scan`."""
    h, outputs = initial, []
    for decay, update in zip(a.unbind(1), b.unbind(1), strict=True):
        h = decay * h + update
        outputs.append(h)
    return torch.stack(outputs, dim=1)


class Scan(torch.autograd.Function):
    """A scan, whose gradient is a scan in reverse: g[t] = dy[t] + a[t+1] g[t+1]."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, initial: Tensor) -> Tensor:
        h = fastest_scan(a, b, initial)
        ctx.save_for_backward(a, h, initial)
        return h

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, h, initial = ctx.saved_tensors
        next_a = torch.cat([a[:, 1:], torch.zeros_like(a[:, :1])], dim=1)
        h_grad = fastest_scan(next_a.flip(1), grad.flip(1), torch.zeros_like(initial)).flip(1)
        previous_h = torch.cat([initial[:, None], h[:, :-1]], dim=1)
        return h_grad * previous_h, h_grad, a[:, 0] * h_grad[:, 0]


def fastest_scan(a: Tensor, b: Tensor, initial: Tensor) -> Tensor:
    """Scan in the way that is faster for these sizes; a GPU would spend its time on a launch for each step."""
    sequential = a.device.type == "cpu" and initial.numel() >= MIN_SEQUENTIAL_ELEMENTS
    return sequential_scan(a, b, initial) if sequential or a.shape[1] <= BLOCK_STEPS else blocked_scan(a, b, initial)


def sequential_scan(a: Tensor, b: Tensor, initial: Tensor) -> Tensor:
    """Scan step by step, in place, with time as the first axis so that each step is contiguous."""
    out = b.transpose(0, 1).clone(memory_format=torch.contiguous_format)
    h = initial
    for decay, h_t in zip(a.transpose(0, 1).contiguous().unbind(0), out.unbind(0), strict=True):
        h_t.addcmul_(decay, h)
        h = h_t
    return out.transpose(0, 1)


class Blocks(NamedTuple):
    a: Float[Tensor, "block batch blocks size"]
    b: Float[Tensor, "block batch blocks size"]


def blocked_scan(a: Tensor, b: Tensor, initial: Tensor) -> Tensor:
    """Scan all blocks in parallel from zero, then compute the state before each block and add it to its steps."""
    batch, time, size = a.shape
    blocks = split_blocks(a, b)
    decays, h = blocks.a, blocks.b
    for t in range(1, BLOCK_STEPS):
        h[t].addcmul_(decays[t], h[t - 1])
        decays[t].mul_(decays[t - 1])  # the decay from the block's start up to step t
    initials, block_initial = [], initial
    for decay, update in zip(decays[-1].unbind(1), h[-1].unbind(1), strict=True):
        initials.append(block_initial)
        block_initial = torch.addcmul(update, decay, block_initial)
    h.addcmul_(decays, torch.stack(initials, dim=1))
    return h.permute(1, 2, 0, 3).reshape(batch, -1, size)[:, :time]


def split_blocks(a: Tensor, b: Tensor) -> Blocks:
    """Copy into blocks, with time within a block as the first axis; the last block is padded with a = 1, b = 0."""
    batch, time, size = a.shape
    padding = -time % BLOCK_STEPS
    a = torch.cat([a, a.new_ones(batch, padding, size)], dim=1)
    b = torch.cat([b, b.new_zeros(batch, padding, size)], dim=1)
    views = (x.view(batch, -1, BLOCK_STEPS, size).permute(2, 0, 1, 3) for x in (a, b))
    return Blocks(*(x.clone(memory_format=torch.contiguous_format) for x in views))
