"""Checks of single values that a caller passed; `_arguments` reads arrays, and what goes with them."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

_MOST_WORKERS = 1024


def check_workers(workers: Any) -> None:
    """A number of threads, or None."""
    if workers is not None and (
        isinstance(workers, bool)
        or not isinstance(workers, (int, np.integer))
        or not 1 <= workers <= _MOST_WORKERS
    ):
        raise ValueError(f"workers={workers!r} is not accepted; pass 1 to {_MOST_WORKERS} threads, or None")


def check_choice(name: str, value: Any, accepted: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in accepted:
        raise ValueError(
            f"{name}={value!r} is not accepted; choose one of "
            + ", ".join(repr(choice) for choice in accepted)
        )


def check_finite(name: str, value: Any) -> float:
    """A finite real number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}={value!r} is not accepted; pass a number")
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond all floats
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name}={value!r} is not accepted; pass a finite number")
    return number


def check_count(name: str, value: Any, least: int | None = 1) -> int:
    """A whole number, from `least` on if there is such a number."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}={value!r} is not accepted; pass a whole number")
    if least is not None and value < least:
        raise ValueError(f"{name}={value!r} is not accepted; pass a whole number from {least}")
    return int(value)


def read_integers(name: str, value: Any, accepted: str) -> tuple[int, ...]:
    """A whole number or a sequence of them, as a tuple."""
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        values = value if isinstance(value, Sequence) or np.ndim(value) else (value,)
        if any(isinstance(item, (bool, np.bool_)) for item in values):
            raise TypeError
        return tuple(operator.index(item) for item in values)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not accepted; pass {accepted}") from None


def read_steps(name: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """A whole number for each of so many axes; one number is for all."""
    if type(value) is int and value >= least:  # by far the most calls
        return (value,) * count
    accepted = f"a whole number from {least}, or a tuple of {count}, one for each axis"
    steps = read_integers(name, value, accepted)
    if len(steps) == 1:
        steps *= count
    if len(steps) != count or min(steps, default=least) < least:
        raise ValueError(f"{name}={value!r} is not accepted; pass {accepted}")
    return steps
