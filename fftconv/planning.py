"""Which engine, and why: makes a plan from shapes, dtypes and a few facts, never by timing a call."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fftconv import _error_bound
from fftconv._arguments import Array, Axes, Options, Problem, read_problem, read_shapes
from fftconv._cost import count_work, fastest_tile, predict_seconds
from fftconv._engines import ENGINES, PATHS, TRANSFORMS, Schedule, overlap_save, reads, running_sum, writes
from fftconv._engines.schedule import Tile
from fftconv._error_bound import Magnitudes, rounds_to_exact
from fftconv._factors import UNKNOWN, KernelFacts, kernel_facts
from fftconv._fft import Provider
from fftconv._fft.lengths import fft_shape
from fftconv._geometry import Geometry, Mode, bank
from fftconv._limbs import Limbs
from fftconv._missing import values_only, without_gaps
from fftconv._names import Boundary, Method, check_name
from fftconv._plan import Candidate, ConvolutionPlan
from fftconv._profile import Profile, machine_profile
from fftconv._quotients import Quotient
from fftconv._threads import available_cores

__all__ = ["Candidate", "ConvolutionPlan", "explain", "plan_convolution"]


def __dir__() -> list[str]:
    return __all__


_FLOAT64, _INT64 = np.dtype(np.float64), np.dtype(np.int64)
_NO_TRANSFORM = "objects have no Fourier transform"
_THREADED_SECONDS = 1e-4  # of work in the native core that is shared: waking a thread takes some 30 µs
_CERTIFIED_SECONDS = 1e-8  # to look at an output
_DIGIT_SECONDS = 6e-9  # to add up or to carry a digit of a result
_THREADED_BYTES = 2**21  # smaller transforms are done before a second thread has started


def plan_convolution(
    signal_shape: int | Sequence[int],
    kernel_shape: int | Sequence[int],
    *,
    dtype: DTypeLike = np.float64,
    mode: Mode = "full",
    boundary: Boundary = "zero",
    axes: Axes = None,
    method: Method = "auto",
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    nan_policy: str = "propagate",
    accuracy: str | float = "normwise",
    workers: int | None = None,
    max_memory: int | None = None,
    fft_provider: str | None = None,
) -> ConvolutionPlan:
    """Plan a convolution from shapes alone, before there is any data.

    Parameters
    ----------
    signal_shape, kernel_shape : int or sequence of int
        Shapes of the two arrays; a number is the length of one axis.
    dtype : dtype, default float64
        Of both arrays. Integers are taken to be the largest that the dtype holds, as nothing is known
        of them; `explain` looks at the data and may allow more.
    mode, boundary, axes, method, stride, dilation, nan_policy
        As in `convolve`.
    accuracy, workers, max_memory, fft_provider
        As in `convolve`.

    Returns
    -------
    ConvolutionPlan
        The engine that would run, every candidate with predicted seconds and bytes, and the reasons.

    Raises
    ------
    ValueError, TypeError
        As `convolve` would for such arrays.

    Examples
    --------
    >>> import fftconv
    >>> fftconv.plan_convolution(1_000_000, 5).method
    'direct'
    >>> plan = fftconv.plan_convolution(1_000_000, 100_000)
    >>> plan.method, plan.fft_shape
    ('overlap_save', (393216,))
    """
    options, given = read_shapes(
        signal_shape,
        kernel_shape,
        dtype=dtype,
        mode=mode,
        boundary=boundary,
        axes=axes,
        method=method,
        stride=stride,
        dilation=dilation,
        nan_policy=nan_policy,
        accuracy=accuracy,
        workers=workers,
        max_memory=max_memory,
        fft_provider=fft_provider,
    )
    magnitudes = None
    if options.dtype.kind in "iu":
        extended = math.prod(options.geometry.extended_shape)
        magnitudes = _error_bound.worst_case(given, extended, math.prod(options.geometry.kernel_shape))
    plan = _plan_options(without_gaps(options), magnitudes, None)
    return dataclasses.replace(plan, weighted=options.has_gaps, boundary=boundary)


def explain(
    signal: ArrayLike,
    kernel: ArrayLike,
    *,
    mode: Mode = "full",
    boundary: Boundary = "zero",
    fill_value: Any = 0.0,
    axes: Axes = None,
    method: Method = "auto",
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    nan_policy: str = "propagate",
    mask: ArrayLike | None = None,
    accuracy: str | float = "normwise",
    workers: int | None = None,
    max_memory: int | None = None,
    fft_provider: str | None = None,
) -> ConvolutionPlan:
    """Plan the convolution of these arrays, as `convolve` would, with its error bound.

    Parameters
    ----------
    signal, kernel, mode, boundary, fill_value, axes, method, stride, dilation
        As in `convolve`.
    nan_policy, mask, accuracy, workers, max_memory, fft_provider
        As in `convolve`.

    Returns
    -------
    ConvolutionPlan
        The plan that `convolve` follows for the same arguments; `error_bound` is the largest possible
        error of any output. Where samples may be missing it is that of the sum before it is divided by the
        weight, and the plan is that of this one convolution; there are up to two more, of weights. With
        ``accuracy="componentwise"`` and an engine that transforms the work is done, to tell in `coverage`
        by which steps.

    Examples
    --------
    >>> import numpy as np, fftconv
    >>> plan = fftconv.explain(np.ones(1000), np.ones(3))
    >>> plan.method, plan.error_bound < 1e-13
    ('direct', True)
    >>> fftconv.explain([1, 2, 3], [1, 1]).error_bound
    0.0
    """
    problem = read_problem(
        signal,
        kernel,
        mode=mode,
        boundary=boundary,
        fill_value=fill_value,
        axes=axes,
        method=method,
        stride=stride,
        dilation=dilation,
        nan_policy=nan_policy,
        mask=mask,
        accuracy=accuracy,
        workers=workers,
        max_memory=max_memory,
        fft_provider=fft_provider,
        out=None,
    )
    weighted = problem.has_gaps
    if weighted:
        problem = values_only(problem)
    plan = plan_problem(problem)
    bound = plan.error_factor * _norms(problem) if plan.error_factor else 0.0
    plan = dataclasses.replace(plan, error_bound=bound, weighted=weighted, boundary=boundary)
    if plan.is_certified:
        from fftconv._componentwise import convolve_componentwise  # which makes plans itself

        steps = convolve_componentwise(problem, plan)[1]
        plan = dataclasses.replace(plan, coverage=tuple(steps.items()))
    return plan


def _norms(problem: Problem) -> float:
    """At least norm(signal) * norm(kernel), the signal with its extension."""
    options = problem.options
    peak, norm = _scaled_norm(problem.signal)
    if options.boundary != "zero":
        extended = math.prod(options.geometry.extended_shape)
        norm = float(np.maximum(peak, abs(options.fill_value))) * math.sqrt(extended)
    return norm * _scaled_norm(problem.kernel)[1]


def _scaled_norm(array: Array) -> tuple[float, float]:
    """Largest magnitude and Euclidean norm, without overflow on the way."""
    magnitudes = np.abs(array).astype(np.float64)
    peak = float(magnitudes.max())
    if peak == 0 or not math.isfinite(peak):
        return peak, peak
    return peak, peak * float(np.linalg.norm(magnitudes / peak))


def plan_problem(problem: Problem) -> ConvolutionPlan:
    """The plan for checked data."""
    options = problem.options
    facts = _facts(problem.kernel, options)
    if options.dtype.kind not in "iu":
        return _plan_options(options, None, facts)
    if options.quotient is not None:  # the plan is that of all images, so that it can be kept
        peak = options.quotient.peak
        magnitudes = _error_bound.bound_magnitudes(peak, problem.kernel, _samples(problem))
        return _plan_options(options, magnitudes, facts)
    data = problem.signal, problem.kernel, options.fill_value
    magnitudes = _error_bound.measure(*data, _samples(problem))
    plan = _plan_options(options, magnitudes, facts)
    if plan.schedule.limbs is None:
        return plan
    # The data's own digits are smaller than the largest that there could be, and need fewer limbs.
    as_given = options.boundary == "zero"
    measured = _error_bound.with_measured_limbs(magnitudes, plan.schedule.limbs, *data, as_given)
    return _plan_options(options, measured, facts)


def holds_for_all(problem: Problem) -> bool:
    """Whether other samples of the same dtype have the same plan."""
    kind = problem.options.dtype.kind
    if kind not in "iu":
        return kind != "O"
    if problem.options.quotient is not None:
        return True
    source, fill = problem.signal.dtype, problem.options.fill_value
    return _error_bound.magnitudes_of_all(source, problem.kernel, fill, _samples(problem)) is not None


def _samples(problem: Problem) -> int:
    """How many there are, with those beyond the edges."""
    options = problem.options
    return problem.signal.size if options.boundary == "zero" else math.prod(options.geometry.extended_shape)


def _facts(kernel: Array, options: Options) -> KernelFacts:
    """What is worth knowing of the kernel; nothing where it differs from slice to slice."""
    geometry = options.geometry
    if geometry.kernel_varies:
        return UNKNOWN
    dtype = _INT64 if options.dtype.kind == "u" else options.dtype
    taps = kernel.astype(dtype, copy=False).reshape([window.taps for window in geometry.windows])
    return kernel_facts(
        taps, every_rank=options.method == "separable", several=options.quotient is not None
    )


def _plan_options(
    options: Options, magnitudes: Magnitudes | None, facts: KernelFacts | None
) -> ConvolutionPlan:
    """The plan; without facts of the kernel, as for one whose taps have nothing in common."""
    return _plan(
        options.geometry,
        options.boundary,
        options.source,
        options.dtype,
        options.quotient,
        options.method,
        options.workers,
        options.max_memory,
        magnitudes,
        facts,
        options.fft_provider,
        options.tolerance,
        machine_profile(),
    )


@dataclass(frozen=True, slots=True)
class _Prospect:
    """How one engine would do the work, or why it cannot."""

    compute_dtype: np.dtype[Any]
    schedule: Schedule
    error_factor: float
    refusal: str | None = None
    rank: int = 1
    seconds: float = math.inf
    bytes: int = 0


@lru_cache(maxsize=1024)
def _plan(
    geometry: Geometry,
    boundary: Boundary,
    source: np.dtype[Any],
    dtype: np.dtype[Any],
    quotient: Quotient | None,
    method: str,
    workers: int | None,
    max_memory: int | None,
    magnitudes: Magnitudes | None,
    facts: KernelFacts | None,
    provider: Provider,
    tolerance: float | None,
    profile: Profile,
) -> ConvolutionPlan:
    check_name("method", method)
    options = Options(
        geometry=geometry,
        boundary=boundary,
        fill_value=0,
        method=method,
        workers=workers,
        max_memory=max_memory,
        fft_provider=provider,
        nan_policy="propagate",
        tolerance=tolerance,
        source=source,
        dtype=dtype,
        quotient=quotient,
    )
    prospects = {
        "direct": _prospect_of_direct(options, magnitudes),
        "separable": _prospect_of_separable(options, magnitudes, facts),
        "running_sum": _prospect_of_running_sum(options, magnitudes, facts),
        "overlap_save": _certified(
            partial(_prospect_of_overlap_save, profile=profile), options, magnitudes
        ),
        "fft": _certified(_prospect_of_fft, options, magnitudes),
    }
    limit = _error_bound.EXACT_INT64 * (2 if dtype.kind == "u" else 1)
    may_overflow = magnitudes is not None and magnitudes.peak >= limit
    for name, prospect in prospects.items():
        if prospect.refusal is None:
            prospects[name] = _with_costs(name, options, prospect, profile, may_overflow)
    if method != "auto" and (refusal := prospects[method].refusal):
        raise ValueError(f"method={method!r} cannot do this: {refusal}; use method='auto'")
    if all(prospect.refusal is not None for prospect in prospects.values()):
        least = min((item.bytes, name) for name, item in prospects.items() if item.bytes)
        raise ValueError(
            f"max_memory={max_memory} bytes are too few for any engine; {least[0]} suffice, "
            f"for method={least[1]!r}"
        )
    able = [name for name, prospect in prospects.items() if prospect.refusal is None]
    chosen = min(able, key=lambda name: prospects[name].seconds) if method == "auto" else method
    if method == "auto" and workers is not None:
        # The engine for all cores: another one would round otherwise, and results depend on `workers`.
        rest = max_memory, magnitudes, facts, provider, tolerance, profile
        settled = _plan(geometry, boundary, source, dtype, quotient, method, None, *rest).method
        chosen = settled if settled in able else chosen
    return ConvolutionPlan(
        method=chosen,
        reason=_reason(chosen, method, prospects),
        candidates=tuple(_candidate(name, chosen, prospects) for name in ENGINES),
        signal_shape=geometry.signal_shape,
        kernel_shape=geometry.kernel_shape,
        output_shape=geometry.output_shape,
        axes=geometry.axes,
        mode=geometry.mode,
        boundary=boundary,
        dtype=dtype,
        compute_dtype=prospects[chosen].compute_dtype,
        checks_overflow=may_overflow,
        path=PATHS[chosen](options, prospects[chosen].compute_dtype),
        rank=prospects[chosen].rank,
        schedule=prospects[chosen].schedule,
        error_factor=prospects[chosen].error_factor,
        error_bound=None,
        profile=profile.source,
        tolerance=tolerance,
    )


def _bytes_around(
    name: str, options: Options, dtype: np.dtype[Any], schedule: Schedule, checks_overflow: bool
) -> int:
    """Copies of the data in the dtype of the arithmetic, and what the check for overflow holds."""
    geometry = options.geometry
    path = PATHS[name](options, dtype)
    samples, taps = math.prod(geometry.signal_shape), math.prod(geometry.kernel_shape)
    if (limbs := schedule.limbs) is not None:
        of_results = (limbs.digits + 2 * limbs.of_kernel) * geometry.outputs
        return 8 * ((limbs.of_signal + 3) * samples + (limbs.of_kernel + 3) * taps + of_results)
    if checks_overflow:
        return 8 * (3 * (samples + taps) + 4 * geometry.outputs)
    count = 0
    if not reads(path, options.source, dtype):
        count += samples
    if not writes(path, options.dtype if options.quotient is None else options.quotient.dtype, dtype):
        count += geometry.outputs
    if options.dtype != dtype:
        count += taps
    return count * dtype.itemsize


def _room(options: Options, around: int) -> float:
    """Bytes that are left for an engine's own memory."""
    return math.inf if options.max_memory is None else options.max_memory - around


