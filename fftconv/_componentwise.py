"""Errors relative to each output's own sum of magnitudes, W = Σ|x||h|, at the speed of transforms.

A transform's error E is known before its outputs are (see `_error_bound`), and the same for all of them. It
is small enough where E <= tolerance (W - E), with W from a second transform, of the magnitudes: there an
output is certified. The others are taken in hand piece by piece:

- windows without a product other than zero are found by counting, and are 0;
- a part that reads fewer samples is transformed anew, with the norm of those alone;
- under a tilt, x[i] 2^(s i) and h[j] 2^(s j), output p is multiplied by 2^(s p), so that another part of
  the outputs is large; s is chosen for an output in the middle of what is left (its saddle point), as by
  H. Wilson and U. Keich, "Accurate pairwise convolution of non-negative vectors via FFT", Computational
  Statistics and Data Analysis 101 (2016);
- what is then left, or too little to be worth a transform, is added up term by term.

float32 is transformed in float64, whose error is small enough for all but the widest ranges.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.lib.stride_tricks import as_strided

from fftconv import _nonfinite
from fftconv._arguments import Array, Options, Problem
from fftconv._boundary import extend_into
from fftconv._engines import ENGINES, add_up
from fftconv._error_bound import fft_error_factor, tile_error_factor, unit_roundoff
from fftconv._geometry import Window, geometry
from fftconv._plan import ConvolutionPlan
from fftconv._range import extreme_power, times_power
from fftconv._tilting import points, ramp, saddle_point, times_two_to
from fftconv.planning import plan_problem

STEPS = ("plain", "zero", "tilted", "direct")

_TILTS = 200  # at most for a piece
_FRUITLESS = 3  # tilts that do not pay, one after the other
_BOXES = 64  # that outputs are at most taken apart into
_SHRUNK = 0.7  # part of the outputs that is worth another transform
_ROUNDINGS = 16  # of a tilt, there and back, and of conversions, in units of roundoff
_PER_BLOCK = 4  # spans of the kernel that a block of the signal is long
_SHORTEST_BLOCK = {1: 2048, 2: 128}  # by the number of axes
_FEWEST = 16  # outputs of a piece that are added up without further thought
_WORTH_IT = 4.0  # transforms that term by term must take the time of, for one to be tried
_SAMPLE_SECONDS = 3e-8  # to tilt a sample and look at an output
_LEAST = 2.0**-480  # below it squares may underflow


def convolve_componentwise(problem: Problem, plan: ConvolutionPlan) -> tuple[Array, dict[str, int]]:
    """The result in the plan's dtype of arithmetic, and how many outputs each step covered."""
    options, dtype = problem.options, plan.compute_dtype
    given = [
        np.asarray(array).astype(dtype, copy=False)
        for array in (problem.signal, problem.kernel, options.fill_value)
    ]
    signal, kernel, fill_value = (_nonfinite.finite_part(array) for array in given)
    out = np.empty(plan.output_shape, dtype)
    finite = dataclasses.replace(options, fill_value=fill_value[()], dtype=dtype, source=dtype)
    covered = Counter(dict.fromkeys(STEPS, 0))
    for piece, left in _pieces(signal, kernel, finite, plan, out, covered):
        piece.cover(left, covered)

    def count(samples: Array, taps: Array, outside: Any) -> Array:
        counting = dataclasses.replace(options, fill_value=outside if options.boundary == "constant" else 0)
        return add_up(samples, taps, counting)

    _nonfinite.mark(given[0], given[1], given[2][()], count, out)
    return out, dict(covered)


