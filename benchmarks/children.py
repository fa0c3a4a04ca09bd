"""Run work in separate processes, so that its memory and threads are measured in isolation."""

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
def worker_process(setting: Setting) -> Iterator[Call]:
    """Start a process for the duration of the block, and yield a function that calls functions in it."""
    if not setting.separate_processes:
        yield lambda function, *arguments: function(*arguments)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=initialize_worker, initargs=(dict(os.environ),)) as pool:
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


def initialize_worker(environment: dict[str, str]) -> None:
    """Use one thread on one core, without warnings and standard error; exceptions still reach the caller."""
    os.environ.update(environment)
    pin(1)
    warnings.simplefilter("ignore")
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def run_in_process(setting: Setting, function: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a new process and return its result."""
    with worker_process(setting) as call:
        result: T = call(function, *arguments)
        return result
