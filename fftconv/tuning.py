"""`tune`: measure this machine, so that plans know it and not the one that the shipped rates are from.

Problems of every kind are run and their times compared with the predicted ones; the shipped rates of each
code path are scaled by what comes out, those of tiles one by one for each size.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fftconv._arguments import Array, Problem, read_problem
from fftconv._checks import check_finite
from fftconv._cost import Counts, count_work, rate_key
from fftconv._engines import ENGINES, Schedule, overlap_save
from fftconv._fft import provider_name
from fftconv._fft.lengths import fft_shape
from fftconv._profile import (
    Profile,
    Rates,
    processor,
    profile_path,
    save_profile,
    shipped_profile,
    use_profile,
)
from fftconv._threads import available_cores

__all__ = ["Tuning", "tune"]


def __dir__() -> list[str]:
    return __all__


Rows = tuple[tuple[str, str, int, float, float], ...]

_DTYPES = ("float32", "float64", "complex64", "complex128")
# Method, shape of the signal, shape of the kernel: about a millisecond each.
_PROBES: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = (
    ("direct", (500, 500), (5, 5)),
    ("direct", (200, 200), (15, 15)),
    ("direct", (100_000,), (31,)),
    ("direct", (700, 700), (9, 9)),
    ("separable", (500, 500), (15, 15)),
    ("separable", (200, 200), (61, 61)),
    ("running_sum", (500, 500), (15, 15)),
    ("running_sum", (800, 800), (5, 5)),
    ("running_sum", (100_000,), (200,)),
    ("overlap_save", (400, 400), (21, 21)),
    ("overlap_save", (100_000,), (500,)),
    ("overlap_save", (40, 40, 40), (5, 5, 5)),
    ("fft", (2_000,), (900,)),
    ("fft", (60_000,), (50_000,)),
    ("fft", (300, 300), (100, 100)),
    ("fft", (40, 40, 40), (20, 20, 20)),
)
_PROBE_SECONDS = 0.01
_WISDOM_PART = 0.3  # of the time, for FFTW's own measurements
_WISDOM_SHAPES = ((4096,), (16384,), (64, 64, 64), (256, 256), (65536,), (128, 128, 128), (512, 512))


@dataclass(frozen=True)
class Tuning:
    """What `tune` found.

    Attributes
    ----------
    profile : Profile
        In use from now on.
    path : pathlib.Path or None
        Where it was saved.
    rows : tuple
        Of each code path and dtype: name, dtype, how many problems were timed, and measured over predicted
        time before and after.
    """

    profile: Profile
    path: Path | None
    rows: Rows

    def table(self) -> list[tuple[str, str, str, str, str]]:
        """The rows as text."""
        return [
            (path, dtype, f"{count}", f"{before:.2f}", f"{after:.2f}")
            for path, dtype, count, before, after in self.rows
        ]

    def notes(self) -> list[str]:
        """What else there is to know, in lines of text."""
        gains = ", ".join(f"{name} {gain:.2f}" for name, gain in self.profile.thread_gain.items())
        saved = f"saved in {self.path}" if self.path else "not saved"
        return [f"gain by a second thread: {gains}", saved]

    def __repr__(self) -> str:
        head = ("code path", "dtype", "timed", "before", "after")
        rows = [head, *self.table()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
                 for row in rows]  # fmt: skip
        return "\n".join(["measured over predicted time", *lines, *self.notes()])


def tune(
    seconds: float = 3.0, *, save: bool = True, progress: Callable[[float], None] | None = None
) -> Tuning:
    """Measure this machine, and let plans use what was found, in this process and those to come.

    Parameters
    ----------
    seconds : float, default 3
        About how long to measure. Every kind of work is timed once at least, which takes about one second.
    save : bool, default True
        Whether to keep the profile in the cache folder of the user, for this version of fftconv on this
        processor with this native core and as many threads.
    progress : callable, optional
        Called with the part that is done, from 0 to 1.

    Returns
    -------
    Tuning
        The profile, and how far predictions were from measured times before and after.

    Raises
    ------
    ValueError
        If `seconds` is not a positive number, or there is nowhere to save.

    Examples
    --------
    >>> import fftconv
    >>> tuning = fftconv.tune(0.1, save=False)  # doctest: +SKIP
    """
    duration = check_finite("seconds", seconds)
    if duration <= 0:
        raise ValueError(f"seconds={seconds!r} is not accepted; pass a positive number")
    path = profile_path() if save else None
    if save and path is None:
        raise ValueError(
            "there is nowhere to save a profile, as the environment variable FFTCONV_PROFILE=shipped rules "
            "saved ones out; unset it, or pass save=False"
        )
    shipped = shipped_profile()
    report = progress or (lambda part: None)
    samples = _measure(list(_samples()), duration * (1 - _WISDOM_PART), report)
    rates, rows = _scaled(shipped, samples)
    gain = (
        {}
        if available_cores() == 1
        else {
            "core": thread_gain("direct", [(700, 9)], _PROBE_SECONDS),
            "fft": thread_gain("fft", [(1000, 30)], _PROBE_SECONDS),
        }
    )
    wisdom = _find_wisdom(duration * _WISDOM_PART)
    profile = Profile(f"tuned on {processor()}", shipped.thread_gain | gain, rates, wisdom)
    if path is not None:
        save_profile(profile, path)
    use_profile(profile)
    report(1.0)
    return Tuning(profile, path, rows)


# ------------------------------------------------------------------------------------------ what is timed


def probe(
    dtype: str,
    signal_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    axes: tuple[int, ...] | None = None,
    boundary: str = "zero",
    method: str = "direct",
    source: str | None = None,
) -> Problem:
    """A problem of small whole numbers, with a kernel that this method takes."""
    rng = np.random.default_rng(0)
    signal = rng.integers(1, 9, signal_shape).astype(source or dtype)
    kernel = _KERNELS.get(method, _any_taps)(rng, kernel_shape).astype(dtype)
    return read_problem(signal, kernel, mode="same", boundary=boundary, axes=axes)


def _any_taps(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(1, 9, shape)


def _equal_taps(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.full(shape, 3)


def _outer_product(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    taps = np.ones(shape, np.int64)
    for axis, size in enumerate(shape):
        taps *= rng.integers(1, 4, size).reshape(
            [-1 if other == axis else 1 for other in range(len(shape))]
        )
    return taps


_KERNELS = {"separable": _outer_product, "running_sum": _equal_taps}


def schedules(problem: Problem, method: str, workers: int = 1) -> list[Schedule]:
    """What a plan may tell this engine: some tiles, about square, or the only possible thing."""
    options = problem.options
    if method == "fft":
        shape = fft_shape(options.geometry, options.boundary != "zero")
        assert shape is not None
        return [Schedule(workers, shape, provider_name())]
    if method != "overlap_save":
        return [Schedule(workers)]
    tiles = overlap_save.tiles(options.geometry, overlap_save.path(options, options.dtype))
    square = [tile for tile in tiles if max(tile.shape) <= 2 * min(tile.shape)] or tiles
    return [Schedule(workers, tile.shape, provider_name(), in_lanes=tile.in_lanes) for tile in square]


def seconds_per_call(problem: Problem, method: str, schedule: Schedule, seconds: float) -> float:
    """Median time of one call of an engine, after a first one that plans and touches the memory."""
    out = np.empty(problem.options.geometry.output_shape, problem.options.dtype)
    engine = ENGINES[method]

    def call() -> None:
        engine(problem.kernel, problem.options, schedule)(problem.signal, out)

    call()
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < 3 or (len(times) < 30 and time.perf_counter() - begun < seconds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
        if times[-1] > 0.5:
            break
    return float(np.median(times))


def thread_gain(method: str, shapes: Iterable[tuple[int, int]], seconds: float) -> float:
    """How much of a second thread counts in large work."""
    gains = []
    for side, taps in shapes:
        large = probe("float32", (side, side), (taps, taps))
        alone, together = (
            seconds_per_call(large, method, schedules(large, method, workers)[0], seconds)
            for workers in (1, 2)
        )
        gains.append(alone / together - 1)
    return round(float(np.clip(np.mean(gains), 0, 1)), 2)


# ------------------------------------------------------------------------------------------- what comes out


@dataclass
class _Sample:
    """One problem, what was predicted for it, and times as they come in."""

    path: str
    dtype: str
    counts: Counts
    times: list[float]
    run: Callable[[], float]

    @property
    def tile(self) -> str | None:
        return next((name for name in self.counts if name.startswith("tile ")), None)

    def ratio(self, rates: Rates) -> float:
        """Measured over predicted time."""
        of_path = rates[self.path][self.dtype]
        predicted = sum(count * of_path[name] for name, count in self.counts.items())
        return float(np.median(self.times)) / predicted


def _samples() -> Iterator[_Sample]:
    """Every probe with every dtype, and with one tile of each size."""
    seen = set()
    for method, signal_shape, kernel_shape in _PROBES:
        for dtype in _DTYPES:
            problem = probe(dtype, signal_shape, kernel_shape, method=method)
            for schedule in schedules(problem, method):
                work = count_work(method, problem.options, np.dtype(dtype), schedule)
                if len(work.parts) > 1:
                    continue  # of kinds that are timed alone
                ((path, counts),) = work.parts
                run = partial(seconds_per_call, problem, method, schedule, _PROBE_SECONDS)
                sample = _Sample(path, rate_key(np.dtype(dtype)), counts, [], run)
                if sample.tile is None or (path, dtype, sample.tile) not in seen:
                    seen.add((path, dtype, sample.tile))
                    yield sample


def _measure(samples: list[_Sample], seconds: float, report: Callable[[float], None]) -> list[_Sample]:
    """Times of every sample, once at least, and in turns until the time is up."""
    begun = time.perf_counter()
    rounds = 0
    while not rounds or (time.perf_counter() - begun) * (rounds + 1) / rounds < seconds:
        for number, sample in enumerate(samples):
            sample.times.append(sample.run())
            by_count, by_time = number / len(samples), (time.perf_counter() - begun) / seconds
            report((1 - _WISDOM_PART) * min(1.0, by_time if rounds else min(by_count, by_time)))
        rounds += 1
    return samples


def _scaled(shipped: Profile, samples: list[_Sample]) -> tuple[Rates, Rows]:
    """The shipped rates, each times what was measured over what they predict; and how good both are."""
    rates = {
        path: {dtype: dict(counts) for dtype, counts in of.items()} for path, of in shipped.rates.items()
    }
    by_path: dict[str, dict[str, list[_Sample]]] = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        by_path[sample.path][sample.dtype].append(sample)
    rows = []
    for path, by_dtype in by_path.items():
        factors = {
            dtype: _geometric_mean(sample.ratio(shipped.rates) for sample in of_dtype)
            for dtype, of_dtype in by_dtype.items()
        }
        for dtype, counts in rates[path].items():
            factor = factors.get(dtype, _geometric_mean(factors.values()))
            tiles = {
                sample.tile: sample.ratio(shipped.rates)
                for sample in by_dtype.get(dtype, [])
                if sample.tile
            }
            for name in counts:
                counts[name] *= tiles.get(name, factor)
        for dtype, of_dtype in by_dtype.items():
            before, after = (
                _geometric_mean(sample.ratio(of) for sample in of_dtype) for of in (shipped.rates, rates)
            )
            rows.append((path, dtype, len(of_dtype), before, after))
    return rates, tuple(rows)


def _geometric_mean(values: Iterable[float]) -> float:
    return float(np.exp(np.mean(np.log(list(values)))))


def _find_wisdom(seconds: float) -> tuple[str, ...]:
    """What FFTW finds out about its plans in this time; nothing where it is not in use."""
    if provider_name() != "pyfftw":
        return ()
    from fftconv._fft import pyfftw_provider

    return pyfftw_provider.learn(_WISDOM_SHAPES, seconds)
