"""Predicted seconds and bytes of every engine: counts of work times this machine's rates.

For each engine a function counts what it will do. `tests/benchmarks/fit_cost_model.py` fits one rate to
each count and dtype from measured times; a prediction is the sum of count times rate.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fftconv._arguments import Options
from fftconv._boundary import FILLED
from fftconv._engines import PATHS, core, direct, overlap_save, running_sum, separable
from fftconv._engines.schedule import Schedule, Tile
from fftconv._geometry import Geometry, bank
from fftconv._profile import Profile
from fftconv._spectra import is_made_anew

DType = np.dtype[Any]

_CACHE_BYTES = 2**21  # a transform whose buffers are larger runs at the speed of the memory
_LINE_BYTES = 64  # of the cache
_LISTED_BYTES = 24  # for each sample beyond an edge, while it is looked up where it comes from
_FOLDING = 1.2  # of the time of as many complex numbers that need not be folded
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


Counts = dict[str, float]


@dataclass(frozen=True, slots=True)
class Work:
    """What one engine would do: for each code path that it takes the counts by name, and memory."""

    parts: tuple[tuple[str, Counts], ...]
    bytes: int
    shares: float = math.inf
    """Into how many it can be cut for threads."""


def rate_key(dtype: DType) -> str:
    """The dtype's name in a profile, the same on every platform."""
    return _NAMES.get(dtype.char, "int64")


def _direct_work(options: Options, dtype: DType, schedule: Schedule, rank: int) -> Work:
    del rank
    path = direct.path(options, dtype)
    if path == "direct core":
        return _core_work(options, dtype, schedule)
    geometry = options.geometry
    outputs, taps = geometry.outputs, geometry.taps
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
    return Work(((path, counts),), copied * dtype.itemsize + direct.BLOCK_BYTES)


def _core_work(options: Options, dtype: DType, schedule: Schedule) -> Work:
    """Of the native core: rows read into its rings, products per output, outputs."""
    geometry = options.geometry
    outputs = geometry.outputs
    # Channels are numbers of the same row.
    width = geometry.windows[-1].outputs * (2 if geometry.output_shape[-1] <= core.MOST_CHANNELS else 1)
    leads = math.prod(window.taps for window in geometry.windows[:-2])
    # Several output rows share what is loaded, which a single row cannot.
    shared = len(geometry.windows) > 1 and geometry.windows[-2].stride == 1
    counts = {
        "call": 1.0,
        "output": float(outputs),
        "row": float(outputs / width * leads),
        "read": float(outputs * leads),
        "far": _beyond_cache(options, dtype),
        "product shared" if shared else "product alone": float(outputs * geometry.taps),
    }
    return Work(
        (("direct core", counts),), core.working_bytes("direct", options, dtype, 1, schedule.workers)
    )


def _beyond_cache(options: Options, dtype: DType) -> float:
    """Outputs that wait for memory: the part of samples and results that is not in a core's cache."""
    geometry = options.geometry
    total = math.prod(geometry.signal_shape) * options.source.itemsize + geometry.outputs * dtype.itemsize
    return geometry.outputs * max(0.0, 1 - _CACHE_BYTES / max(total, 1))


def _separable_work(options: Options, dtype: DType, schedule: Schedule, rank: int) -> Work:
    geometry = options.geometry
    path = separable.path(options, dtype)
    if path == "separable core":
        return _fused_work(options, dtype, schedule, rank)
    works = [
        (_fused_work if len(step.axes) == 2 else _direct_work)(
            dataclasses.replace(options, geometry=step), dtype, schedule, 1
        )
        for step in separable.steps(geometry, path)
    ]
    parts = tuple(part for work in works for part in work.parts) * rank
    held = max(work.bytes for work in works) + 2 * math.prod(geometry.extended_shape) * dtype.itemsize
    return Work(parts, held)


def _fused_work(options: Options, dtype: DType, schedule: Schedule, rank: int) -> Work:
    """Of two passes together in the native core."""
    geometry = options.geometry
    down, along = geometry.windows
    counts = {
        "call": 1.0,
        "output": float(geometry.outputs),
        "row": float(geometry.outputs / along.outputs),
        "far": _beyond_cache(options, dtype),
        "product down": float(geometry.outputs * rank * down.taps),
        "product along": float(geometry.outputs * rank * along.taps),
    }
    held = core.working_bytes("separable", options, dtype, rank, schedule.workers)
    return Work((("separable core", counts),), held)


