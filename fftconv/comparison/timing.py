"""Times of functions, taken in turns, so that a slow moment of the machine hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_TURN_SECONDS = 2e-3  # of short runs, which are repeated to be as long
_MOST_REPEATS = 1000
_SECONDS, _LEAST_TURNS = 1.5, 3  # of long runs: about so long, but so often


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one call: the median of several turns, and the quartiles around it."""

    median: float
    lower: float
    upper: float

    @property
    def spread(self) -> float:
        """Half of the distance between the quartiles, over the median."""
        return (self.upper - self.lower) / 2 / self.median


def time_in_turns(runners: Mapping[str, Callable[[], Any]], turns: int) -> dict[str, Timing]:
    """So many turns of each, fewer of long ones, after a call for plans, imports and first touches."""
    repeats, wanted = {}, {}
    for name, run in runners.items():
        run()
        begun = time.perf_counter()
        run()
        taken = time.perf_counter() - begun
        repeats[name] = min(max(1, int(_TURN_SECONDS / max(taken, 1e-9))), _MOST_REPEATS)
        wanted[name] = min(turns, max(_LEAST_TURNS, int(_SECONDS / max(taken, 1e-9))))
    times: dict[str, list[float]] = {name: [] for name in runners}
    for turn in range(turns):
        for name, run in runners.items():
            if turn >= wanted[name]:
                continue
            begun = time.perf_counter()
            for _ in range(repeats[name]):
                run()
            times[name].append((time.perf_counter() - begun) / repeats[name])
    return {
        name: Timing(*(float(part) for part in np.quantile(taken, (0.5, 0.25, 0.75))))
        for name, taken in times.items()
    }
