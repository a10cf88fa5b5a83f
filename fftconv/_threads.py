"""Cores, and threads for large work in Python; those of the native core are its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _pool(workers: int, process: int) -> ThreadPoolExecutor:
    """Threads of this process: a forked child has none of its parent's."""
    from concurrent.futures import ThreadPoolExecutor  # 4 ms that importing fftconv need not take

    return ThreadPoolExecutor(workers, thread_name_prefix="fftconv")


def run_all(tasks: Sequence[Callable[[], T]], workers: int) -> list[T]:
    """Run every task, shared by `workers` threads of which this is one; results in no order."""
    if workers == 1 or len(tasks) == 1:
        return [task() for task in tasks]
    from concurrent.futures import wait

    results: list[T] = []
    remaining = iter(tasks)

    def work() -> None:
        results.extend(task() for task in remaining)

    others = min(workers, len(tasks)) - 1
    futures = [_pool(workers - 1, os.getpid()).submit(work) for _ in range(others)]
    try:
        work()
    finally:
        begun = [future for future in futures if not future.cancel()]  # nothing is left for the others
        wait(begun)
    for future in begun:
        future.result()
    return results
