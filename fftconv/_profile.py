"""What is known of this machine: its cores, and the rates behind every predicted time.

The shipped rates were fitted by `tests/benchmarks/fit_cost_model.py`, which times the engines and
writes the file read here.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fftconv._native import core, level_or_reason

Rates = dict[str, dict[str, dict[str, float]]]

# Machines of other kinds have vectors as wide as this level's.
_LEVEL_OF_UNKNOWN = "x86_64"
SHIPPED = Path(__file__).with_name("default_profile.json")


@dataclass(frozen=True, slots=True)
class Profile:
    """Seconds per unit of work: `rates[code path][dtype][count]`, for one thread.

    `thread_gain` is the part of a second thread's time that counts, in the native core and in transforms:
    w threads are as fast as `1 + thread_gain * (w - 1)`.
    """

    source: str
    thread_gain: dict[str, float]
    rates: Rates


@lru_cache(maxsize=1)
def machine_profile() -> Profile:
    """The profile that plans use: the one shipped with the package, with the rates of the core in use."""
    content: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    rates: Rates = content["rates"]
    if core is not None:
        levels: dict[str, Rates] = content["core"]
        rates = rates | levels.get(level_or_reason, levels[_LEVEL_OF_UNKNOWN])
    return Profile(content["source"], content["thread_gain"], rates)


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
