"""Overlapping tiles that fit the cache, each convolved by transforms: memory does not grow with the signal.

A tile of T samples convolved circularly with m taps gives T - m + 1 outputs that have not wrapped around;
the next tile starts where these end. Where a tile has room for the whole signal and the zeros around it,
nothing wraps around but zeros, and it gives them all. Two tiles of real numbers are transformed as the real
and the imaginary part of one. The native core does one and two axes, short tiles of lines as many at once
as its vectors have lanes; FFT providers do the others, and what it lacks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from fftconv._arguments import Options
from fftconv._boundary import FILLED, sources
from fftconv._engines import core
from fftconv._engines.schedule import Convolver, Schedule, Tile
from fftconv._fft import workspace
from fftconv._fft.lengths import fast_length, linear_length
from fftconv._geometry import Geometry, Window
from fftconv._names import Boundary
from fftconv._spectra import kept_spectrum
from fftconv._threads import run_all

Array = np.ndarray[Any, np.dtype[Any]]
# Index of the slice, and of the tile along the convolved axes.
_Spot = tuple[tuple[int, ...], tuple[int, ...]]

_LONGEST_SIDE = 2**11  # of the core's tiles in two dimensions
_LARGEST_TILE = 2**22  # points
_SHORTEST_IN_LANES, _LONGEST_IN_LANES = 2**6, 2**12  # points; longer ones together are not near
_ALIKE = 16  # outputs of tiles in lanes are a multiple, so that all of them start alike in memory


def path(options: Options, dtype: np.dtype[Any]) -> str:
    """Whether the core transforms the tiles, and how they lie in memory."""
    if core.can_transform(options.geometry, dtype):
        return "overlap save line core" if len(options.geometry.axes) == 1 else "overlap save plane core"
    return "overlap save tiles"


class _Cut(NamedTuple):
    """How tiles lie along an axis."""

    outputs: int
    """Of each tile."""
    first: int
    """Position of the first sample of the first tile."""
    lead: int
    """Where in a tile its first output is."""
    reads: int
    """Samples of a tile, at most."""


def _cut(window: Window, length: int, boundary: Boundary, in_lanes: bool = False) -> _Cut:
    if boundary == "zero" and length >= linear_length(window):  # room for the whole and enough zeros
        return _Cut(window.outputs, 0, window.start, window.size)
    outputs = (length - window.span) // window.stride + 1
    if in_lanes and outputs > _ALIKE:
        outputs -= outputs % _ALIKE
    return _Cut(outputs, window.reads[0], window.span - 1, length)


def tiles_along(window: Window, length: int, boundary: Boundary, in_lanes: bool) -> int:
    """Tiles of this length that cover the outputs of an axis."""
    return -(-window.outputs // _cut(window, length, boundary, in_lanes).outputs)


def count_places(geometry: Geometry, tile: Tile, boundary: Boundary) -> int:
    """Tiles of this shape that cover the outputs of a slice."""
    return math.prod(
        tiles_along(window, length, boundary, tile.in_lanes)
        for window, length in zip(geometry.windows, tile.shape, strict=True)
    )


def lanes_of(tile: Tile, dtype: np.dtype[Any]) -> int:
    """How many such tiles, or pairs of them, are transformed at once."""
    return core.lanes(dtype) if tile.in_lanes else 1


def count_together(tile: Tile, folded: bool, dtype: np.dtype[Any]) -> int:
    """How many tiles are transformed together: of real numbers two as one of complex ones."""
    return (1 if folded or dtype.kind == "c" else 2) * lanes_of(tile, dtype)


def count_tiles(geometry: Geometry, places: int, together: int) -> tuple[int, int]:
    """Transforms forward and back of so many tiles of all slices, `together` of them in one."""
    of_signal, kernels, results = geometry.slices
    if kernels == 1:
        return (-(-places * of_signal // together),) * 2
    # Only tiles with the same kernel are together; where nothing but the kernel differs they share the way
    # there.
    each = -(-places // together)
    return each * (results // shared_kernels(geometry)), each * results


def is_folded(geometry: Geometry, dtype: np.dtype[Any], path: str, tile: Tile, places: int) -> bool:
    """Whether the core folds a tile: one of real numbers that has no other one to go with."""
    return (
        places == 1
        and (geometry.slices[0] == 1 or geometry.kernel_varies)
        and dtype.kind == "f"
        and path.endswith("core")
        and not tile.in_lanes
        and tile.shape[-1] // 2 in native_lengths(len(tile.shape) == 1)
    )


def count_shares(geometry: Geometry, transforms: int, together: int) -> int:
    """Into how many parts threads of the core can cut so many transforms: channels side by side are one."""
    last = len(geometry.signal_shape) - 1
    if last in geometry.axes or geometry.kernel_varies:
        return transforms
    channels = geometry.signal_shape[last]
    return -(-transforms // (channels // math.gcd(channels, together)))


def shared_kernels(geometry: Geometry) -> int:
    """Kernels that every slice of the signal meets."""
    shapes = zip(geometry.signal_shape, geometry.kernel_shape, strict=True)
    return math.prod(
        kernels for axis, (size, kernels) in enumerate(shapes) if axis not in geometry.axes and size == 1
    )


@lru_cache(maxsize=1024)
def tiles(geometry: Geometry, path: str) -> list[Tile]:
    """Those worth a thought: at least as long as the kernel, at most as the work."""
    if math.prod(window.span for window in geometry.windows) > _LARGEST_TILE:
        return []
    native = path.endswith("core")
    line = len(geometry.windows) == 1
    lengths = native_lengths(line) if native else ()
    choices = []
    for window in geometry.windows:
        whole = (window.outputs - 1) * window.stride + window.span
        if native:
            least = next((length for length in lengths if length >= window.span), None)
            if least is None:
                return []
            most = next((length for length in lengths if length >= whole), lengths[-1])
            choices.append([n for n in lengths if least <= n <= min(max(16 * least, 1024), most)])
        else:
            factors = (2, 3, 4, 6, 8, 12) if len(geometry.windows) < 3 else (2, 3, 4)
            sizes = [fast_length(factor * window.span) for factor in factors]
            choices.append(sorted({min(size, fast_length(whole)) for size in sizes}))
    shapes = [shape for shape in itertools.product(*choices) if math.prod(shape) <= _LARGEST_TILE]
    return [*map(Tile, shapes), *(_tiles_in_lanes(geometry.windows[0]) if native and line else ())]


def _tiles_in_lanes(window: Window) -> list[Tile]:
    whole = (window.outputs - 1) * window.stride + window.span
    lengths = [length for length in lane_lengths() if length >= window.span]
    most = next((length for length in lengths if length >= whole), _LONGEST_IN_LANES)
    return [Tile((length,), True) for length in lengths if length <= most]


@lru_cache(maxsize=2)
def native_lengths(line: bool) -> tuple[int, ...]:
    """2^a and 3 * 2^a: sides are multiples of 16, the lanes of the widest vectors; lines have two sides."""
    low, high = (16 * 16, _LARGEST_TILE) if line else (16, _LONGEST_SIDE)
    return tuple(length for length in _two_and_three(high) if length % low == 0)


@lru_cache(maxsize=1)
def lane_lengths() -> tuple[int, ...]:
    """The same of tiles in lanes."""
    return tuple(length for length in _two_and_three(_LONGEST_IN_LANES) if length >= _SHORTEST_IN_LANES)


def _two_and_three(longest: int) -> list[int]:
    powers = [2**a for a in range(longest.bit_length())]
    return sorted(n for power in powers for n in (power, 3 * power) if n <= longest)


def sides(shape: tuple[int, ...], in_lanes: bool = False) -> tuple[int, int]:
    """Rows and columns of a tile in the core: those of a line about equally many; a lane is a column."""
    if len(shape) == 2:
        return shape[0], shape[1]
    length = shape[0]
    if in_lanes:
        return length, 1
    rows = max(
        n for n in native_lengths(False) if n * n <= length and length % n == 0 and length // n % 16 == 0
    )
    return rows, length // rows


def row_period(options: Options, schedule: Schedule) -> int:
    """Outputs of two rows of tiles: however many tiles there are in a row, pairs do not cross the end."""
    window = options.geometry.windows[0]
    return 2 * _cut(window, schedule.fft_shape[0], options.boundary, schedule.in_lanes).outputs


def tile_bytes(
    geometry: Geometry, shape: tuple[int, ...], in_lanes: bool, dtype: np.dtype[Any], path: str
) -> int:
    """What a thread holds for tiles as they are transformed: two planes in the core, of those in lanes the
    samples as well; elsewhere samples, spectrum, what is read.
    """
    points = math.prod(shape)
    item = np.result_type(dtype, np.complex64).itemsize
    if not path.endswith("core"):
        return 2 * points * (item + dtype.itemsize)
    planes = 2 if shared_kernels(geometry) > 1 else 1
    if in_lanes:
        return points * (core.lanes(dtype) * (planes * item + dtype.itemsize) + 2 * dtype.itemsize + 8)
    rows, columns = sides(shape)
    return rows * 128 + planes * points * item + columns * (item + 8)


def spectrum_bytes(tile: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Of the kernel's spectrum."""
    return math.prod(tile) * np.result_type(dtype, np.complex64).itemsize