def _with_costs(
    name: str, options: Options, prospect: _Prospect, profile: Profile, checks_overflow: bool
) -> _Prospect:
    """The prospect with predicted time and memory, and threads where they pay; refused if it needs more."""
    dtype, schedule = prospect.compute_dtype, prospect.schedule
    checks_overflow &= schedule.limbs is None  # which are put together without any loss
    around = _bytes_around(name, options, dtype, schedule, checks_overflow)
    most = _room(options, around)
    work = count_work(name, options, dtype, schedule, prospect.rank)
    seconds = predict_seconds(work, dtype, profile, schedule.workers)
    cores = int(min(options.workers or available_cores(), work.shares))
    if _is_certified(name, options):  # of samples and of magnitudes
        seconds = 2 * seconds + _CERTIFIED_SECONDS * options.geometry.outputs
        copies = math.prod(options.geometry.extended_shape) + options.geometry.outputs
        around += 3 * copies * dtype.itemsize
    shared = name == "overlap_save" or all(path.endswith("core") for path, _ in work.parts)
    if shared and cores > 1 and seconds >= _THREADED_SECONDS:
        for workers in range(cores, 1, -1):  # as many as there is memory for
            threaded = dataclasses.replace(schedule, workers=workers)
            more = count_work(name, options, dtype, threaded, prospect.rank)
            if more.bytes <= most:
                schedule, work = threaded, more
                seconds = predict_seconds(work, dtype, profile, workers)
                break
    if checks_overflow:  # two more convolutions, see `_integers`
        check = count_work("direct", options, _FLOAT64, Schedule())
        seconds += 2 * predict_seconds(check, _FLOAT64, profile, 1)
    if schedule.limbs is not None:
        seconds += (
            _DIGIT_SECONDS * (schedule.limbs.products + schedule.limbs.digits) * options.geometry.outputs
        )
    held = work.bytes + around
    refusal = None
    if work.bytes > most:
        refusal = f"it needs {held} bytes of working memory, and max_memory is {options.max_memory}"
    return dataclasses.replace(prospect, schedule=schedule, seconds=seconds, bytes=held, refusal=refusal)


