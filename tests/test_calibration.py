"""Measured errors stay below a quarter of the bounds, at every length of tiles and transforms in use.

The bounds are proven for transforms of radix 2 and a model for the others: a library or a core with larger
errors must not pass unseen.
"""

import dataclasses

import numpy as np
import pytest
import scipy.fft
from cases import hard_signals, tilings

import fftconv
from fftconv._arguments import Problem, read_problem
from fftconv._engines import ENGINES, Schedule, overlap_save
from fftconv._error_bound import fft_error_factor, tile_error_factor
from fftconv._fft.lengths import fast_length

MARGIN = 0.25
ALL_LINES = sorted({*overlap_save.lane_lengths(), *overlap_save.native_lengths(True)})
LINES = [n for n in ALL_LINES if n <= 2**16]
LONG_LINES = [n for n in ALL_LINES if n > 2**16]
SIDES = [n for n in overlap_save.native_lengths(False) if n <= 512]
LENGTHS = sorted({fast_length(n) for n in np.geomspace(16, 2**16, 40).astype(int).tolist()})


def planes(n):
    """The same along both axes."""
    lines = hard_signals(n)
    random = np.random.default_rng(n).standard_normal((n, n))
    return {name: np.multiply.outer(line, line) for name, line in lines.items()} | {"noise": random}


class Reference:
    """Convolutions by transforms of long doubles, 2000 times as accurate as double ones."""

    def __init__(self, data):
        self._shape = [2 * size - 1 for size in next(iter(data.values())).shape]
        self._fast = [scipy.fft.next_fast_len(size, real=True) for size in self._shape]
        wide = {name: np.asarray(x, np.longdouble) for name, x in data.items()}
        self._spectra = {name: scipy.fft.rfftn(x, self._fast) for name, x in wide.items()}

    def convolve(self, one, other):
        whole = scipy.fft.irfftn(self._spectra[one] * self._spectra[other], self._fast)
        return whole[tuple(slice(size) for size in self._shape)]


def convolved(x, h, method, length, tiling):
    """By one tile or transform of this length along every axis, and its error factor."""
    axes = tuple(range(x.ndim))
    arguments = dict.fromkeys(("workers", "max_memory", "fft_provider", "mask", "out", "axes"))
    arguments |= {"mode": "full", "boundary": "zero", "fill_value": 0, "stride": 1, "dilation": 1}
    arguments |= {"nan_policy": "propagate", "accuracy": "normwise", "method": method}
    problem: Problem = read_problem(x, h, **arguments)
    options = dataclasses.replace(problem.options, method=method)
    schedule = Schedule(1, (length,) * len(axes), options.fft_provider, **tiling)
    out = np.empty(options.geometry.output_shape, x.dtype)
    assert ENGINES[method](problem.kernel, options, schedule)(problem.signal, out)
    factor = (tile_error_factor if method == "overlap_save" else fft_error_factor)(length**x.ndim, x.dtype)
    return out, factor


def assert_calibrated(data, dtype, method, length):
    data = {name: x.astype(dtype) for name, x in data.items()}
    truth = Reference(data)
    for name, x in data.items():
        for other in {name, "random"}:
            h, expected = data[other], truth.convolve(name, other)
            norms = float(np.linalg.norm(x.astype(float)) * np.linalg.norm(h.astype(float)))
            for tiling in tilings((length,) * x.ndim, dtype) if method == "overlap_save" else [{}]:
                result, factor = convolved(x, h, method, length, tiling)
                assert np.abs(result - expected).max() <= MARGIN * factor * norms, (name, tiling)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", LENGTHS)
def test_transforms(length, dtype):
    assert_calibrated(hard_signals((length + 1) // 2), dtype, "fft", length)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", LINES)
@pytest.mark.skipif(fftconv._native.core is None, reason="tiles of the native core")
def test_tiles_of_lines(length, dtype):
    assert_calibrated(hard_signals(length // 2), dtype, "overlap_save", length)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.skipif(fftconv._native.core is None, reason="tiles of the native core")
def test_tiles_of_planes(side, dtype):
    assert_calibrated(planes(side // 2), dtype, "overlap_save", side)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", LONG_LINES)
@pytest.mark.skipif(fftconv._native.core is None, reason="tiles of the native core")
def test_long_tiles_by_closed_forms(length, dtype):
    """Where long doubles take too long: constants make a triangle, and a spike returns the other one."""
    n = length // 2
    ramp = np.minimum(np.arange(1, 2 * n), np.arange(2 * n - 1, 0, -1)).astype(float)
    one, turns = np.ones(n, dtype), np.where(np.arange(n) % 2, -1, 1).astype(dtype)
    spike = np.where(np.arange(n) == n // 3, 1, 0).astype(dtype)
    noise = np.random.default_rng(n).standard_normal(n).astype(dtype)
    moved = np.zeros(2 * n - 1)
    moved[n // 3 : n // 3 + n] = noise
    signs = np.where(np.arange(2 * n - 1) % 2, -1, 1)
    for x, h, truth in ((one, one, ramp), (turns, turns, signs * ramp), (spike, noise, moved)):
        norms = float(np.linalg.norm(x.astype(float)) * np.linalg.norm(h.astype(float)))
        for tiling in tilings((length,), dtype):
            result, factor = convolved(x, h, "overlap_save", length, tiling)
            assert np.abs(result - truth).max() <= MARGIN * factor * norms
