"""Transforms through FFTW: aligned buffers and ESTIMATE plans, kept for each thread.

An FFTW plan may be executed by one thread at a time, so every thread has its own. ESTIMATE never
measures, so no call waits for a measurement; it uses wisdom where there is some.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
import pyfftw

_KEPT_BYTES = 64 * 2**20  # of buffers, per thread; the workspace in use may be larger


class _Workspace:
    def __init__(
        self, shape: tuple[int, ...], axes: tuple[int, ...], dtype: np.dtype[Any], workers: int
    ) -> None:
        self.samples: np.ndarray[Any, Any] = pyfftw.empty_aligned(shape, dtype)
        spectrum_shape = list(shape)
        if dtype.kind == "f":
            spectrum_shape[axes[-1]] = shape[axes[-1]] // 2 + 1
        self._spectrum: np.ndarray[Any, Any] = pyfftw.empty_aligned(
            spectrum_shape, np.result_type(dtype, np.complex64)
        )
        options = {"axes": axes, "threads": workers}
        flags = ("FFTW_ESTIMATE", "FFTW_DESTROY_INPUT")
        self._forward = pyfftw.FFTW(self.samples, self._spectrum, flags=("FFTW_ESTIMATE",), **options)
        self._inverse = pyfftw.FFTW(
            self._spectrum, self.samples, direction="FFTW_BACKWARD", flags=flags, **options
        )
        # In the precision of the data: a Python float would cost long double half its digits.
        one = dtype.type(1).real
        self.inverse_scale: Any = one / math.prod(shape[axis] for axis in axes)

    @property
    def nbytes(self) -> int:
        return int(self.samples.nbytes + self._spectrum.nbytes)

    def forward(self) -> np.ndarray[Any, Any]:
        self._forward.execute()
        return self._spectrum

    def inverse(self, spectrum: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if spectrum is not self._spectrum:
            self._spectrum[...] = spectrum
        self._inverse.execute()
        return self.samples


class _Kept(threading.local):
    """The thread's workspaces, least recently used first."""

    def __init__(self) -> None:
        self.workspaces: OrderedDict[tuple[Any, ...], _Workspace] = OrderedDict()


_kept = _Kept()


def workspace(
    shape: tuple[int, ...], axes: tuple[int, ...], dtype: np.dtype[Any], workers: int
) -> _Workspace:
    """The thread's workspace for these transforms, planned when first asked for."""
    kept = _kept.workspaces
    key = (shape, axes, dtype.char, workers)
    if key in kept:
        kept.move_to_end(key)
        return kept[key]
    made = _Workspace(shape, axes, dtype, workers)
    if made.nbytes <= _KEPT_BYTES:
        kept[key] = made
        while sum(item.nbytes for item in kept.values()) > _KEPT_BYTES:
            kept.popitem(last=False)
    return made
