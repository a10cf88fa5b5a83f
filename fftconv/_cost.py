"""Predicted seconds and bytes of every engine: counts of work times this machine's rates.

For each engine a function counts what it will do. `tests/benchmarks/fit_cost_model.py` fits one rate to
each count and dtype from measured times; a prediction is the sum of count times rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fftconv._arguments import Options
from fftconv._engines import direct
from fftconv._engines.schedule import Schedule
from fftconv._profile import Profile

DType = np.dtype[Any]

_CACHE_BYTES = 2**21  # a transform whose buffers are larger runs at the speed of the memory
# np.convolve has loops of its own for kernels up to the first length, and calls BLAS for each output beyond
# it, where up to about the second length the call costs more than the products.
_SHORT_TAPS, _MEDIUM_TAPS = 11, 160
_NAMES = {
    "f": "float32",
    "d": "float64",
    "g": "longdouble",
    "F": "complex64",
    "D": "complex128",
    "G": "clongdouble",
    "O": "object",
}


@dataclass(frozen=True, slots=True)
class Work:
    """What one engine would do: counts by name, under the name of the code path they belong to."""

    path: str
    counts: dict[str, float]
    bytes: int


def rate_key(dtype: DType) -> str:
    """The dtype's name in a profile, the same on every platform."""
    return _NAMES.get(dtype.char, "int64")


def _direct_work(options: Options, dtype: DType, schedule: Schedule) -> Work:
    del schedule
    geometry = options.geometry
    outputs, taps = geometry.outputs, geometry.taps
    path = direct.path(options, dtype)
    copied = 0
    if geometry.extended_shape != geometry.signal_shape and (
        options.boundary != "zero" or path == "direct rows"
    ):
        copied = math.prod(geometry.extended_shape)
    counts = {"call": 1.0, "extension": float(copied > 0), "copied": float(copied)}
    if path == "direct line":
        length = "short" if taps <= _SHORT_TAPS else "medium" if taps <= _MEDIUM_TAPS else "long"
        counts[f"output {length}"] = float(outputs)
        counts[f"product {length}"] = float(outputs * taps)
        copied += outputs  # np.convolve's own result
    elif path == "direct rows":
        rows, columns = geometry.windows[-2:]
        row = math.prod(geometry.extended_shape[geometry.axes[-1] :])
        band = direct.band_height(columns.taps * row * dtype.itemsize)
        planes = outputs // (rows.outputs * math.prod(geometry.output_shape[geometry.axes[-1] :]))
        outer = taps // (rows.taps * columns.taps)
        counts["product"] = float(outputs * taps)
        counts["addition"] = float(outputs * outer * columns.taps)
        counts["step"] = float(planes * -(-rows.outputs // band) * outer * (columns.taps + 2))
    else:
        blocks = -(-outputs * dtype.itemsize // direct.BLOCK_BYTES)
        counts["product"] = float(outputs * taps)
        counts["step"] = float(blocks * taps)
    return Work(path, counts, copied * dtype.itemsize + direct.BLOCK_BYTES)


def _fft_work(options: Options, dtype: DType, schedule: Schedule) -> Work:
    geometry = options.geometry
    length = math.prod(schedule.fft_shape)
    slices = [
        math.prod(size for axis, size in enumerate(shape) if axis not in geometry.axes)
        for shape in (geometry.signal_shape, geometry.kernel_shape, geometry.output_shape)
    ]
    points = float(sum(slices) * length)
    # A real transform keeps half the spectrum; buffer and spectrum are about equal in bytes.
    bytes_each = 2 * length * dtype.itemsize
    far = bytes_each > _CACHE_BYTES
    place = "far" if far else "near"
    counts = {
        "call": 1.0,
        f"sample {place}": float(slices[2] * length),
        f"point {place}": points,
        f"butterfly {place}": points * math.log2(max(length, 2)),
    }
    # The kernel's spectrum is copied where its buffers are the signal's; else it has its own.
    kernel_bytes = bytes_each // 2 if slices[0] == slices[1] else slices[1] * bytes_each
    product_bytes = 0 if slices[2] == slices[0] else slices[2] * bytes_each * 3 // 2
    path = "fft one axis" if len(geometry.axes) == 1 else "fft more axes"
    return Work(path, counts, slices[0] * bytes_each + kernel_bytes + product_bytes)


_WORK: dict[str, Callable[[Options, DType, Schedule], Work]] = {
    "direct": _direct_work,
    "fft": _fft_work,
}


def count_work(method: str, options: Options, dtype: DType, schedule: Schedule) -> Work:
    """What `method` would do, computing in `dtype`."""
    return _WORK[method](options, dtype, schedule)


def predict_seconds(work: Work, dtype: DType, profile: Profile, workers: int) -> float:
    """Counts times rates; all but the call itself is shared by the threads."""
    rates = profile.rates[work.path][rate_key(dtype)]
    total = sum(count * rates[name] for name, count in work.counts.items())
    call = work.counts["call"] * rates["call"]
    return call + (total - call) / (1 + profile.thread_gain * (workers - 1))
