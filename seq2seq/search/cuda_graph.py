"""A step whose kernels are launched all at once, for GPUs that wait longer for a launch than for its work."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from seq2seq.search.problem import Step
from seq2seq.state import S, flatten, map_state

Record = Callable[[Callable[[], Tensor]], tuple[Callable[[], Any], Tensor]]  # a function -> run it again, its result


def cuda_graph(once: Callable[[], Tensor]) -> tuple[Callable[[], Any], Tensor]:
    """Record what a function launches on a GPU (CUDA graphs); it must always touch the same memory."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # what libraries set up in their first calls must not be recorded
        for _ in range(3):
            once()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = once()
    return graph.replay, result


def replayed(step: Step[S], tokens: Int[Tensor, " rows"], state: S, record: Record = cuda_graph) -> Step[S]:
    """The same step for one sequence of calls, which always reads and writes one piece of memory.

    The state that comes out is to go into the next call, and nothing else; the logits last until then.

    Args:
        step: What is recorded; its state must keep its size.
        tokens: The first tokens.
        state: The first state.
        record: What records and runs again.
    """
    given, kept = tokens.clone(), map_state(Tensor.clone, state)

    def once() -> Tensor:
        logits, after = step(given, kept)
        for old, new in zip(flatten(kept), flatten(after), strict=True):
            old.copy_(new)
        return logits

    run, logits = record(once)
    for old, first in zip(flatten(kept), flatten(state), strict=True):
        old.copy_(first)  # recording has moved it on

    def again(now: Int[Tensor, " rows"], _: S) -> tuple[Tensor, S]:
        given.copy_(now)
        run()
        return logits, kept

    return again


def keeps_its_size(step: Step[S], tokens: Int[Tensor, " rows"], state: S) -> bool:
    """Whether a state has the same sizes after a step, as attention's has not, or not yet."""
    _, after = step(tokens, state)
    return [part.shape for part in flatten(state)] == [part.shape for part in flatten(after)]
