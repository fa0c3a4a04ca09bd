"""Work in processes of its own, so that its memory and its threads are nobody else's."""

import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from benchmarks.setting import Setting, pin

T = TypeVar("T")
Call: TypeAlias = Callable[..., Any]  # a function and its arguments -> what it returns


@contextmanager
def child(setting: Setting) -> Iterator[Call]:
    """A process that lives as long as the block, and what calls functions in it."""
    if not setting.apart:
        yield lambda function, *arguments: function(*arguments)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=begin, initargs=(dict(os.environ),)) as pool:
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


def begin(environment: dict[str, str]) -> None:
    """One thread on one core, and nothing said: what goes wrong is raised."""
    os.environ.update(environment)
    pin(1)
    warnings.simplefilter("ignore")
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def once(setting: Setting, function: Callable[..., T], *arguments: Any) -> T:
    """What a function returns in a process that does nothing else."""
    with child(setting) as call:
        found: T = call(function, *arguments)
        return found
