"""The output layer and its cross-entropy together, in pieces, so that all logits never stand in memory at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from seq2seq.nn.upcast import upcast
from seq2seq.special_tokens import PAD

CHUNK = 1 << 22  # logits computed at once in training
ROWS = 256  # words scored at once


class Loss(NamedTuple):
    """Sums over the tokens asked for."""

    smoothed: Float[Tensor, ""]  # what is trained on
    nats: Float[Tensor, ""]  # negative log-likelihood, without label smoothing and without gradient
    tokens: Int[Tensor, ""]


def cross_entropy(
    features: Float[Tensor, "batch time size"],
    weight: Float[Tensor, "vocab size"],
    bias: Float[Tensor, " vocab"],
    targets: Int[Tensor, "batch time"],
    smoothing: float = 0.0,
) -> Loss:
    """Cross-entropy of the output layer `features @ weight.T + bias`, summed over the targets that are not PAD.

    Features beside a target of PAD may be anything, not even finite.

    Label smoothing gives `smoothing` of each target's probability to all words alike (Szegedy et al., 2016, section 7).
    Gradients are computed with the loss, chunk by chunk, so it is for training only; logits live in the autocast type,
    the softmax in float32 or better.
    """
    rows, wanted = features.flatten(0, 1), targets.flatten()
    kind, padded = features.device.type, keeps_padding(features.device)
    if padded:
        rows = rows.masked_fill((wanted == PAD)[:, None], 0.0)
    else:
        asked = (wanted != PAD).nonzero().squeeze(1)
        rows, wanted = rows.index_select(0, asked), wanted.index_select(0, asked)
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
    smoothed, nats = ChunkedCrossEntropy.apply(  # type: ignore[no-untyped-call]
        rows.to(dtype), weight, bias, wanted, smoothing, dtype, padded
    )
    return Loss(smoothed, nats, (targets != PAD).sum())


def token_nats(
    features: Float[Tensor, "batch time size"],
    output: Callable[[Tensor], Tensor],
    targets: Int[Tensor, "batch time"],
) -> Float[Tensor, "batch time"]:
    """Negative log-probability of every target, and 0 where it is PAD.

    Args:
        features: What the output layer reads.
        output: The output layer, from features to a logit for each word.
        targets: The words that were to come.
    """
    rows, wanted = features.flatten(0, 1), targets.flatten()
    nats = upcast(rows.new_zeros(len(wanted)))
    # weights of half precision, as of trainer.precision bf16-true, read nothing finer
    half = isinstance(output, nn.Linear) and output.weight.dtype == rows.dtype
    for part in wanted.nonzero().squeeze(1).split(ROWS):
        read = rows[part] if half else upcast(rows[part])
        nats[part] = F.cross_entropy(upcast(output(read)), wanted[part], reduction="none")
    return nats.view_as(targets)


def keeps_padding(device: torch.device) -> bool:
    """Whether padding is computed and thrown away: a GPU would have to be waited for to say how much there is."""
    return device.type != "cpu"


class ChunkedCrossEntropy(torch.autograd.Function):
    """Sum of the smoothed loss, and of the plain one, over all rows; with `padded`, over those that want a word."""

    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        weight: Tensor,
        bias: Tensor,
        wanted: Tensor,
        smoothing: float,
        dtype: torch.dtype,
        padded: bool,
    ) -> tuple[Tensor, Tensor]:
        with torch.autocast(rows.device.type, enabled=False):
            table = weight.to(dtype)
            words = len(weight)
            gradient_rows = torch.empty_like(rows)
            gradient_weight = torch.zeros_like(weight)
            gradient_bias = torch.zeros_like(bias)
            smoothed = nats = upcast(rows.new_zeros(()))
            step = max(1, CHUNK // words)
            for part, goal, slope in zip(rows.split(step), wanted.split(step), gradient_rows.split(step), strict=True):
                logits = upcast(torch.addmm(bias.to(dtype), part, table.t()))
                error = logits.softmax(dim=1)  # becomes softmax minus the smoothed target
                # the sum of exponentials, from the likeliest word, whose probability is never too small to tell
                level = logits.amax(dim=1) - error.amax(dim=1).log_()
                real = (goal != PAD).to(level.dtype) if padded else torch.ones_like(level)
                nll = (real * (level - logits.gather(1, goal[:, None]).squeeze(1))).sum()
                nats = nats + nll
                smoothed = smoothed + (1 - smoothing) * nll
                if smoothing:
                    smoothed = smoothed + smoothing * (real * (level - logits.mean(dim=1))).sum()
                    error.sub_(smoothing / words)
                error.scatter_add_(1, goal[:, None], error.new_full((len(goal), 1), smoothing - 1))
                if padded:
                    error.mul_(real[:, None])
                gradient_bias += error.sum(dim=0)
                error = error.to(dtype)
                torch.mm(error, table, out=slope)
                if dtype == weight.dtype:
                    gradient_weight.addmm_(error.t(), part)
                else:
                    gradient_weight += error.t() @ part
        ctx.save_for_backward(gradient_rows, gradient_weight, gradient_bias)
        ctx.mark_non_differentiable(nats)
        return smoothed, nats

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight, bias = ctx.saved_tensors
        return rows * scale.to(rows.dtype), weight * scale, bias * scale, None, None, None, None
