"""The engines: each computes the same outputs, at another cost. One engine a file.

An engine takes the kernel, the checked options and the plan's schedule, and returns what takes a signal and
`out`, into which it writes every output; that may be called as often as there are signals. The kernel is in
the dtype of the arithmetic; so are signal and `out`, unless the engine's path is one of the native core,
which converts on the way in and out. False if the result is not yet that of the definition, because a NaN,
an infinity or an overflow has spread.

The tables are the list of methods; plans, error messages and tests are generated from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fftconv._arguments import Options
from fftconv._engines import core, direct, fft, overlap_save, running_sum, separable
from fftconv._engines.schedule import Convolver, Schedule

__all__ = [
    "DEFINITIONS",
    "ENGINES",
    "FAMILIES",
    "PATHS",
    "TRANSFORMS",
    "Convolver",
    "Engine",
    "Schedule",
    "add_up",
    "reads",
    "row_period",
    "writes",
]

Array = np.ndarray[Any, np.dtype[Any]]
Engine = Callable[[Array, Options, Schedule], Convolver]

ENGINES: dict[str, Engine] = {
    "direct": direct.prepare,
    "separable": separable.prepare,
    "running_sum": running_sum.prepare,
    "overlap_save": overlap_save.prepare,
    "fft": fft.prepare,
}
DEFINITIONS = ("direct", "running_sum")  # multiply and add nothing but what the definition does
TRANSFORMS = ("overlap_save", "fft")  # multiply spectra
FAMILIES = ("separable", "running_sum")  # take some kernels only, and one for all slices
# The code path that an engine takes for a problem, by options and dtype of the arithmetic.
PATHS: dict[str, Callable[[Options, np.dtype[Any]], str]] = {
    "direct": direct.path,
    "separable": separable.path,
    "running_sum": running_sum.path,
    "overlap_save": overlap_save.path,
    "fft": fft.path,
}

# After how many outputs along the first axis an engine begins anew, so that those which follow come out the
# same, to the last bit, if the work is cut there.
_ROW_PERIODS: dict[str, Callable[[Options, Schedule], int]] = {
    "direct": lambda options, schedule: 1,
    "separable": lambda options, schedule: 1,
    "running_sum": lambda options, schedule: options.geometry.windows[0].taps,
    "overlap_save": overlap_save.row_period,
    "fft": lambda options, schedule: options.geometry.windows[0].outputs,
}


def row_period(method: str, options: Options, schedule: Schedule) -> int:
    """The period of an engine; all outputs, if it cannot cut them."""
    return _ROW_PERIODS[method](options, schedule)


def add_up(signal: Array, kernel: Array, options: Options) -> Array:
    """The sum of the definition, term by term, in the dtype of the signal."""
    out = np.empty(options.geometry.output_shape, signal.dtype)
    ENGINES["direct"](kernel, options, Schedule())(signal, out)
    return out


def reads(path: str, signal: np.dtype[Any], arithmetic: np.dtype[Any]) -> bool:
    """Whether an engine on this path takes the signal in this dtype."""
    if signal == arithmetic:  # and so native
        return True
    return path.endswith("core") and core.can_read(signal, arithmetic)


def writes(path: str, out: np.dtype[Any], arithmetic: np.dtype[Any]) -> bool:
    """Whether an engine on this path delivers this dtype, rounded and saturated where it is of integers."""
    if out == arithmetic:
        return True
    return path.endswith("core") and core.can_write(out, arithmetic)