def _arithmetic(options: Options, magnitudes: Magnitudes | None) -> np.dtype[Any]:
    """The dtype in which sums of products are added up."""
    if options.quotient is not None:
        return options.quotient.sums
    if magnitudes is not None and magnitudes.peak < _error_bound.EXACT_FLOAT64:
        return _FLOAT64  # multiply-adds of such integers are exact, and faster than int64's
    return _INT64 if magnitudes is not None else options.dtype


def _prospect_of_direct(options: Options, magnitudes: Magnitudes | None) -> _Prospect:
    factor = _error_bound.direct_error_factor(options.geometry.taps, options.dtype)
    return _Prospect(_arithmetic(options, magnitudes), Schedule(), factor)


def _prospect_of_separable(
    options: Options, magnitudes: Magnitudes | None, facts: KernelFacts | None
) -> _Prospect:
    geometry = options.geometry
    dtype = _arithmetic(options, magnitudes)
    taps = tuple(window.taps for window in geometry.windows)
    prospect = partial(_Prospect, dtype, Schedule(), 0.0)
    if dtype.char in "OgG":
        return prospect(f"factors are not found in the precision of {dtype}")
    if len(taps) == 1:
        return prospect("a kernel along one axis has no factors")
    if geometry.kernel_varies:
        return prospect("the kernel differs from slice to slice")
    if options.tolerance is not None:
        return prospect("its factors are accurate relative to the largest taps, not to each")
    if facts is None:
        return prospect("the taps are not known, so neither are their factors")
    if facts.rank is None:
        return prospect(
            "the kernel is no single outer product of integers"
            if dtype.kind == "i" or magnitudes is not None
            else "the kernel is not finite, or not an outer product, or of too high a rank to pay"
        )
    factor = _error_bound.separable_error_factor(taps, facts.rank, facts.residual, options.dtype)
    return _Prospect(dtype, Schedule(), factor, rank=facts.rank)