def _running_sum_work(options: Options, dtype: DType, schedule: Schedule, rank: int) -> Work:
    del rank
    geometry = options.geometry
    path = running_sum.path(options, dtype)
    extended = math.prod(geometry.extended_shape)
    if path == "running sum doubling":
        additions = sum(window.taps.bit_length() for window in geometry.windows)
        counts = {"call": 1.0, "step": float(additions), "addition": float(additions * extended)}
        return Work(((path, counts),), 3 * extended * dtype.itemsize)
    parts = []
    steps = [geometry] if path.endswith("core") else running_sum.steps(geometry)
    for step in steps:
        down, along = core.down_and_along(step)
        read = step.outputs * (1 + (along.taps - 1) / along.outputs)
        counts = {
            "call": 1.0,
            "row": float(step.outputs / along.outputs),
            "far": _beyond_cache(dataclasses.replace(options, geometry=step), dtype),
            "neighbour": read * running_sum.neighbours(along.taps),
        }
        if down.taps > 1:  # a sum down a column, and those up to the next place where sums begin anew
            counts["column"] = read * (1 + (down.taps - 1) / down.outputs)
        else:
            counts["sample"] = read
        parts.append((path if path.endswith("core") else "running sum core", counts))
    held = max(
        core.working_bytes(
            "running_sum", dataclasses.replace(options, geometry=step), dtype, 1, schedule.workers
        )
        for step in steps
    )
    between = min(len(parts) - 1, 2) * extended * dtype.itemsize
    return Work(tuple(parts), held + between)


def _overlap_save_work(options: Options, dtype: DType, schedule: Schedule, rank: int) -> Work:
    del rank
    geometry, tile, shape = options.geometry, schedule.tile, schedule.transformed
    path = overlap_save.path(options, dtype)
    points = math.prod(shape)
    places = overlap_save.count_places(geometry, tile, options.boundary)
    spectra = geometry.slices[1] * overlap_save.spectrum_bytes(shape, dtype)
    tiles, back = _transforms(geometry, dtype, places, spectra, tile, schedule.folded)
    held = schedule.workers * overlap_save.tile_bytes(geometry, shape, tile.in_lanes, dtype, path)
    if path == "overlap save line core":
        spectra += overlap_save.spectrum_bytes(shape, dtype)  # as large are the twiddle factors of a line
    if path.endswith("core"):
        spectra += 2 * math.prod(geometry.kernel_shape) * dtype.itemsize  # taps turned, and as a key
        if options.boundary not in FILLED:
            spectra += _LISTED_BYTES * sum(window.span for window in geometry.windows)
        counts = {"call": 1.0, "output": float(geometry.outputs)}
        counts |= dict.fromkeys(
            _of_points(geometry, dtype, tile, points), tiles * overlap_save.lanes_of(tile, dtype) * points
        )
        together = overlap_save.count_together(tile, schedule.folded, dtype)
        return Work(((path, counts),), held + spectra, overlap_save.count_shares(geometry, back, together))
    place = "far" if held > _CACHE_BYTES else "near"
    counts = {
        "call": 1.0,
        "tile": float(back),
        f"point {place}": tiles * points,
        f"butterfly {place}": tiles * points * math.log2(points),
    }
    return Work(((path, counts),), held + spectra, back)


