"""Loaders that yield batches in a planned order and resume at a saved position."""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import torch
from torch.utils.data import DataLoader

from seq2seq.errors import UserError
from seq2seq.ranges import Range

B = TypeVar("B")
Workers: TypeAlias = Annotated[int, Range(0, 1024)]  # worker processes that prefetch batches


def rank_share(rank: int, world_size: int) -> slice:
    """Return the part of a global batch that is a rank's: every `world_size`-th row."""
    return slice(rank, None, world_size)


class BatchLoader(Generic[B]):
    """Load the batches of a plan in order, with worker processes; every iteration yields the same batches.

    Args:
        plan: One entry per batch.
        make_batch: Turns an entry of the plan into a batch.
        workers: Number of worker processes; 0 makes the batches in this process.
    """

    def __init__(self, plan: Sequence[Any], make_batch: Callable[[Any], B], workers: int = 0) -> None:
        self.plan = plan
        self.make_batch = make_batch
        self.workers = workers

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[B]:
        yield from DataLoader(
            self.plan,  # type: ignore[arg-type]
            batch_size=None,
            collate_fn=self.make_batch,
            num_workers=self.workers,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # or every iteration would draw from the global random state
            # forked workers share memory and start at once; other platforms pickle the data set
            multiprocessing_context="fork" if self.workers and sys.platform == "linux" else None,
        )


class ResumableBatchLoader(Generic[B]):
    """Load the batches of one epoch per iteration, and resume at a saved position.

    The position counts the batches that were yielded, not those that workers prefetched, so training resumed from a
    saved position continues with the next batch. An iteration that stops early is continued by the next iteration.

    Args:
        plan_epoch: Returns the plan of an epoch, one entry per batch; every epoch has the same number of batches.
        make_batch: Turns the epoch and an entry of its plan into a batch.
        workers: Number of worker processes; 0 makes the batches in this process.
    """

    def __init__(
        self, plan_epoch: Callable[[int], Sequence[Any]], make_batch: Callable[[int, Any], B], workers: int = 0
    ) -> None:
        self.plan_epoch = plan_epoch
        self.make_batch = make_batch
        self.workers = workers
        self.epoch = 0
        self.position = 0
        self._planned_epoch, self._plan = 0, plan_epoch(0)
        self.length = len(self._plan)

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[B]:
        if self.position >= self.length:
            self.epoch, self.position = self.epoch + 1, 0
        if self._planned_epoch != self.epoch:
            self._planned_epoch, self._plan = self.epoch, self.plan_epoch(self.epoch)
        remaining = self._plan[self.position :]
        for batch in BatchLoader(remaining, partial(self.make_batch, self.epoch), self.workers):
            self.position += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.epoch, "position": self.position, "length": self.length}

    def load_state_dict(self, state: dict[str, int]) -> None:
        if not all(type(state.get(name)) is int and state[name] >= 0 for name in ("epoch", "position", "length")):
            raise UserError("the checkpoint's data position must be whole numbers: epoch, position and length")
        if state["length"] != self.length or state["position"] > self.length:
            raise UserError(
                f"cannot resume: an epoch has {state['length']} batches in the checkpoint, but {self.length} with this "
                f"corpus and configuration"
            )
        self.epoch, self.position = state["epoch"], state["position"]
