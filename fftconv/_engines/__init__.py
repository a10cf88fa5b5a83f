"""The engines: each computes the same outputs, at another cost. One engine a file.

An engine takes the signal and the kernel in the dtype to compute in, the checked options and the plan's
schedule, and writes every output into `out`, which is an array of that dtype. This table is the list of
methods; plans, error messages and tests are generated from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fftconv._arguments import Options
from fftconv._engines.direct import convolve_direct
from fftconv._engines.fft import convolve_fft
from fftconv._engines.schedule import Schedule

__all__ = ["ENGINES", "Engine", "Schedule"]

Array = np.ndarray[Any, np.dtype[Any]]
Engine = Callable[[Array, Array, Options, Schedule, Array], None]

ENGINES: dict[str, Engine] = {
    "direct": convolve_direct,
    "fft": convolve_fft,
}
