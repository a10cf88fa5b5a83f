"""Kernels prepared once and applied to many signals: one, or several that share transforms."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array, Axes, Options, Problem, align, read_array, read_problem
from fftconv._arrays import convolve_of, stack_of
from fftconv._checks import read_list
from fftconv._copies import set_state, state_without
from fftconv._engines import FAMILIES
from fftconv._fft import read_provider
from fftconv._geometry import Mode
from fftconv._names import Boundary, Method, check_mode, check_name
from fftconv._prepared import Prepared, is_kept, prepare, unseen
from fftconv._profile import machine_profile
from fftconv._spectra import Spectra
from fftconv.convolution import follow, run
from fftconv.planning import ConvolutionPlan, explain, plan_problem

__all__ = ["Filter", "FilterBank"]


def __dir__() -> list[str]:
    return __all__


_KEPT_PLANS = 64
_UNKNOWN: Any = object()


class Filter:
    r"""A kernel prepared for many signals.

    .. math:: y[p] = \sum_i k[i] \, x[p - d i]

    as `convolve` gives it. The kernel's spectra and the plans, one for each shape and dtype of signal, are
    made at the first call that needs them and kept as long as the filter. One filter may be called from
    many threads at once; results are the same, to the last bit, as one after the other. Pickle and copy
    take kernel and options, and a copy makes the rest anew.

    By default the result has the size of the signal, which is mirrored at its ends, as filters of images
    do it: smoothing leaves a constant as it is. `convolve` has "full" and "zero".

    Parameters
    ----------
    kernel : array_like
        Taps, as in `convolve`. They are copied: changing the array afterwards changes nothing.
    mode : {"same", "full", "valid"}, default "same"
        As in `convolve`.
    boundary : str, optional
        As in `convolve`; by default "reflect", and "zero" for ``mode="valid"``, which reads nothing
        outside.
    fill_value, axes, method, stride, dilation, nan_policy, accuracy, workers, max_memory, fft_provider
        As in `convolve`.

    Raises
    ------
    ValueError, TypeError
        For a kernel or a choice that is not accepted; what depends on the signal is checked when there is
        one.

    See Also
    --------
    FilterBank : Several kernels for the same signals.

    Examples
    --------
    >>> import numpy as np, fftconv
    >>> smooth = fftconv.Filter(np.ones(3) / 3)
    >>> smooth([3.0, 3.0, 9.0])
    array([3., 5., 7.])
    >>> smooth(np.array([0.0, 6.0, 0.0, 3.0]))
    array([2., 2., 3., 2.])
    >>> smooth
    Filter(kernel of shape (3,) and dtype float64, mode='same', boundary='reflect')
    """

    def __init__(
        self,
        kernel: ArrayLike,
        *,
        mode: Mode = "same",
        boundary: Boundary | None = None,
        fill_value: Any = 0.0,
        axes: Axes = None,
        method: Method = "auto",
        stride: int | Sequence[int] = 1,
        dilation: int | Sequence[int] = 1,
        nan_policy: str = "propagate",
        accuracy: str | float = "normwise",
        workers: int | None = None,
        max_memory: int | None = None,
        fft_provider: str | None = None,
    ) -> None:
        self._kernel = _copy(read_array("kernel", kernel))
        check_mode(mode)
        self._options: dict[str, Any] = {
            "mode": mode,
            "boundary": ("zero" if mode == "valid" else "reflect") if boundary is None else boundary,
            "fill_value": fill_value,
            "axes": axes,
            "method": method,
            "stride": stride,
            "dilation": dilation,
            "nan_policy": nan_policy,
            "accuracy": accuracy,
            "workers": workers,
            "max_memory": max_memory,
            "fft_provider": fft_provider,
        }
        self._options = deepcopy(self._options)  # a list of the caller's may change
        check_name("boundary", self._options["boundary"])
        check_name("method", method)
        read_provider(fft_provider)
        # What is kept of calls:
        self._spectra = Spectra()
        self._plans: dict[Options, ConvolutionPlan] = {}
        self._prepared: dict[tuple[Any, ...], Prepared | None] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return what pickle and copy take: kernel and options, and nothing that calls made of them."""
        return state_without(self, ("_spectra", "_plans", "_prepared"))

    def __setstate__(self, state: dict[str, Any]) -> None:
        set_state(self, state)  # with what a subclass has added
        Filter.__init__(self, state["_kernel"], **state["_options"])

    @property
    def kernel(self) -> Array:
        """The taps, read-only."""
        return self._kernel

    def __call__(
        self, signal: ArrayLike, *, mask: ArrayLike | None = None, out: Array | None = None
    ) -> Array:
        """Convolve a signal with the kernel.

        Parameters
        ----------
        signal : array_like
            Samples, as in `convolve`.
        mask : array_like, optional
            How much each sample counts, as in `convolve`.
        out : numpy.ndarray, optional
            Where to write the result, as in `convolve`.

        Returns
        -------
        numpy.ndarray
            As `convolve` with the same arguments, bit for bit; of arrays of other libraries, what it makes
            of them.
        """
        if (other := convolve_of(signal, mask)) is not None:
            options = self._options | {"mask": mask, "out": out, "return_weight": False}
            return cast(Array, other(signal, self._kernel, options, False))
        if mask is None and is_kept(signal, self._kernel):
            with self._spectra.in_use():
                known = self._known(signal)
                computed = None if known is None else known.compute(signal, out)
            if computed is not None:
                return computed
        return self._run(self._problem(signal, out, mask))

    def explain(self, signal: ArrayLike, *, mask: ArrayLike | None = None) -> ConvolutionPlan:
        """Plan the convolution of this signal, with its error bound; see `fftconv.explain`."""
        return explain(signal, self._kernel, mask=mask, **self._options)

    def _known(self, signal: Array) -> Prepared | None:
        """What is known of such signals before their samples."""
        key = signal.shape, signal.dtype, machine_profile()
        known: Prepared | None = self._prepared.get(key, _UNKNOWN)
        if known is not _UNKNOWN:
            return known
        problem = self._problem(unseen(signal.shape, signal.dtype), None)
        if len(self._prepared) >= _KEPT_PLANS:
            self._prepared.clear()
        return self._prepared.setdefault(key, prepare(problem, problem.options.dtype))

    def _problem(self, signal: ArrayLike, out: Array | None, mask: ArrayLike | None = None) -> Problem:
        return read_problem(signal, self._kernel, mask=mask, out=out, **self._options)

    def _run(self, problem: Problem, plan: ConvolutionPlan | None = None) -> Array:
        """The result, by a plan that was made before if there is one."""
        with self._spectra.in_use():
            return run(problem, self._plan)[0] if plan is None else follow(problem, plan)

    def _plan(self, problem: Problem) -> ConvolutionPlan:
        if problem.options.dtype.kind in "iuO":  # the plan depends on how large the integers are
            return plan_problem(problem)
        plan = self._plans.get(problem.options)  # the same object for the same shapes and dtypes
        if plan is None:
            plan = plan_problem(problem)
            if len(self._plans) >= _KEPT_PLANS:
                self._plans.clear()
            self._plans[problem.options] = plan
        return plan

    def __repr__(self) -> str:
        return f"Filter(kernel of {_facts(self._kernel)}, {_choices(self._options)})"