def _prospect_of_running_sum(
    options: Options, magnitudes: Magnitudes | None, facts: KernelFacts | None
) -> _Prospect:
    dtype = _arithmetic(options, magnitudes)
    if options.quotient is not None and options.quotient.divides and running_sum.adds_integers(options):
        dtype = np.dtype(np.float32)
    refusal = None
    if options.geometry.kernel_varies:
        refusal = "the kernel differs from slice to slice"
    elif facts is None:
        refusal = "the taps are not known, so neither whether they are equal"
    elif not facts.constant:
        refusal = "the taps are not all the same finite number"
    factor = _error_bound.direct_error_factor(options.geometry.taps, options.dtype)
    return _Prospect(dtype, Schedule(), factor, refusal)


def _prospect_of_overlap_save(
    options: Options, magnitudes: Magnitudes | None, profile: Profile
) -> _Prospect:
    """With the tile that one thread is fastest with, so that results do not depend on the threads.

    If memory is bounded it is one that fits, or else the smallest.
    """
    geometry = options.geometry
    dtype = _FLOAT64 if magnitudes is not None else options.dtype
    if dtype.kind == "O":
        return _Prospect(dtype, Schedule(), 0.0, _NO_TRANSFORM)
    path = PATHS["overlap_save"](options, dtype)
    provider = None if path.endswith("core") else options.fft_provider
    tiles = overlap_save.tiles(geometry, path)
    if not tiles:
        return _Prospect(dtype, Schedule(), 0.0, "the kernel does not fit the largest tile")
    for limbs in (None,) if magnitudes is None else (None, *magnitudes.limbs):
        able = [
            tile
            for tile in tiles
            if magnitudes is None
            or rounds_to_exact(_error_bound.tile_error(limbs or magnitudes, math.prod(tile.shape)))
        ]
        if able:
            break
    else:
        assert magnitudes is not None
        least = min(_error_bound.tile_error(magnitudes, math.prod(tile.shape)) for tile in tiles)
        return _Prospect(dtype, Schedule(1, tiles[0].shape, provider), 0.0, _inexact(least))
    make = partial(_schedule_of_tile, options, dtype, provider, limbs)
    if options.max_memory is None and provider is None and limbs is None:
        schedule = make(fastest_tile(options, dtype, able, profile))
    else:
        schedule = _fastest_that_fits(options, dtype, [make(tile) for tile in able], profile)
    exact = magnitudes is not None
    factor = 0.0 if exact else _error_bound.tile_error_factor(math.prod(schedule.fft_shape), dtype)
    return _Prospect(dtype, schedule, factor)


