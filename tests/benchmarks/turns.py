"""How everything here is timed: runners in turns, so that a slow moment of the machine hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_TURN_SECONDS = 1e-3  # of short runs, which are repeated to be as long
_SECONDS = 1.0  # after which no more turns are taken than the least
_LEAST = 5
# What a process says of the most memory that it has had, in kibibytes.
PEAK = "print(*(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))"


def median_seconds(
    runners: Mapping[str, Callable[[], Any]], rounds: int, least: int = _LEAST
) -> dict[str, float]:
    """Median seconds of one run of each, in at most so many rounds; of long runs, `least`."""
    repeats = {}
    for name, run in runners.items():
        run()  # plans, imports and first touches of memory do not count
        begun = time.perf_counter()
        run()
        repeats[name] = max(1, int(_TURN_SECONDS / (time.perf_counter() - begun)))
    times: dict[str, list[float]] = {name: [] for name in runners}
    begun = time.perf_counter()
    done = 0
    while done < least or (done < rounds and time.perf_counter() - begun < _SECONDS):
        for name, run in runners.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                run()
            times[name].append((time.perf_counter() - start) / repeats[name])
        done += 1
    return {name: float(np.median(taken)) for name, taken in times.items()}
