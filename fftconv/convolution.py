"""`convolve` and `correlate`: arguments -> plan -> engine -> result."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv import _nonfinite
from fftconv._arguments import Array, Axes, Options, Problem, are_plain, read_problem
from fftconv._arrays import convolve_of
from fftconv._content import Content, content_of
from fftconv._engines import DEFINITIONS, ENGINES, TRANSFORMS, reads, writes
from fftconv._engines.core import convolve_line
from fftconv._geometry import Mode
from fftconv._integers import check_overflow, convolve_in_limbs, round_to
from fftconv._missing import convolve_missing
from fftconv._names import Boundary, Method
from fftconv._prepared import Prepared, is_kept, prepare, unseen
from fftconv._profile import Profile, machine_profile
from fftconv._quotients import Quotient, divide
from fftconv._range import is_in_range
from fftconv._recording import is_recording, record
from fftconv.planning import ConvolutionPlan, plan_problem

__all__ = ["convolve", "correlate"]


def __dir__() -> list[str]:
    return __all__


_NO_FILL, _ONE = 0.0, 1  # defaults, which the fast path knows by identity


def convolve(
    signal: ArrayLike,
    kernel: ArrayLike,
    mode: Mode = "full",
    *,
    boundary: Boundary = "zero",
    fill_value: Any = _NO_FILL,
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
    out: Array | None = None,
    return_weight: bool = False,
) -> Any:
    r"""Convolve a signal with a kernel, by the fastest of several engines.

    In one dimension, with dilation d,

    .. math:: y[p] = \sum_{i=0}^{m-1} k[i] \, x[p - d i],

    and in N dimensions the same with index vectors. `mode` says which p are returned, `boundary` what
    x is where p - d i lies outside it, `method` how the sum is computed.

    Parameters
    ----------
    signal : array_like, shape (n, ...)
        Samples: an array of booleans, integers, floats, complex numbers or objects such as Fraction. Masked
        arrays, quantities with a unit and pandas objects are refused, here and everywhere in this package,
        as their mask, unit or index would be lost.
    kernel : array_like
        Taps, with one axis for each convolved axis, and then applied to every slice of the signal; or
        with as many axes as the signal, and then broadcast against it along the axes that are not
        convolved.
    mode : {"full", "same", "valid"}, default "full"
        Which outputs are returned, along each axis, for n samples and a kernel that covers
        s = (m - 1) d + 1 of them.

        full
            All n + s - 1 that any sample reaches.
        same
            n of them, from the (s - 1) // 2-th on: the signal's shape, centred on it.
        valid
            The n - s + 1 that need no sample outside the signal.
    boundary : str, default "zero"
        What stands beyond the edges::

            zero      0 0 0 | a b c d | 0 0 0      terms outside are left out of the sum
            constant  v v v | a b c d | v v v      v is `fill_value`
            nearest   a a a | a b c d | d d d
            reflect   c b a | a b c d | d c b
            mirror    d c b | a b c d | c b a
            wrap      b c d | a b c d | a b c
            missing   . . . | a b c d | . . .      the mean of what there is, see `mask`

        These are the names of scipy.ndimage. Those of other libraries are refused, with ours in the error:
        "reflect" of numpy.pad and torch is "mirror" here, and "symmetric" is "reflect".
    fill_value : number, default 0
        Used by ``boundary="constant"`` alone.
    axes : int or sequence of int, optional
        The axes to convolve along, in ascending order; all by default.
    method : {"auto", "direct", "separable", "running_sum", "overlap_save", "fft"}, default "auto"
        "auto" takes the engine with the shortest predicted time. A method that is named is used, or
        refused with the reason; it is never replaced. "separable" takes kernels of at least two axes
        that are sums of outer products, "running_sum" kernels of equal taps. "overlap_save" transforms
        tiles, "fft" the whole.
    stride : int or sequence of int, default 1
        Return every stride-th output, one number for all axes, alone or in a sequence, or one for each.
    dilation : int or sequence of int, default 1
        Samples from one tap to the next.
    nan_policy : {"propagate", "omit", "raise"}, default "propagate"
        "propagate": a NaN or an infinity follows the sum above; it reaches the outputs whose window holds
        it. "omit": a sample that is NaN (not one that is infinite) counts as missing, as by `mask`.
        "raise": a NaN in signal or kernel is a ValueError, before anything is computed.
    mask : array_like of shape (n, ...), optional
        How much each sample counts: booleans, True where it does, or weights m from 0 to 1. Outputs are
        then weighted means of what is there,

        .. math:: y = \frac{k * (x m)}{w}, \qquad w = \frac{|k| * m}{\sum_i |k[i]|},

        so that w is 1 where nothing is missing. Where a window holds nothing, y is NaN and w is 0, decided
        by counting. The mask is extended as the signal is; beyond edges that are "zero" or "constant"
        everything counts, beyond those that are "missing" nothing does. Integers give float64. Kernels of
        both signs follow the same formula: they are divided by how much of their magnitude there is, which
        restores no zero sum, so a derivative beside a gap is one of the signal with zeros in the gap.
    accuracy : {"normwise", "componentwise"} or float, default "normwise"
        "normwise": every output is within ``explain(signal, kernel).error_bound``, a multiple of
        ``norm(signal) * norm(kernel)``, of the true value. "componentwise": every output is within
        (4 m + 64) u of the sum of the magnitudes that define it, sum of abs(k) abs(x) over its window, for
        m taps and unit roundoff u, so that small values beside large ones are right; transforms are
        certified output by output, and what they cannot do is done otherwise (see `explain`). A number
        stands in place of (4 m + 64) u.
    workers : int, optional
        Threads; as many as there are cores, for work that is large enough, by default.
    max_memory : int, optional
        Bytes of working memory, beyond the arrays given and the result, that no engine may exceed: those
        that would are refused, and tiles shrink. Putting NaN and infinities back where they belong may take
        more.
    fft_provider : {"pyfftw", "scipy"}, optional
        Who transforms where the native core does not; pyFFTW where it is installed, or what the environment
        variable FFTCONV_FFT says, by default. "scipy" passes on to the backend of `scipy.fft.set_backend`.
    out : numpy.ndarray, optional
        Where to write the result; it needs the result's shape and dtype, in either byte order. It may be
        the signal itself.
    return_weight : bool, default False
        Also return w, which is 1 everywhere if nothing is missing.

    Returns
    -------
    numpy.ndarray, or a tuple of two with ``return_weight=True``
        float32 and complex64 data stay so; float16 gives float32; booleans and integers give exact
        int64, or uint64 if one of the arrays is uint64 and the other unsigned or boolean; everything else
        follows NumPy's promotion. In arrays of the array API standard integers never widen the floats
        beside them, and neither does a kernel of NumPy: a float32 signal gives float32.

    Raises
    ------
    ValueError, TypeError
        For arguments that are not accepted; the message says what is.
    OverflowError
        If an integer of the result does not fit its dtype. Nothing is ever wrapped or rounded, whichever
        engine runs.

    See Also
    --------
    correlate : The same with the kernel not flipped.
    explain : Which engine runs, and why.

    Notes
    -----
    dask arrays give dask arrays, computed chunk by chunk when they are asked for; xarray keeps its labels,
    and takes `axes` by name; arrays of torch, CuPy, JAX and others of the array API standard are convolved
    by their own library, where they are, by the methods "direct" and "fft" alone.

    ``mode="same"`` has the centre of scipy.signal and numpy. scipy.ndimage, for a kernel of even
    length, keeps the output one later: pass ``origin=-1`` there to get the one returned here.

    References
    ----------
    .. [1] A. V. Oppenheim, R. W. Schafer, Discrete-Time Signal Processing, 3rd ed., 2010, section 2.3.

    Examples
    --------
    >>> import numpy as np, fftconv
    >>> fftconv.convolve([1, 2, 3], [1, 1])
    array([1, 3, 5, 3])
    >>> fftconv.convolve([1.0, 2.0, 3.0], [0.5, 0.5], mode="valid")
    array([1.5, 2.5])

    A moving average that repeats the edges, along the last axis of a 2-D array:

    >>> rows = np.array([[3.0, 3.0, 9.0], [0.0, 6.0, 0.0]])
    >>> fftconv.convolve(rows, np.ones(3) / 3, axes=-1, mode="same", boundary="nearest")
    array([[3., 5., 7.],
           [2., 2., 2.]])

    The same of what is there: without the NaN, and without what lies beyond the edges:

    >>> gappy = np.array([3.0, np.nan, 9.0, 6.0])
    >>> fftconv.convolve(gappy, np.ones(3) / 3, mode="same", boundary="missing", nan_policy="omit")
    array([3. , 6. , 7.5, 7.5])
    """
    # The fast path: with short lines most of the time would go into arguments and plan. It skips both,
    # which is safe as only arguments left at their defaults come here, and `convolve_line` takes nothing
    # but floats or int64 along one axis, so few that the plan could only say "direct".
    if (
        axes is mask is out is None
        and max_memory is None
        and fft_provider is None
        and (workers is None or workers is _ONE)
        and stride is dilation is _ONE
        and fill_value is _NO_FILL
        and isinstance(method, str)
        and method == "auto"
        and isinstance(boundary, str)
        and boundary == "zero"
        and isinstance(nan_policy, str)
        and nan_policy == "propagate"
        and isinstance(accuracy, str)
        and accuracy == "normwise"
        and return_weight is False
        and not is_recording()
        and (result := convolve_line(signal, kernel, mode)) is not None
    ):
        return result
    options: dict[str, Any] = {
        "mode": mode,
        "boundary": boundary,
        "fill_value": fill_value,
        "axes": axes,
        "method": method,
        "stride": stride,
        "dilation": dilation,
        "nan_policy": nan_policy,
        "mask": mask,
        "accuracy": accuracy,
        "workers": workers,
        "max_memory": max_memory,
        "fft_provider": fft_provider,
        "out": out,
    }
    return _run(signal, kernel, options, return_weight, is_correlation=False)


def correlate(
    signal: ArrayLike,
    kernel: ArrayLike,
    mode: Mode = "full",
    *,
    boundary: Boundary = "zero",
    fill_value: Any = _NO_FILL,
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
    out: Array | None = None,
    return_weight: bool = False,
) -> Any:
    r"""Correlate a signal with a kernel: a convolution whose kernel is not flipped.

    .. math:: y[p] = \sum_{i=0}^{m-1} \overline{k[i]} \, x[p - d (m - 1) + d i]

    This is what CNN libraries and image filters call convolution: the kernel is laid on the signal as
    it is written, and each output is large where the signal looks like the kernel. Equal to `convolve`
    with the kernel reversed along the convolved axes and, if complex, conjugated, as in scipy.signal.

    Parameters
    ----------
    signal, kernel, mode, boundary, fill_value, axes, method, stride, dilation
        As in `convolve`.
    nan_policy, mask, accuracy, workers, max_memory, fft_provider, out, return_weight
        As in `convolve`.

    Returns
    -------
    numpy.ndarray, or a tuple of two with ``return_weight=True``
        As `convolve`.

    Raises
    ------
    ValueError, TypeError, OverflowError
        As `convolve`.

    Examples
    --------
    The difference of neighbours is largest at the step:

    >>> import fftconv
    >>> fftconv.correlate([0, 0, 5, 5, 5], [-1, 1], mode="valid")
    array([0, 5, 0, 0])
    """
    options: dict[str, Any] = {
        "mode": mode,
        "boundary": boundary,
        "fill_value": fill_value,
        "axes": axes,
        "method": method,
        "stride": stride,
        "dilation": dilation,
        "nan_policy": nan_policy,
        "mask": mask,
        "accuracy": accuracy,
        "workers": workers,
        "max_memory": max_memory,
        "fft_provider": fft_provider,
        "out": out,
    }
    return _run(signal, kernel, options, return_weight, is_correlation=True)


def _run(
    signal: Any, kernel: Any, options: dict[str, Any], return_weight: bool, *, is_correlation: bool
) -> Any:
    """The result, by whoever has such arrays, and the weights if they are asked for."""
    if (other := convolve_of(signal, kernel, options["mask"])) is not None:
        return other(signal, kernel, options | {"return_weight": return_weight}, is_correlation)
    out = options["out"]
    others = options if out is None else options | {"out": None}
    if not return_weight and is_kept(signal, kernel) and are_plain(others.values()):
        taps, profile = content_of(kernel), machine_profile()
        known = prepared(signal.shape, signal.dtype, taps, None, is_correlation, profile, **others)
        if known is not None and (computed := known.compute(signal, out)) is not None:
            return computed
    result, weight = run(_read(signal, kernel, options, is_correlation), plan_problem)
    if not return_weight:
        return result
    return result, np.ones_like(result.real) if weight is None else weight


@lru_cache(maxsize=256, typed=True)
def prepared(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    taps: Content,
    result: np.dtype[Any] | None,
    is_correlation: bool,
    profile: Profile,
    /,
    quotient: Quotient | None = None,
    **options: Any,
) -> Prepared | None:
    """What is known of such a convolution before its samples; `profile` is the one that the plan uses.

    `result` is the dtype to deliver, if it is not that of the convolution.
    """
    if options.get("nan_policy") == "raise":
        return None
    problem = with_quotient(_read(unseen(shape, dtype), taps.array, options, is_correlation), quotient)
    return prepare(problem, problem.options.dtype if result is None else result)


def with_quotient(problem: Problem, quotient: Quotient | None) -> Problem:
    """Return the problem whose result is the quotient of its sums."""
    if quotient is None:
        return problem
    return problem._replace(options=dataclasses.replace(problem.options, quotient=quotient))


def _read(signal: Any, kernel: Any, options: dict[str, Any], is_correlation: bool) -> Problem:
    problem = read_problem(signal, kernel, **options)
    if not is_correlation:
        return problem
    turned = problem.kernel[problem.options.geometry.turned]
    return problem._replace(kernel=np.conjugate(turned) if turned.dtype.kind in "cO" else turned)


def run(problem: Problem, make_plan: Callable[[Problem], ConvolutionPlan]) -> tuple[Array, Array | None]:
    """The result, and the weights if samples could have been missing."""
    if not problem.has_gaps:
        return follow(problem, make_plan(problem)), None
    result, weight = convolve_missing(problem, _convolve_plain, plan_problem)
    if problem.out is not None:
        problem.out[...] = round_to(result, problem.out.dtype)
        return problem.out, weight
    return result, weight


def _convolve_plain(problem: Problem) -> Array:
    return follow(problem, plan_problem(problem))


def follow(problem: Problem, plan: ConvolutionPlan) -> Array:
    """Do as the plan says: compute, check, and only then let go of the result."""
    record(plan)
    if plan.schedule.limbs is not None:
        return _deliver(convolve_in_limbs(problem, plan), problem, plan)
    if plan.is_certified:
        from fftconv._componentwise import convolve_componentwise  # with optimisers and labels of scipy

        return _deliver(convolve_componentwise(problem, plan)[0], problem, plan)
    options, arithmetic = problem.options, plan.compute_dtype
    if arithmetic.kind == "i" and options.fill_value > np.iinfo(arithmetic).max:
        options = dataclasses.replace(options, fill_value=options.fill_value - 2**64)  # as the samples wrap
    signal = problem.signal
    if not reads(plan.path, signal.dtype, arithmetic):
        signal = signal.astype(arithmetic)
    kernel = problem.kernel.astype(arithmetic, copy=False)
    computed = _buffer(problem, plan)
    finite = ENGINES[plan.method](kernel, options, plan.schedule)(signal, computed)
    if plan.method in TRANSFORMS and options.quotient is not None and computed.dtype.kind == "f":
        computed = np.rint(computed)  # proven to be the sums
    elif not finite or (plan.method not in DEFINITIONS and not is_in_range(signal, kernel, computed)):
        signal = signal.astype(arithmetic, copy=False)
        if computed.dtype != arithmetic:
            computed = np.empty(plan.output_shape, arithmetic)
        compute = partial(_compute, options, plan, plan.method)
        add_up = partial(_compute, options, plan, "direct")
        _nonfinite.restore(signal, kernel, options.fill_value, compute, add_up, computed)
    if plan.dtype.kind == "u" and computed.dtype.kind == "i":
        computed = computed.view(plan.dtype)  # modulo 2^64 they are the same
    if plan.checks_overflow:
        check_overflow(problem, computed)
    return _deliver(computed, problem, plan)


def _compute(
    options: Options, plan: ConvolutionPlan, method: str, signal: Array, kernel: Array, fill_value: Any
) -> Array:
    """Other data through an engine."""
    out = np.empty(plan.output_shape, signal.dtype)
    # Under "zero" there is nothing outside, whatever stands for it.
    outside = fill_value if options.boundary == "constant" else 0
    changed = dataclasses.replace(options, fill_value=outside, method=method)
    schedule = plan.schedule
    if signal.dtype != plan.compute_dtype:  # it may be another code path, with other tiles
        changed = dataclasses.replace(changed, dtype=signal.dtype, source=signal.dtype)
        schedule = plan_problem(Problem(signal, kernel, changed)).schedule
    ENGINES[method](kernel, changed, schedule)(signal, out)
    return out


def _buffer(problem: Problem, plan: ConvolutionPlan) -> Array:
    """Where to compute: the caller's `out`, unless it could end up half-written or feed back."""
    out, arithmetic = problem.out, plan.compute_dtype
    wanted = plan.dtype if out is None else out.dtype
    if not writes(plan.path, wanted, arithmetic):
        return np.empty(plan.output_shape, arithmetic)
    if (
        out is not None
        and not plan.checks_overflow
        and not np.may_share_memory(out, problem.signal)
        and not np.may_share_memory(out, problem.kernel)
    ):
        return out
    return np.empty(plan.output_shape, wanted)


def _deliver(computed: Array, problem: Problem, plan: ConvolutionPlan) -> Array:
    """The result in the dtype of `out`, or else of the plan."""
    out, quotient = problem.out, problem.options.quotient
    if computed is out:
        return computed
    if quotient is not None and computed.dtype != quotient.dtype:
        computed = divide(computed, quotient)
    if out is None:
        return _convert(computed, plan.dtype, plan)
    out[...] = _convert(computed, out.dtype, plan)
    return out


def _convert(computed: Array, dtype: np.dtype[Any], plan: ConvolutionPlan) -> Array:
    if plan.dtype.kind in "iu" and computed.dtype.kind == "f":
        return np.rint(computed, out=computed).astype(dtype)  # proven to be the nearest integer
    return round_to(computed, dtype)