def _schedule_of_tile(
    options: Options,
    dtype: np.dtype[Any],
    provider: Provider | None,
    limbs: Limbs | None,
    tile: Tile,
) -> Schedule:
    """With such tiles; a single one may be folded."""
    geometry = options.geometry if limbs is None else bank(options.geometry, limbs.of_kernel)
    places = overlap_save.count_places(geometry, tile, options.boundary)
    path = PATHS["overlap_save"](options, dtype)
    folded = overlap_save.is_folded(geometry, dtype, path, tile, places)
    return Schedule(1, tile.shape, provider, limbs, folded, tile.in_lanes)


def _fastest_that_fits(
    options: Options, dtype: np.dtype[Any], able: list[Schedule], profile: Profile
) -> Schedule:
    """The fastest, of those that fit into memory; or else the smallest."""
    works = [(count_work("overlap_save", options, dtype, schedule), schedule) for schedule in able]
    most = _room(options, _bytes_around("overlap_save", options, dtype, able[0], False))
    fitting = [(work, schedule) for work, schedule in works if work.bytes <= most]
    if fitting:
        return min(fitting, key=lambda item: predict_seconds(item[0], dtype, profile, 1))[1]
    return min(works, key=lambda item: item[0].bytes)[1]


def _prospect_of_fft(options: Options, magnitudes: Magnitudes | None) -> _Prospect:
    geometry = options.geometry
    shape = fft_shape(geometry, extended=options.boundary != "zero")
    dtype = _FLOAT64 if magnitudes is not None else options.dtype
    if dtype.kind == "O":
        return _Prospect(dtype, Schedule(), 0.0, _NO_TRANSFORM)
    if shape is None:
        return _Prospect(dtype, Schedule(), 0.0, "the transform would be longer than 2^40 points")
    length = math.prod(shape)
    slices = geometry.slices[2]
    # Threads share slabs: a small transform is not cut into any, and one line cannot be.
    whole = slices * length * dtype.itemsize < _THREADED_BYTES or (len(shape) == 1 and slices == 1)
    workers = 1 if whole else options.workers or available_cores()
    schedule = Schedule(workers, shape, options.fft_provider)
    if magnitudes is None:
        return _Prospect(dtype, schedule, _error_bound.fft_error_factor(length, dtype))
    for limbs in (None, *magnitudes.limbs):
        if rounds_to_exact(_error_bound.whole_error(limbs or magnitudes, length)):
            return _Prospect(dtype, dataclasses.replace(schedule, limbs=limbs), 0.0)
    return _Prospect(dtype, schedule, 0.0, _inexact(_error_bound.whole_error(magnitudes, length)))