def prepare(kernel: Array, options: Options, schedule: Schedule) -> Convolver:
    """Tile by tile, `schedule.fft_shape` samples each.

    False if an output is not finite, as with `fft.prepare`.
    """
    by_core = path(options, kernel.dtype).endswith("core")
    return partial(_convolve_in_core if by_core else convolve_tiles, kernel, options, schedule)


@np.errstate(over="ignore", invalid="ignore")  # found out, and put right, afterwards
def _convolve_in_core(
    kernel: Array, options: Options, schedule: Schedule, signal: Array, out: Array
) -> bool:
    shape, folded = schedule.transformed, schedule.folded
    kind = "lanes" if schedule.in_lanes else "line" if len(shape) == 1 else "plane"
    spectra = kept_spectrum(
        kernel,
        ("core", *core.spectrum_key(options), kind, shape, folded),
        partial(core.spectrum, kernel, options, kind, sides(shape, schedule.in_lanes), folded),
        spectrum_bytes(shape, kernel.dtype),
    )
    return core.prepare_tiles(kernel, options, schedule, spectra)(signal, out)


@np.errstate(over="ignore", invalid="ignore")  # found out, and put right, afterwards
def convolve_tiles(kernel: Array, options: Options, schedule: Schedule, signal: Array, out: Array) -> bool:
    """The same through an FFT provider."""
    return _Tiles(signal, kernel, options, schedule, out).run()


