"""Transforms through FFTW: aligned buffers and ESTIMATE plans, kept for each thread.

An FFTW plan may be executed by one thread at a time, so every thread has its own. ESTIMATE never
measures, so no call waits for a measurement; it uses wisdom where there is some, as after `fftconv.tune`.

FFTW rounds otherwise on other numbers of threads. So that results do not depend on them, a large transform
is cut into one-axis transforms of slabs, always the same ones, and it is the slabs that threads share.
"""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from fftconv._later import import_without
from fftconv._profile import machine_profile
from fftconv._threads import run_all

# `pyfftw.interfaces`, not used here, imports scipy.fftpack, and dask.array where it is installed: 1.4 s and
# 78 MiB that a first transform need not take.
import_without("pyfftw", "interfaces")
import pyfftw  # noqa: E402

Array = np.ndarray[Any, np.dtype[Any]]
Stage = list[Callable[[], None]]  # transforms that may run at the same time

_KEPT_BYTES = 64 * 2**20  # of buffers, per thread; the workspace in use may be larger
_SLAB_BYTES = 2**20  # about; a transform of fewer bytes than two slabs is not cut


if machine_profile().wisdom and not any(
    pyfftw.import_wisdom(tuple(text.encode() for text in machine_profile().wisdom))
):
    warnings.warn(
        "what the profile knows of FFTW's plans is of another build of FFTW, and not used; `fftconv tune` "
        "finds it anew",
        stacklevel=2,
    )


class _Workspace:
    def __init__(
        self,
        shape: tuple[int, ...],
        axes: tuple[int, ...],
        dtype: np.dtype[Any],
        workers: int,
        seconds: float = 0.0,
    ) -> None:
        self.samples: Array = pyfftw.empty_aligned(shape, dtype)
        spectrum_shape = list(shape)
        if dtype.kind == "f":
            spectrum_shape[axes[-1]] = shape[axes[-1]] // 2 + 1
        self._spectrum: Array = pyfftw.empty_aligned(spectrum_shape, np.result_type(dtype, np.complex64))
        self._workers = workers
        # In the precision of the data: a Python float would cost long double half its digits.
        one = dtype.type(1).real
        self.inverse_scale: Any = one / math.prod(shape[axis] for axis in axes)
        if self.samples.nbytes < 2 * _SLAB_BYTES:
            self._forward = [[_plan(self.samples, self._spectrum, axes, seconds, forward=True)]]
            self._inverse = [[_plan(self._spectrum, self.samples, axes, seconds, forward=False)]]
            return
        *others, last = axes
        spectrum = self._spectrum
        self._forward = [_stage(self.samples, spectrum, last, seconds, forward=True)]
        self._forward += [_stage(spectrum, spectrum, axis, seconds, forward=True) for axis in others]
        self._inverse = [_stage(spectrum, spectrum, axis, seconds, forward=False) for axis in others]
        self._inverse += [_stage(spectrum, self.samples, last, seconds, forward=False)]

    @property
    def nbytes(self) -> int:
        return int(self.samples.nbytes + self._spectrum.nbytes)

    def forward(self) -> Array:
        self._run(self._forward)
        return self._spectrum

    def inverse(self, spectrum: Array) -> Array:
        if spectrum is not self._spectrum:
            self._spectrum[...] = spectrum
        self._run(self._inverse)
        return self.samples

    def _run(self, stages: list[Stage]) -> None:
        for stage in stages:
            run_all(stage, self._workers)


def _plan(
    source: Array, target: Array, axes: tuple[int, ...], seconds: float, *, forward: bool
) -> Callable[[], None]:
    """A plan, for which FFTW may measure so long."""
    flags = ["FFTW_MEASURE" if seconds else "FFTW_ESTIMATE"]
    if not forward:
        flags.append("FFTW_DESTROY_INPUT")
    direction = "FFTW_FORWARD" if forward else "FFTW_BACKWARD"
    limit = seconds or None
    plan = pyfftw.FFTW(
        source,
        target,
        axes=axes,
        direction=direction,
        flags=tuple(flags),
        threads=1,
        planning_timelimit=limit,
    )
    execute: Callable[[], None] = plan.execute
    return execute


def _stage(source: Array, target: Array, axis: int, seconds: float, *, forward: bool) -> Stage:
    """Transforms along one axis, of slabs cut along the longest of the others."""
    lengths = [0 if other == axis else size for other, size in enumerate(target.shape)]
    cut = int(np.argmax(lengths))
    if lengths[cut] < 2:
        return [_plan(source, target, (axis,), seconds, forward=forward)]
    slabs = min(target.nbytes // _SLAB_BYTES, lengths[cut])
    thickness = -(-lengths[cut] // slabs)
    stage = []
    for start in range(0, lengths[cut], thickness):
        slab = (slice(None),) * cut + (slice(start, start + thickness),)
        stage.append(_plan(source[slab], target[slab], (axis,), seconds, forward=forward))
    return stage


def learn(shapes: Iterable[tuple[int, ...]], seconds: float) -> tuple[str, ...]:
    """Let FFTW measure its plans for these shapes, for about so long; its wisdom afterwards."""
    begun = time.perf_counter()
    for shape in shapes:
        for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
            left = seconds - (time.perf_counter() - begun)
            if left > 0:
                _Workspace(shape, tuple(range(len(shape))), dtype, 1, left / 4)
    return tuple(text.decode() for text in pyfftw.export_wisdom())


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
