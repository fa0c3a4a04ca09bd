"""The output layer and its cross-entropy together, in chunks, so that the logits are never all in memory at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from seq2seq.nn.mixed_precision import upcast
from seq2seq.special_tokens import PAD

CHUNK_LOGITS = 1 << 22  # computed at once in training
CHUNK_TOKENS = 256  # scored at once


class Loss(NamedTuple):
    """Sums over the targets that are not PAD."""

    smoothed: Float[Tensor, ""]  # with label smoothing: the training loss
    nats: Float[Tensor, ""]  # negative log-likelihood, without label smoothing and without gradient
    tokens: Int[Tensor, ""]


def cross_entropy(
    features: Float[Tensor, "batch time size"],
    weight: Float[Tensor, "vocab size"],
    bias: Float[Tensor, " vocab"],
    targets: Int[Tensor, "batch time"],
    smoothing: float = 0.0,
) -> Loss:
    """Compute the cross-entropy of the output layer `features @ weight.T + bias`, summed over targets other than PAD.

    Features where the target is PAD may be anything, not even finite.

    Label smoothing spreads `smoothing` of each target's probability over all tokens alike (Szegedy et al., 2016,
    section 7). Gradients are computed with the loss, chunk by chunk, so it is for training only. Logits are in the
    autocast type, the softmax in float32 or better.
    """
    features, target = features.flatten(0, 1), targets.flatten()
    device_type, padded = features.device.type, computes_padding(features.device)
    if padded:
        features = features.masked_fill((target == PAD)[:, None], 0.0)
    else:
        positions = (target != PAD).nonzero().squeeze(1)
        features, target = features.index_select(0, positions), target.index_select(0, positions)
    dtype = torch.get_autocast_dtype(device_type) if torch.is_autocast_enabled(device_type) else weight.dtype
    smoothed, nats = ChunkedCrossEntropy.apply(  # type: ignore[no-untyped-call]
        features.to(dtype), weight, bias, target, smoothing, dtype, padded
    )
    return Loss(smoothed, nats, (targets != PAD).sum())


def token_nats(
    features: Float[Tensor, "batch time size"],
    output: Callable[[Tensor], Tensor],
    targets: Int[Tensor, "batch time"],
) -> Float[Tensor, "batch time"]:
    """Return the negative log-probability of every target in nats, and 0 where it is PAD.

    Args:
        features: Input of the output layer.
        output: The output layer, from features to one logit per token of the vocabulary.
        targets: The target tokens.
    """
    features, target = features.flatten(0, 1), targets.flatten()
    nats = upcast(features.new_zeros(len(target)))
    # weights of half precision, as with trainer.precision bf16-true, accept no other input type
    half = isinstance(output, nn.Linear) and output.weight.dtype == features.dtype
    for positions in target.nonzero().squeeze(1).split(CHUNK_TOKENS):
        chunk = features[positions] if half else upcast(features[positions])
        nats[positions] = F.cross_entropy(upcast(output(chunk)), target[positions], reduction="none")
    return nats.view_as(targets)


def nll_loss(
    log_probabilities: Float[Tensor, "batch time vocab"], targets: Int[Tensor, "batch time"], smoothing: float
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the negative log-likelihood with and without label smoothing, summed over targets other than PAD."""
    mask = targets != PAD
    nats = -log_probabilities.gather(2, targets[..., None]).squeeze(2).masked_fill(~mask, 0.0).sum()
    if not smoothing:
        return nats, nats
    uniform = -log_probabilities.mean(dim=2).masked_fill(~mask, 0.0).sum()
    return (1 - smoothing) * nats + smoothing * uniform, nats


def computes_padding(device: torch.device) -> bool:
    """Return whether padding is computed and discarded: on a GPU, counting it would wait for the device."""
    return device.type != "cpu"


class ChunkedCrossEntropy(torch.autograd.Function):
    """Sums of the smoothed and the plain loss over all rows; with `padded`, over those whose target is not PAD."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        smoothing: float,
        dtype: torch.dtype,
        padded: bool,
    ) -> tuple[Tensor, Tensor]:
        with torch.autocast(features.device.type, enabled=False):
            cast_weight = weight.to(dtype)
            vocab_size = len(weight)
            grad_features = torch.empty_like(features)
            grad_weight = torch.zeros_like(weight)
            grad_bias = torch.zeros_like(bias)
            smoothed = nats = upcast(features.new_zeros(()))
            rows = max(1, CHUNK_LOGITS // vocab_size)
            for chunk, target, grad_chunk in zip(
                features.split(rows), targets.split(rows), grad_features.split(rows), strict=True
            ):
                logits = upcast(torch.addmm(bias.to(dtype), chunk, cast_weight.t()))
                grad_logits = logits.softmax(dim=1)  # the smoothed target is subtracted below
                # from the most likely token, whose probability never underflows
                logsumexp = logits.amax(dim=1) - grad_logits.amax(dim=1).log_()
                mask = (target != PAD).to(logsumexp.dtype) if padded else torch.ones_like(logsumexp)
                nll = (mask * (logsumexp - logits.gather(1, target[:, None]).squeeze(1))).sum()
                nats = nats + nll
                smoothed = smoothed + (1 - smoothing) * nll
                if smoothing:
                    smoothed = smoothed + smoothing * (mask * (logsumexp - logits.mean(dim=1))).sum()
                    grad_logits.sub_(smoothing / vocab_size)
                grad_logits.scatter_add_(1, target[:, None], grad_logits.new_full((len(target), 1), smoothing - 1))
                if padded:
                    grad_logits.mul_(mask[:, None])
                grad_bias += grad_logits.sum(dim=0)
                grad_logits = grad_logits.to(dtype)
                torch.mm(grad_logits, cast_weight, out=grad_chunk)
                if dtype == weight.dtype:
                    grad_weight.addmm_(grad_logits.t(), chunk)
                else:
                    grad_weight += grad_logits.t() @ chunk
        ctx.save_for_backward(grad_features, grad_weight, grad_bias)
        ctx.mark_non_differentiable(nats)
        return smoothed, nats

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_loss: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, bias = ctx.saved_tensors
        return features * grad_loss.to(features.dtype), weight * grad_loss, bias * grad_loss, None, None, None, None