class _Way:
    """What all pieces of a convolution with one kernel have in common."""

    def __init__(self, kernel: Array, options: Options, method: str, roundoff: float) -> None:
        assert options.tolerance is not None
        self.kernel = kernel
        self.windows = options.geometry.windows
        self.tolerance = options.tolerance - roundoff
        self._options = options
        self._method = method
        self._has_zeros = bool((kernel == 0).any())
        self._is_positive = kernel.dtype.kind == "f" and bool((kernel >= 0).all())

    def problem(self, samples: Array, kernel: Array, method: str, workers: int | None) -> Problem:
        """The outputs whose windows these samples fill, along the last axes."""
        axes = tuple(range(samples.ndim - kernel.ndim, samples.ndim))
        shape = (1,) * axes[0] + kernel.shape
        strides = tuple(window.stride for window in self.windows)
        dilations = tuple(window.dilation for window in self.windows)
        dtype = np.result_type(samples.dtype, kernel.dtype)
        options = dataclasses.replace(
            self._options,
            geometry=geometry(samples.shape, shape, axes, "valid", strides, dilations),
            boundary="zero",
            fill_value=0,
            method=method,
            workers=workers,
            max_memory=None,
            tolerance=None,
            dtype=dtype,
            source=dtype,
        )
        return Problem(samples, kernel.reshape(shape), options)

    def add_up(self, samples: Array) -> Array:
        """Term by term."""
        return _run(self.problem(samples, self.kernel, "direct", self._options.workers))[0]

    def holds_products(self, samples: Array) -> Array | None:
        """Which windows hold a product other than zero; None if all do."""
        of_samples = samples != 0
        if not self._has_zeros and of_samples.all():
            return None
        support = (self.kernel != 0).astype(np.float64)
        counts, *_ = _run(
            self.problem(of_samples.astype(np.float64), support, "auto", self._options.workers)
        )
        return np.asarray(counts > 0.5)

    def certify(
        self, samples: Array, kernel: Array, magnitudes: Callable[[], Array]
    ) -> tuple[Array, Array]:
        """Outputs by transforms, of slices along the last axes, and which of them are certified.

        Both arrays should be of an ordinary size; `magnitudes` are those of the samples.
        """
        workers = self._options.workers
        positive = self._is_positive and bool((samples >= 0).all())
        result, factor, is_one_tile = _run(self.problem(samples, kernel, self._method, workers))
        sizes = result
        if not positive:
            of_sizes = self.problem(magnitudes(), np.abs(kernel), self._method, workers)
            sizes, other, one_tile = _run(of_sizes)
            factor, is_one_tile = max(factor, other), is_one_tile and one_tile
        squares = np.vecdot(samples, samples).real
        squares = squares.sum(axis=tuple(range(squares.ndim - kernel.ndim + 1, squares.ndim)))
        flat = squares.ravel()
        # Tiles are transformed in pairs, each with the same of the slice before or after it; where there
        # are several tiles to a slice, one of the last slice goes with the next of the first.
        around = np.concatenate([flat[-1:], flat, flat[:1]])
        if is_one_tile:
            around[[0, -1]] = 0
        norms = np.sqrt(around[:-2] + flat + around[2:]).reshape(squares.shape)
        norms += _LEAST * math.sqrt(math.prod(samples.shape[-kernel.ndim :]))  # of squares that underflow
        error = (1 + 1e-9) * factor * float(np.linalg.norm(kernel)) * norms
        least = error * (1 + 1 / self.tolerance)
        return result, np.asarray(sizes >= least.reshape(least.shape + (1,) * kernel.ndim))

    def is_fast_enough(self, samples: Array) -> bool:
        """Whether adding up takes so little time that no further transforms are worth it."""
        return self.direct_seconds(samples) <= _WORTH_IT * self.transform_seconds(samples)

    def transform_seconds(self, samples: Array) -> float:
        """Of `certify`, about."""
        plan = plan_problem(self.problem(samples, self.kernel, self._method, 1))
        return 3 * plan.seconds + _SAMPLE_SECONDS * samples.size

    def direct_seconds(self, samples: Array) -> float:
        return plan_problem(self.problem(samples, self.kernel, "direct", 1)).seconds


@np.errstate(over="ignore", invalid="ignore")
def _run(problem: Problem) -> tuple[Array, float, bool]:
    """What the engine makes of floats, its largest error, and whether every slice is a single tile.

    The error is a multiple of the norms of the kernel and of the samples that are transformed together.
    """
    plan = plan_problem(problem)
    out = np.empty(plan.output_shape, plan.compute_dtype)
    ENGINES[plan.method](problem.kernel, problem.options, plan.schedule)(problem.signal, out)
    windows = problem.options.geometry.windows
    tile = plan.tile_shape or ()
    if not tile or any(window.size > length for window, length in zip(windows, tile, strict=True)):
        return out, plan.error_factor, False
    # The powers that a folded tile is multiplied with are rounded, too; half a pair of tiles covers that.
    factor = tile_error_factor if plan.schedule.folded else fft_error_factor
    return out, factor(math.prod(tile), plan.compute_dtype), True


def _pieces(
    signal: Array, kernel: Array, options: Options, plan: ConvolutionPlan, out: Array, covered: Counter[str]
) -> Iterator[tuple[_Piece, Array]]:
    """Transform blocks of the signal, all of a slice and a kernel at once; those with outputs left."""
    shapes = options.geometry
    last = range(-len(shapes.axes), 0)
    blocks = [_block(window, len(shapes.axes), whole=plan.method == "fft") for window in shapes.windows]
    samples = np.moveaxis(_extended(signal, options, blocks), shapes.axes, last)
    kernels = np.moveaxis(kernel, shapes.axes, last)
    target = np.moveaxis(out, shapes.axes, last)
    roundoff = _ROUNDINGS * unit_roundoff(out.dtype) + 2 * unit_roundoff(plan.dtype) * (
        plan.dtype != out.dtype
    )
    for index in np.ndindex(kernels.shape[: last[0]]):
        way = _Way(np.ascontiguousarray(kernels[index]), options, plan.method, roundoff)
        chosen, place = (_facing(index, kernels.shape, array.shape) for array in (samples, target))
        yield from _blocks(way, np.ascontiguousarray(samples[chosen]), blocks, target[place], covered)


