"""CUDA graphs for decoding steps, whose kernel launches take longer than their computation."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from seq2seq.search.problem import Step
from seq2seq.state import S, flatten, map_state

Capture = Callable[[Callable[[], Tensor]], tuple[Callable[[], Any], Tensor]]  # function -> (replay, its result)


def capture_cuda_graph(function: Callable[[], Tensor]) -> tuple[Callable[[], Any], Tensor]:
    """Capture a function as a CUDA graph; it must always use the same memory."""
    side_stream = torch.cuda.Stream()
    side_stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side_stream):  # warm-up: what libraries set up in their first calls must not be captured
        for _ in range(3):
            function()
    torch.cuda.current_stream().wait_stream(side_stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = function()
    return graph.replay, result


def graphed_step(
    step: Step[S], tokens: Int[Tensor, " rows"], state: S, capture: Capture = capture_cuda_graph
) -> Step[S]:
    """Return the same step for one sequence of calls, captured as a CUDA graph on static tensors.

    The state returned must be passed to the next call; logits and state are overwritten by it.

    Args:
        step: The step to capture; its state must have static shapes.
        tokens: The first tokens.
        state: The first state.
        capture: Captures a function and returns its replay and its result.
    """
    static_tokens, static_state = tokens.clone(), map_state(Tensor.clone, state)

    def update() -> Tensor:
        logits, next_state = step(static_tokens, static_state)
        for old, new in zip(flatten(static_state), flatten(next_state), strict=True):
            old.copy_(new)
        return logits

    replay, logits = capture(update)
    for current, first in zip(flatten(static_state), flatten(state), strict=True):
        current.copy_(first)  # capturing has advanced it

    def replayed_step(tokens: Int[Tensor, " rows"], _: S) -> tuple[Tensor, S]:
        static_tokens.copy_(tokens)
        replay()
        return logits, static_state

    return replayed_step


def has_static_shapes(step: Step[S], tokens: Int[Tensor, " rows"], state: S) -> bool:
    """Return whether a step leaves the shapes of the state unchanged; attention's state grows."""
    _, next_state = step(tokens, state)
    return [part.shape for part in flatten(state)] == [part.shape for part in flatten(next_state)]
