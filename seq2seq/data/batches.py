"""Batches in a planned order, with a position that training saves and comes back to."""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import torch
from torch.utils.data import DataLoader

from seq2seq.errors import UserError
from seq2seq.ranges import Range

B = TypeVar("B")
Workers: TypeAlias = Annotated[int, Range(0, 1024)]  # processes that read ahead


class Batches(Generic[B]):
    """All batches of one plan, made in order by worker processes; the same at every iteration.

    Args:
        plan: What each batch is made of.
        make: Turns one of these into a batch.
        workers: Processes that make them ahead of time; 0 makes them in this one.
    """

    def __init__(self, plan: Sequence[Any], make: Callable[[Any], B], workers: int = 0) -> None:
        self.plan = plan
        self.make = make
        self.workers = workers

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[B]:
        yield from DataLoader(
            self.plan,  # type: ignore[arg-type]
            batch_size=None,
            collate_fn=self.make,
            num_workers=self.workers,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # or every iteration would draw from the random state of training
            # forked processes share what is in memory and start at once; elsewhere everything is pickled
            multiprocessing_context="fork" if self.workers and sys.platform == "linux" else None,
        )


class ResumableLoader(Generic[B]):
    """Batches of one epoch after the other.

    The position counts batches that were handed out, not those that workers made ahead, so that what is saved after a
    batch continues with the next one. An iteration that ends early is continued by the next one.

    Args:
        plan: What each batch of an epoch is made of; every epoch has equally many.
        make: Turns one of these into a batch, given the epoch.
        workers: Processes that make them ahead of time; 0 makes them in this one.
    """

    def __init__(self, plan: Callable[[int], Sequence[Any]], make: Callable[[int, Any], B], workers: int = 0) -> None:
        self.plan = plan
        self.make = make
        self.workers = workers
        self.epoch = 0
        self.position = 0
        self.planned = 0, plan(0)  # an epoch and its plan
        self.length = len(self.planned[1])

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[B]:
        if self.position >= self.length:
            self.epoch, self.position = self.epoch + 1, 0
        if self.planned[0] != self.epoch:
            self.planned = self.epoch, self.plan(self.epoch)
        rest = self.planned[1][self.position :]
        for batch in Batches(rest, partial(self.make, self.epoch), self.workers):
            self.position += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.epoch, "position": self.position, "length": self.length}

    def load_state_dict(self, state: dict[str, int]) -> None:
        if not all(type(state.get(name)) is int and state[name] >= 0 for name in ("epoch", "position", "length")):
            raise UserError("the checkpoint's place in the corpus must be whole numbers: epoch, position and length")
        if state["length"] != self.length or state["position"] > self.length:
            raise UserError(
                f"the checkpoint's epochs have {state['length']} batches and those of this corpus and configuration "
                f"{self.length}, so this training cannot go on where it stopped"
            )
        self.epoch, self.position = state["epoch"], state["position"]