def _facing(index: tuple[int, ...], kernels: tuple[int, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The slices of an array that meet the kernel of this index."""
    return tuple(
        slice(i, i + 1) if 1 not in (count, size) else slice(None)
        for i, count, size in zip(index, kernels, shape, strict=False)
    )


def _blocks(
    way: _Way, samples: Array, blocks: list[int], target: Array, covered: Counter[str]
) -> Iterator[tuple[_Piece, Array]]:
    """The same for one kernel."""
    count = len(blocks)
    batch = samples.shape[:-count]
    tiles = [-(-size // block) for size, block in zip(target.shape[-count:], blocks, strict=True)]
    powers = extreme_power(samples), extreme_power(way.kernel)
    scaled = times_power(samples, -powers[0])

    def cut(padded: Array) -> Array:
        return _overlapping(padded, way.windows, blocks, tiles)

    result, certified = way.certify(
        cut(scaled), times_power(way.kernel, -powers[1]), lambda: cut(np.abs(scaled))
    )
    result = times_power(result, sum(powers))
    left = ~certified
    for axis, (size, block, tile) in enumerate(zip(target.shape[-count:], blocks, tiles, strict=True)):
        beyond = [slice(None)] * left.ndim  # the last output
        beyond[len(batch) + axis] = slice(-1, None)
        beyond[len(batch) + count + axis] = slice(size - (tile - 1) * block, None)
        left[tuple(beyond)] = False
    unfinished = int(left.sum())
    covered["plain"] += target.size - unfinished
    if unfinished > target.size // 2 and way.is_fast_enough(cut(samples)):
        covered["direct"] += unfinished
        result[left] = way.add_up(cut(samples))[left]
        left[...] = False
    parts = cut(samples)
    for index in np.argwhere(left.any(axis=tuple(range(-count, 0)))):
        place = tuple(index)
        yield _Piece(way, parts[place], result[place]), left[place]
    order = [axis for pair in range(count) for axis in (len(batch) + pair, len(batch) + count + pair)]
    padded = result.transpose((*range(len(batch)), *order))
    padded = padded.reshape(*batch, *(n * block for n, block in zip(tiles, blocks, strict=True)))
    inside = tuple(slice(size) for size in target.shape)
    target[...] = padded[inside]


def _block(window: Window, axes: int, *, whole: bool) -> int:
    """Outputs of a block along an axis."""
    if whole:
        return window.outputs
    length = max(_PER_BLOCK * window.span, _SHORTEST_BLOCK.get(axes, 32))
    length = 1 << (length - 1).bit_length()
    return min((length - window.span) // window.stride + 1, window.outputs)


def _extended(signal: Array, options: Options, blocks: list[int]) -> Array:
    """The signal with all that the outputs read, and zeros behind it that fill the last block."""
    shapes = options.geometry
    padded = list(shapes.extended_shape)
    for axis, window, block in zip(shapes.axes, shapes.windows, blocks, strict=True):
        outputs = -(-window.outputs // block) * block
        padded[axis] = max((outputs - 1) * window.stride + window.span, padded[axis])
    buffer = np.zeros(padded, signal.dtype)
    inside = tuple(slice(size) for size in shapes.extended_shape)
    extend_into(buffer[inside], signal, shapes, options.boundary, options.fill_value)
    return buffer


def _overlapping(padded: Array, windows: tuple[Window, ...], blocks: list[int], tiles: list[int]) -> Array:
    """A view of shape (..., tiles, samples of a block): each block with all that its outputs read."""
    count = len(blocks)
    steps = [block * window.stride for block, window in zip(blocks, windows, strict=True)]
    lengths = [(block - 1) * w.stride + w.span for block, w in zip(blocks, windows, strict=True)]
    inner = padded.strides[-count:]
    outer = tuple(step * stride for step, stride in zip(steps, inner, strict=True))
    shape = (*padded.shape[:-count], *tiles, *lengths)
    strides = (*padded.strides[:-count], *outer, *inner)
    return np.asarray(as_strided(padded, shape, strides, writeable=False))


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some neighbouring outputs and the samples that they read."""

    way: _Way
    samples: Array
    out: Array

    def part(self, box: tuple[slice, ...]) -> _Piece:
        """Some of the outputs."""
        reads = tuple(
            slice(chosen.start * window.stride, (chosen.stop - 1) * window.stride + window.span)
            for chosen, window in zip(box, self.way.windows, strict=True)
        )
        return _Piece(self.way, self.samples[reads], self.out[box])

    def cover(self, left: Array, covered: Counter[str]) -> None:
        """Compute what is left, after a transform of the whole piece."""
        products = self.way.holds_products(self.samples)
        if products is not None:
            zero = left & ~products
            self.out[zero] = 0
            covered["zero"] += int(zero.sum())
            left = left & products
        for box in _boxes(left):
            self.part(box)._solve(left[box], covered, fresh=left[box].size <= _SHRUNK * left.size)
            left[box] = False

    def _solve(self, left: Array, covered: Counter[str], *, fresh: bool) -> None:
        """Compute what is left; if the piece is `fresh`, nothing has been tried on it yet."""
        if not left.any():
            return
        if left.size <= _FEWEST or self.way.is_fast_enough(self.samples):
            self.out[left] = self.way.add_up(self.samples)[left]
            covered["direct"] += int(left.sum())
        elif fresh:
            left = self._accept(left, None, covered)
            self.cover(left, covered)
        else:
            left = self._tilt(left, covered)
            for half in _halves(left.shape):
                self.part(half)._solve(left[half], covered, fresh=True)

    def _accept(self, left: Array, slopes: Array | None, covered: Counter[str]) -> Array:
        """Transform, under a tilt if there are slopes, and keep what is certified; what is left then."""
        windows = self.way.windows
        if slopes is None:
            powers = extreme_power(self.samples), extreme_power(self.way.kernel)
            samples = times_power(self.samples, -powers[0])
            kernel = times_power(self.way.kernel, -powers[1])
        else:
            samples, of_samples = _tilted(self.samples, slopes)
            kernel, of_kernel = _tilted(self.way.kernel, slopes * [w.dilation for w in windows])
            powers = of_samples, of_kernel
        result, certified = self.way.certify(samples, kernel, lambda: np.abs(samples))
        certified &= left
        if slopes is None:
            restored = times_power(result, sum(powers))
        else:
            first = sum(slope * (w.span - 1) for slope, w in zip(slopes, windows, strict=True))
            steps = slopes * [w.stride for w in windows]
            restored = times_two_to(result, -ramp(result.shape, steps), sum(powers) - first)
        self.out[certified] = restored[certified]
        covered["plain" if slopes is None else "tilted"] += int(certified.sum())
        return left & ~certified

    def _tilt(self, left: Array, covered: Counter[str]) -> Array:
        """One tilt after the other, as long as they pay; what is left."""
        seconds = self.way.transform_seconds(self.samples)
        where = points(_logs(self.samples)), points(_logs(self.way.kernel))
        spans = np.array([w.span for w in self.way.windows])
        dilations, strides = (
            np.array([getattr(w, name) for w in self.way.windows]) for name in ("dilation", "stride")
        )
        each = self.way.direct_seconds(self.samples) / left.size
        hopeful = left.copy()
        fruitless = 0
        for _ in range(_TILTS):
            targets = np.argwhere(hopeful & left)
            if fruitless == _FRUITLESS or len(targets) * each < _WORTH_IT * seconds:
                break
            target = targets[len(targets) // 2]
            slopes = saddle_point(where, dilations, target * strides + spans - 1)
            before = int(left.sum())
            left = self._accept(left, slopes, covered)
            gained = before - int(left.sum())
            fruitless = fruitless + 1 if gained * each < seconds else 0
            if left[tuple(target)]:  # and so will its neighbours be
                reach = [max(1, size // 64) for size in left.shape]
                near = zip(target, reach, strict=True)
                hopeful[tuple(slice(max(0, at - r), at + r + 1) for at, r in near)] = False
        return left


def _boxes(left: Array) -> list[tuple[slice, ...]]:
    """Boxes that together hold all outputs that are left: few, and small where these lie apart."""
    if not left.any():
        return []
    labels, found = scipy.ndimage.label(left)
    if found > _BOXES:
        labels = left.astype(np.int8)
    return [box for box in scipy.ndimage.find_objects(labels) if box is not None]


def _halves(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """The two halves along the longest axis."""
    axis = int(np.argmax(shape))
    whole = [slice(0, size) for size in shape]
    middle = shape[axis] // 2
    return [
        tuple(part if other == axis else all_of for other, all_of in enumerate(whole))
        for part in (slice(0, middle), slice(middle, shape[axis]))
    ]


def _tilted(values: Array, slopes: Array) -> tuple[Array, int]:
    """Values times 2^(slope * position), brought to about 1, and the power of two that was taken out."""
    tilt = ramp(values.shape, slopes)
    power = int(np.max(_logs(values) + tilt))
    return times_two_to(values, tilt, -power), power


def _logs(values: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log2(np.abs(values)))