class _Tiles:
    """Tiles through an FFT provider."""

    def __init__(
        self, signal: Array, kernel: Array, options: Options, schedule: Schedule, out: Array
    ) -> None:
        geometry = options.geometry
        self._options, self._schedule, self._geometry = options, schedule, geometry
        self._shape = schedule.fft_shape
        self._cuts = [
            _cut(window, length, options.boundary)
            for window, length in zip(geometry.windows, self._shape, strict=True)
        ]
        self._pairs = signal.dtype.kind != "c"
        self._dtype = np.result_type(signal.dtype, np.complex64)
        axes = geometry.axes
        back = range(-len(axes), 0)
        self._signal = np.moveaxis(signal, axes, back)
        self._out = np.moveaxis(out, axes, back)
        self._kernel = np.moveaxis(kernel, axes, back)
        self._spectra = {
            index: self._spectrum(self._kernel[index])
            for index in np.ndindex(self._kernel.shape[: back[0]])
        }

    def run(self) -> bool:
        """Compute every output; whether they are finite."""
        tasks = [partial(self._convolve, pair) for pair in self._tiles()]
        return all(run_all(tasks, self._schedule.workers))

    def _tiles(self) -> Iterator[tuple[_Spot, ...]]:
        """One tile, or two with the same kernel, at a time."""
        counts = [
            range(-(-window.outputs // cut.outputs))
            for window, cut in zip(self._geometry.windows, self._cuts, strict=True)
        ]
        slices = list(np.ndindex(self._out.shape[: -len(self._shape)]))
        places = list(itertools.product(*counts))
        tiles = [(index, place) for place in places for index in slices]
        tiles.sort(key=lambda tile: self._kernel_of(tile[0]))
        for _, group in itertools.groupby(tiles, key=lambda tile: self._kernel_of(tile[0])):
            of_kernel = list(group)
            step = 2 if self._pairs else 1
            for first in range(0, len(of_kernel), step):
                yield tuple(of_kernel[first : first + step])

    def _kernel_of(self, index: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(i % size for i, size in zip(index, self._kernel.shape, strict=False))

    def _workspace(self) -> Any:
        assert self._schedule.fft_provider is not None
        axes = tuple(range(len(self._shape)))
        return workspace(self._schedule.fft_provider, self._shape, axes, self._dtype, 1)

    def _spectrum(self, taps: Array) -> Array:
        def make() -> Array:
            work = self._workspace()
            work.samples[...] = 0
            work.samples[tuple(slice(0, w.span, w.dilation) for w in self._geometry.windows)] = taps
            return np.array(work.forward())

        dilation = tuple(window.dilation for window in self._geometry.windows)
        key = ("tile", self._schedule.fft_provider, dilation, self._shape)
        return kept_spectrum(taps, key, make, spectrum_bytes(self._shape, self._dtype))

    @np.errstate(over="ignore", invalid="ignore")  # which other threads do not inherit
    def _convolve(self, tiles: tuple[_Spot, ...]) -> bool:
        work = self._workspace()
        samples = work.samples
        if self._pairs:
            self._read(tiles[0], samples.real)
            if len(tiles) == 2:
                self._read(tiles[1], samples.imag)
            else:
                samples.imag[...] = 0
        else:
            self._read(tiles[0], samples)
        spectrum = work.forward()
        result = work.inverse(
            np.multiply(spectrum, self._spectra[self._kernel_of(tiles[0][0])], out=spectrum)
        )
        parts = (result.real, result.imag) if self._pairs else (result,)
        done = [
            self._write(tile, part, work.inverse_scale) for tile, part in zip(tiles, parts, strict=False)
        ]
        return all(done)

    def _read(self, tile: _Spot, into: Array) -> None:
        """The samples of a tile, with what stands beyond the edges, and zeros behind them."""
        index, place = tile
        boundary = self._options.boundary
        picked: list[slice | Array] = []
        outside: list[Array | None] = []
        for window, cut, number in zip(self._geometry.windows, self._cuts, place, strict=True):
            first = number * cut.outputs
            outputs = min(cut.outputs, window.outputs - first)
            count = min((outputs - 1) * window.stride + cut.lead + 1, cut.reads)
            start = cut.first + first * window.stride
            if start >= 0 and start + count <= window.size:
                picked.append(slice(start, start + count))
                outside.append(None)
            else:
                found = sources(np.arange(start, start + count), window.size, boundary)
                picked.append(np.maximum(found, 0))
                outside.append(found < 0 if boundary in FILLED else None)
        samples = self._signal[tuple(i % s for i, s in zip(index, self._signal.shape, strict=False))]
        for axis, where in enumerate(picked):
            samples = _take(samples, where, axis)
        inside = tuple(slice(size) for size in samples.shape)
        into[...] = 0
        into[inside] = samples
        for axis, missing in enumerate(outside):
            if missing is not None:
                into[inside][(slice(None),) * axis + (missing,)] = self._options.fill_value

    def _write(self, tile: _Spot, result: Array, scale: Any) -> bool:
        index, place = tile
        target, source = [], []
        for window, cut, number in zip(self._geometry.windows, self._cuts, place, strict=True):
            first = number * cut.outputs
            count = min(cut.outputs, window.outputs - first)
            target.append(slice(first, first + count))
            source.append(slice(cut.lead, cut.lead + (count - 1) * window.stride + 1, window.stride))
        written = self._out[index][tuple(target)]
        np.multiply(result[tuple(source)], scale, out=written)
        return bool(np.isfinite(written.sum()))


def _take(samples: Array, where: slice | Array, axis: int) -> Array:
    if isinstance(where, slice):
        return samples[(slice(None),) * axis + (where,)]
    return samples.take(where, axis)