def _transforms(
    geometry: Geometry, dtype: DType, places: int, spectra: int, tile: Tile, folded: bool
) -> tuple[float, int]:
    """Transforms of tiles, there and back, and those back alone; most spectra of kernels are kept."""
    there, back = overlap_save.count_tiles(
        geometry, places, overlap_save.count_together(tile, folded, dtype)
    )
    made = -(-geometry.slices[1] // overlap_save.lanes_of(tile, dtype)) if is_made_anew(spectra) else 0
    return (there + back + made) / 2 * (_FOLDING if folded else 1), back


def _of_points(geometry: Geometry, dtype: DType, tile: Tile, points: int) -> list[str]:
    """What each point of a tile, of which so many are transformed, counts as in the core."""
    names = [f"{'lane ' if tile.in_lanes else ''}tile {points.bit_length() - 1}"]
    hop = math.prod(geometry.signal_shape[geometry.axes[-1] + 1 :]) * dtype.itemsize
    if hop > dtype.itemsize:  # samples do not lie side by side
        names.append("apart near" if hop <= _LINE_BYTES else "apart far")
    return names


def fastest_tile(options: Options, dtype: DType, tiles: Sequence[Tile], profile: Profile) -> Tile:
    """The one that the core is predicted to be fastest with."""
    geometry, path = options.geometry, overlap_save.path(options, dtype)
    rates = profile.rates[path][rate_key(dtype)]
    along = [
        {
            (side, in_lanes): overlap_save.tiles_along(window, side, options.boundary, in_lanes)
            for side, in_lanes in {(tile.shape[axis], tile.in_lanes) for tile in tiles}
        }
        for axis, window in enumerate(geometry.windows)
    ]
    of_point = geometry.slices[1] * overlap_save.spectrum_bytes((1,), dtype)

    def seconds(tile: Tile) -> float:
        points = math.prod(tile.shape)
        places = math.prod(
            counts[side, tile.in_lanes] for counts, side in zip(along, tile.shape, strict=True)
        )
        folded = overlap_save.is_folded(geometry, dtype, path, tile, places)
        points //= 1 + folded
        transforms, _ = _transforms(geometry, dtype, places, of_point * points, tile, folded)
        each = sum(rates[name] for name in _of_points(geometry, dtype, tile, points))
        return transforms * overlap_save.lanes_of(tile, dtype) * points * each

    return min(tiles, key=seconds)


def _fft_work(options: Options, dtype: DType, schedule: Schedule, rank: int) -> Work:
    del rank
    geometry = options.geometry
    length = math.prod(schedule.fft_shape)
    slices = geometry.slices
    # A real transform keeps half the spectrum; buffer and spectrum are about equal in bytes.
    bytes_each = 2 * length * dtype.itemsize
    transformed = sum(slices) if is_made_anew(slices[1] * bytes_each // 2) else slices[0] + slices[2]
    points = float(transformed * length)
    far = bytes_each > _CACHE_BYTES
    place = "far" if far else "near"
    counts = {
        "call": 1.0,
        f"sample {place}": float(slices[2] * length),
        f"point {place}": points,
        f"butterfly {place}": points * math.log2(max(length, 2)),
    }
    # The kernel's spectrum is a copy; where its buffers are not the signal's they are its own.
    kernel_bytes = slices[1] * (bytes_each // 2 if slices[0] == slices[1] else bytes_each * 3 // 2)
    # Plans of long lines hold twiddle factors, as many bytes as a line, there and back.
    twiddles = bytes_each if len(geometry.axes) == 1 else 0
    product_bytes = 0 if slices[2] == slices[0] else slices[2] * bytes_each * 3 // 2
    path = PATHS["fft"](options, dtype)
    return Work(((path, counts),), slices[0] * bytes_each + kernel_bytes + product_bytes + twiddles)


_WORK: dict[str, Callable[[Options, DType, Schedule, int], Work]] = {
    "direct": _direct_work,
    "separable": _separable_work,
    "running_sum": _running_sum_work,
    "overlap_save": _overlap_save_work,
    "fft": _fft_work,
}


def count_work(method: str, options: Options, dtype: DType, schedule: Schedule, rank: int = 1) -> Work:
    """What `method` would do, computing in `dtype`, for a kernel of this rank."""
    limbs = schedule.limbs
    if limbs is None:
        return _WORK[method](options, dtype, schedule, rank)
    banked = dataclasses.replace(options, geometry=bank(options.geometry, limbs.of_kernel))
    work = _WORK[method](banked, dtype, schedule, rank)
    return dataclasses.replace(work, parts=work.parts * limbs.of_signal)


def predict_seconds(work: Work, dtype: DType, profile: Profile, workers: int) -> float:
    """Counts times rates; all but the calls themselves is shared by the threads."""
    total = 0.0
    for path, counts in work.parts:
        rates = profile.rates[path][rate_key(dtype)]
        seconds = sum(count * rates[name] for name, count in counts.items())
        call = counts["call"] * rates["call"]
        gain = profile.thread_gain["core" if path.endswith("core") else "fft"]
        total += call + (seconds - call) / (1 + gain * (workers - 1))
    return total