class FilterBank:
    r"""Several kernels of one shape, prepared for the same signals, which are transformed once for all.

    .. math:: y_n[p] = \sum_i k_n[i] \, x[p - d i]

    Where it is predicted to be faster, every kernel takes an engine of its own, as separable ones may.

    Parameters
    ----------
    kernels : sequence of array_like, or array_like with one axis more
        The taps of each, all of one shape. They are copied.
    mode, boundary, fill_value, axes, method, stride, dilation
        As in `Filter`; `axes` are those of the signal.
    nan_policy, accuracy, workers, max_memory, fft_provider
        As in `Filter`.

    Raises
    ------
    ValueError, TypeError
        For kernels of different shapes, and as `Filter`.

    Examples
    --------
    >>> import fftconv
    >>> bank = fftconv.FilterBank([[1, 1], [1, -1]], mode="valid")
    >>> bank([1, 5, 2])
    array([[ 6,  7],
           [ 4, -3]])
    >>> bank
    FilterBank(2 kernels of shape (2,) and dtype int64, mode='valid', boundary='zero')
    """

    def __init__(
        self,
        kernels: ArrayLike | Sequence[ArrayLike],
        *,
        mode: Mode = "same",
        boundary: Boundary | None = None,
        fill_value: Any = 0.0,
        axes: Axes = None,
        method: Method = "auto",
        stride: int | Sequence[int] = 1,
        dilation: int | Sequence[int] = 1,
        nan_policy: str = "propagate",
        accuracy: str | float = "normwise",
        workers: int | None = None,
        max_memory: int | None = None,
        fft_provider: str | None = None,
    ) -> None:
        self._kernels = _stack(kernels)
        self._axes = deepcopy(axes)
        self._options: dict[str, Any] = {
            "mode": mode,
            "boundary": boundary,
            "fill_value": fill_value,
            "method": method,
            "stride": stride,
            "dilation": dilation,
            "nan_policy": nan_policy,
            "accuracy": accuracy,
            "workers": workers,
            "max_memory": max_memory,
            "fft_provider": fft_provider,
        }
        self._options = deepcopy(self._options)  # as in Filter
        self._filters = [Filter(taps, axes=self._axes, **self._options) for taps in self._kernels]
        self._together: dict[tuple[int, ...], Filter] = {}  # by the axes of the signals

    def __getstate__(self) -> dict[str, Any]:
        """Return what pickle and copy take: kernels and options."""
        return state_without(self, ("_filters", "_together"))

    def __setstate__(self, state: dict[str, Any]) -> None:
        set_state(self, state)
        FilterBank.__init__(self, state["_kernels"], axes=state["_axes"], **state["_options"])

    @property
    def kernels(self) -> Array:
        """The taps, read-only: the kernels one after the other along the first axis."""
        return self._kernels

    def __call__(
        self, signal: ArrayLike, *, mask: ArrayLike | None = None, out: Array | None = None
    ) -> Array:
        """Convolve a signal with every kernel.

        Parameters
        ----------
        signal : array_like
            Samples, as in `convolve`.
        mask : array_like, optional
            How much each sample counts, as in `convolve`.
        out : numpy.ndarray, optional
            Where to write the results, as in `convolve`.

        Returns
        -------
        numpy.ndarray
            The results of `convolve`, one for each kernel along the first axis.
        """
        if convolve_of(signal, mask) is not None:
            each = [one(signal, mask=mask, out=out) for one in self._filters]
            return cast(Array, stack_of(each))
        samples = read_array("signal", signal, has_mask=True)
        method = self._options["method"]
        bank = self._bank(samples)
        together = bank._problem(samples[np.newaxis], out, mask)
        if method not in FAMILIES and (together.has_gaps or method != "auto"):
            return bank._run(together)
        alone = [one._problem(samples, None, mask) for one in self._filters]
        plans: Sequence[ConvolutionPlan | None] = [None] * len(alone)
        if method == "auto":
            own = [one._plan(problem) for one, problem in zip(self._filters, alone, strict=True)]
            plan = bank._plan(together)
            if plan.seconds <= sum(each.seconds for each in own):
                return bank._run(together, plan)
            plans = own
        # Not into `out`, which may be part of the signal, and must not be half-written if a kernel fails.
        options = alone[0].options
        results = np.empty((len(alone), *options.geometry.output_shape), options.dtype)
        for one, problem, made, result in zip(self._filters, alone, plans, results, strict=True):
            one._run(problem._replace(out=result), made)
        if out is None:
            return results
        out[...] = results
        return out

    def _bank(self, samples: Array) -> Filter:
        """All kernels as one, whose slices meet the same samples, which have an axis more in front."""
        aligned, convolved = align(samples.shape, self._kernels.shape[1:], self._axes)
        key = (samples.ndim, *convolved)
        if key not in self._together:
            kernels = self._kernels.reshape(len(self._kernels), *aligned)
            axes = tuple(axis + 1 for axis in convolved)
            self._together[key] = Filter(kernels, axes=axes, **self._options)
        return self._together[key]

    def __repr__(self) -> str:
        facts = f"{len(self._kernels)} kernels of {_facts(self._kernels[0])}"
        return f"FilterBank({facts}, {_choices(self._filters[0]._options)})"


def _stack(kernels: ArrayLike | Sequence[ArrayLike]) -> Array:
    """The kernels along a first axis, read-only."""
    given = read_list("kernels", kernels, "a sequence of kernels")
    each = [read_array(f"kernels[{n}]", taps) for n, taps in enumerate(given)]
    if not each:
        raise ValueError("kernels is empty; pass at least one kernel")
    shapes = sorted({taps.shape for taps in each})
    if len(shapes) > 1:
        raise ValueError(
            f"kernels have shapes {', '.join(map(str, shapes))}, accepted are kernels of one shape; pad "
            f"the smaller ones with zeros, or make a Filter of each"
        )
    return _copy(np.stack(each))


def _copy(array: Array) -> Array:
    copied = np.array(array)
    copied.flags.writeable = False
    return copied


def _facts(kernel: Array) -> str:
    return f"shape {kernel.shape} and dtype {kernel.dtype}"


def _choices(options: dict[str, Any]) -> str:
    """The options that are not defaults, and those that have no obvious one."""
    shown = ("mode", "boundary")
    defaults = inspect.signature(Filter).parameters
    return ", ".join(
        f"{name}={value!r}"
        for name, value in options.items()
        if name in shown or value != defaults[name].default
    )