def _is_certified(name: str, options: Options) -> bool:
    """Whether outputs are looked at, see `_componentwise`."""
    return options.tolerance is not None and name in TRANSFORMS


def _certified(
    make: Callable[[Options, Magnitudes | None], _Prospect], options: Options, magnitudes: Magnitudes | None
) -> _Prospect:
    """The prospect of an engine whose outputs are certified one by one, if that is asked for."""
    if options.tolerance is None:
        return make(options, magnitudes)
    if options.dtype.char in "gG":
        return _Prospect(options.dtype, Schedule(), 0.0, f"outputs are not certified in {options.dtype}")
    wide = np.result_type(options.dtype, np.float64)
    hopeless = not _error_bound.may_certify(options.geometry.taps, options.tolerance, wide)
    if hopeless and options.method == "auto":
        return _Prospect(wide, Schedule(), 0.0, "the kernel is too short for its outputs to be certified")
    prospect = make(dataclasses.replace(options, dtype=wide), magnitudes)
    return dataclasses.replace(prospect, error_factor=options.tolerance)


def _inexact(error: float) -> str:
    return (
        f"integers could come out wrong, as the rounding error may reach {error:.2g} "
        f"and must stay below 0.25, in whatever limbs they are split"
    )


def _reason(chosen: str, method: str, prospects: dict[str, _Prospect]) -> str:
    if method != "auto":
        return f"asked for by method={method!r}"
    able = {name: item for name, item in prospects.items() if item.refusal is None}
    others = sorted((item.seconds, name) for name, item in able.items() if name != chosen)
    if others:
        seconds, name = others[0]
        if seconds < able[chosen].seconds:
            return (
                f"as for all cores, so that results do not depend on workers, though {name} may be faster"
            )
        return f"predicted {seconds / able[chosen].seconds:.1f} times as fast as {name}"
    return "no other engine can do this"


def _candidate(name: str, chosen: str, prospects: dict[str, _Prospect]) -> Candidate:
    prospect = prospects[name]
    if prospect.refusal is not None:
        return Candidate(name, None, None, f"refused: {prospect.refusal}")
    ratio = prospect.seconds / prospects[chosen].seconds
    slower = f"{ratio:.1f} times as slow" if ratio >= 1 else f"{1 / ratio:.1f} times as fast"
    verdict = "chosen" if name == chosen else slower
    return Candidate(name, prospect.seconds, prospect.bytes, verdict)
