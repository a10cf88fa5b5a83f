"""Arrays of the array API standard (torch, CuPy, JAX, ...), convolved where they are by their own library.

Two methods, each written once in terms of the namespace of an array: "direct" adds shifted copies, "fft"
transforms the whole. Nothing is done in place, so that gradients of torch and JAX go through, and what
depends on the numbers is left to JAX where it traces a function (`jit`), as there are none yet. What needs
the engines of this package (missing samples, componentwise accuracy, objects, integers through
transforms) is refused, with the way to get it.
"""

from __future__ import annotations

import itertools
import math
import sys
import warnings
from collections.abc import Callable
from typing import Any

import array_api_compat
import numpy as np

from fftconv._arguments import Array, read_array, read_problem, result_dtype
from fftconv._arrays import package_of
from fftconv._boundary import FILLED, sources
from fftconv._fft.lengths import fast_length
from fftconv._geometry import Geometry
from fftconv._names import check_name

METHODS = ("auto", "direct", "fft")
_MOST_TAPS = 40  # up to which shifted copies are added up if nothing else is asked for
_DTYPES = (
    *("float64", "float32", "float16", "complex128", "complex64", "bool"),
    *("int64", "int32", "int16", "int8", "uint8", "uint16", "uint32"),
)
_NOT_HERE = {
    "mask": None,
    "out": None,
    "accuracy": "normwise",
    "max_memory": None,
    "fft_provider": None,
    "return_weight": False,
}


def convolve(signal: Any, kernel: Any, options: dict[str, Any], correlate: bool) -> Any:
    """An array of the kind of the signal, on its device."""
    library = package_of(signal) or package_of(kernel) or package_of(options["mask"])
    for name, default in _NOT_HERE.items():
        given = options[name]
        if given is not default and (default is None or given != default):
            shown = repr(given) if isinstance(given, (str, float, int)) else type(given).__name__
            raise ValueError(
                f"{name}={shown} is not accepted for arrays of {library}; leave it out, or pass NumPy's"
            )
    policy, method, boundary = options["nan_policy"], options["method"], options["boundary"]
    if policy == "omit" or boundary == "missing":
        name = "nan_policy='omit'" if policy == "omit" else "boundary='missing'"
        raise ValueError(f"{name} is not accepted for arrays of {library}; pass NumPy arrays")
    check_name("method", method, METHODS)
    xp, x, k = _read(signal, kernel, library)
    dtypes = _promoted([_numpy_dtype(xp, array.dtype) for array in (x, k)])
    like = [
        np.broadcast_to(np.zeros((), dtype), array.shape)
        for dtype, array in zip(dtypes, (x, k), strict=True)
    ]
    asked = {name: value for name, value in options.items() if name not in ("return_weight", "workers")}
    problem = read_problem(*like, **(asked | {"method": "auto", "workers": None}))
    geometry, result = problem.options.geometry, problem.options.dtype
    for name, array in (("signal", x), ("kernel", k)) if policy == "raise" else ():
        if xp.isdtype(array.dtype, ("real floating", "complex floating")):
            _refuse_nan(name, xp.any(xp.isnan(array)))
    given = x.dtype, k.dtype
    x, k = (_in_dtype(xp, array, result, library) for array in (x, xp.reshape(k, geometry.kernel_shape)))
    turned = tuple(axis for axis in geometry.axes if correlate)
    if turned:
        k = xp.conj(xp.flip(k, axis=turned)) if result.kind == "c" else xp.flip(k, axis=turned)
    fill = problem.options.fill_value if boundary == "constant" else 0
    extended = _extend(xp, x, geometry, boundary, fill)
    if method == "auto":
        method = "direct" if geometry.taps <= _MOST_TAPS or result.kind in "iu" else "fft"
    if result.kind in "iu":
        of_signal, of_kernel = (_largest(xp, *pair) for pair in zip((extended, k), given, strict=True))
        largest = max(of_signal, abs(int(fill))) * of_kernel * geometry.taps
        _check_integers(largest, method, library)
        return _add_shifted(xp, extended, k, geometry)
    compute = _add_shifted if method == "direct" else _by_transform
    if boundary != "zero":
        return compute(xp, extended, k, geometry)

    def without_terms_outside() -> Any:
        """There are none, and zero times infinity would be one."""
        nowhere = xp.zeros_like(x, dtype=xp.bool)
        absent = _extend(xp, nowhere, geometry, "constant", True)
        return _add_shifted(xp, extended, k, geometry, absent)

    is_plain = xp.all(xp.isfinite(k))
    return _either(is_plain, lambda: compute(xp, extended, k, geometry), without_terms_outside)


def _is_traced(array: Any) -> bool:
    """Whether JAX will know the numbers when it runs what it is making of a function, and not before."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(array, jax.core.Tracer)


def _either(condition: Any, holds: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """What one of two functions gives."""
    if _is_traced(condition):
        return sys.modules["jax"].lax.cond(condition, holds, otherwise)
    return holds() if bool(condition) else otherwise()


def _refuse_nan(name: str, found: Any) -> None:
    if _is_traced(found):
        raise ValueError(
            "nan_policy='raise' needs numbers, and a function that JAX traces has none yet; leave it out, "
            "or check before"
        )
    if bool(found):
        raise ValueError(f"{name} holds a NaN, and nan_policy='raise'; replace it, or pass 'propagate'")


def stack(arrays: list[Any]) -> Any:
    """Along a new first axis."""
    return array_api_compat.array_namespace(*arrays).stack(arrays)


def _read(signal: Any, kernel: Any, library: str) -> tuple[Any, Any, Any]:
    """The namespace, and both arrays in it, on one device; arrays of NumPy go to the other's."""
    theirs = [array for array in (signal, kernel) if package_of(array)]
    if not theirs:
        raise TypeError(f"mask is an array of {library}, signal and kernel are not; pass one of NumPy")
    xp = array_api_compat.array_namespace(*theirs)
    places = [array_api_compat.device(array) for array in theirs]
    devices = {str(place) for place in places if place is not None}  # what JAX differentiates has none
    if len(devices) > 1:
        raise ValueError(
            f"signal is on {array_api_compat.device(signal)} and kernel on "
            f"{array_api_compat.device(kernel)}; move one of them to the other's device"
        )
    device = next((place for place in places if place is not None), None)
    x, k = signal, kernel
    if not package_of(signal):
        samples = read_array("signal", signal)
        beside = _promoted([samples.dtype, _numpy_dtype(xp, kernel.dtype)])
        if beside[0] != samples.dtype:
            samples = samples.astype(result_dtype(*beside))
        x = _moved(xp, samples, device)
    elif not package_of(kernel):
        k = _moved(xp, _narrowed(xp, kernel, signal), device)
    for name, array in (("signal", x), ("kernel", k)):
        if array.ndim == 0 or math.prod(array.shape) == 0:
            raise ValueError(
                f"{name} has shape {tuple(array.shape)}; pass at least one element along an axis"
            )
    return xp, x, k


def _moved(xp: Any, array: Array, device: Any) -> Any:
    """An array of NumPy beside the others."""
    if array.dtype.kind not in "biufc":
        raise TypeError(f"an array has dtype {array.dtype}; accepted beside others are numbers")
    return xp.asarray(np.array(array, order="C"), device=device)


def _promoted(dtypes: list[np.dtype[Any]]) -> list[np.dtype[Any]]:
    """The two dtypes, with the float one in place of an integer or boolean one.

    So integers never widen the floats beside them: float32 stays float32, as in these libraries' own
    arithmetic. NumPy widens int32 and int64 to float64.
    """
    floats = [dtype for dtype in dtypes if dtype.kind in "fc"]
    others = [dtype for dtype in dtypes if dtype.kind in "biu"]
    return floats * 2 if len(floats) == len(others) == 1 else dtypes


def _narrowed(xp: Any, kernel: Any, signal: Any) -> Array:
    """The taps, beside floats in the precision of the signal's results, so that float32 stays float32."""
    taps = read_array("kernel", kernel)
    of_signal = _numpy_dtype(xp, signal.dtype)
    if taps.dtype.kind not in "biufc" or of_signal.kind not in "fc":
        return taps
    single = of_signal in (np.float16, np.float32, np.complex64)
    kind = "c" if taps.dtype.kind == "c" else "f"
    wanted = {("f", True): "f4", ("f", False): "f8", ("c", True): "c8", ("c", False): "c16"}
    with np.errstate(over="ignore", under="ignore"):
        narrow = taps.astype(wanted[kind, single])
    if not np.array_equal(np.isfinite(narrow), np.isfinite(taps)) or ((narrow == 0) != (taps == 0)).any():
        raise ValueError(
            f"kernel has numbers beyond the range of {narrow.dtype}, that of the signal; scale it, "
            f"or convert the signal to float64"
        )
    return narrow


def _in_dtype(xp: Any, array: Any, dtype: np.dtype[Any], library: str) -> Any:
    """In the dtype of the result, if the library has it."""
    wanted = getattr(xp, dtype.name)
    if array.dtype == wanted:
        return array
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which is what JAX says before it takes another one
        found = xp.astype(array, wanted)
    if found.dtype != wanted:
        raise TypeError(
            f"{library} has no {dtype} here, and would compute in {found.dtype}, which may wrap; pass "
            f"NumPy's arrays, floats, or let it have 64 bits (in JAX by jax_enable_x64)"
        )
    return found


def _numpy_dtype(xp: Any, dtype: Any) -> np.dtype[Any]:
    """The same in NumPy."""
    for name in _DTYPES:
        if getattr(xp, name, None) == dtype:
            return np.dtype(name)
    raise TypeError(
        f"dtype {dtype} is not accepted; pass floats, complex numbers, or integers up to int64 and uint32"
    )


def _extend(xp: Any, x: Any, geometry: Geometry, boundary: str, fill: Any) -> Any:
    """The samples that the outputs read, along every convolved axis."""
    for axis, window in zip(geometry.axes, geometry.windows, strict=True):
        positions = np.arange(*window.reads)
        found = sources(positions, window.size, boundary)  # type: ignore[arg-type]
        if boundary not in FILLED:
            x = xp.take(x, _indices(xp, found, x), axis=axis)
            continue
        inside = found[found >= 0]
        index = (slice(None),) * axis
        if inside.size:
            x = x[(*index, slice(int(inside[0]), int(inside[-1]) + 1), ...)]
        before = int(min((positions < 0).sum(), positions.size - inside.size))
        after = positions.size - inside.size - before
        parts = [
            _filled(xp, (*x.shape[:axis], count, *x.shape[axis + 1 :]), fill, x)
            for count in (before, after)
        ]
        x = xp.concat([parts[0], x, parts[1]] if inside.size else [parts[0], parts[1]], axis=axis)
    return x


def _indices(xp: Any, found: Array, like: Any) -> Any:
    narrow = found.astype(np.int32) if found.max() < 2**31 else found  # JAX has no others by itself
    return xp.asarray(narrow, device=array_api_compat.device(like))


def _filled(xp: Any, shape: tuple[int, ...], value: Any, like: Any) -> Any:
    scalar = complex(value) if isinstance(value, np.complexfloating) else value
    plain = scalar.item() if isinstance(scalar, np.generic) else scalar
    return xp.full(shape, plain, dtype=like.dtype, device=array_api_compat.device(like))


def _add_shifted(xp: Any, x: Any, k: Any, geometry: Geometry, absent: Any = None) -> Any:
    """The sum over taps of shifted copies of the samples, but for those that are absent."""
    total = None
    for tap in itertools.product(*(range(window.taps) for window in geometry.windows)):
        index: list[Any] = [slice(None)] * x.ndim
        weight: list[Any] = [slice(None)] * x.ndim
        for axis, window, at in zip(geometry.axes, geometry.windows, tap, strict=True):
            start = window.span - 1 - at * window.dilation
            index[axis] = slice(start, start + (window.outputs - 1) * window.stride + 1, window.stride)
            weight[axis] = slice(at, at + 1)
        term = x[tuple(index)] * k[tuple(weight)]
        if absent is not None:
            term = xp.where(absent[tuple(index)], xp.zeros_like(term), term)
        total = term if total is None else total + term
    return total


def _transformed(xp: Any, x: Any, k: Any, geometry: Geometry) -> Any:
    """One transform of the whole; what wraps around meets no output that is kept."""
    axes = geometry.axes
    lengths = [fast_length(x.shape[axis]) for axis in axes]
    is_complex = xp.isdtype(x.dtype, "complex floating")
    forward = xp.fft.fftn if is_complex else xp.fft.rfftn
    back = xp.fft.ifftn if is_complex else xp.fft.irfftn
    for axis, window in zip(axes, geometry.windows, strict=True):
        k = _dilated(xp, k, axis, window.dilation)
    spectrum = forward(x, s=lengths, axes=axes) * forward(k, s=lengths, axes=axes)
    y = back(spectrum, s=lengths, axes=axes)
    index: list[Any] = [slice(None)] * y.ndim
    for axis, window in zip(axes, geometry.windows, strict=True):
        start = window.span - 1
        index[axis] = slice(start, start + (window.outputs - 1) * window.stride + 1, window.stride)
    return xp.astype(y[tuple(index)], x.dtype)


def _dilated(xp: Any, k: Any, axis: int, dilation: int) -> Any:
    """With zeros between the taps."""
    if dilation == 1 or k.shape[axis] == 1:
        return k
    apart = xp.expand_dims(k, axis=axis + 1)
    zeros = _filled(xp, (*k.shape[: axis + 1], dilation - 1, *k.shape[axis + 1 :]), 0, k)
    merged = xp.concat([apart, zeros], axis=axis + 1)
    return xp.reshape(merged, (*k.shape[:axis], k.shape[axis] * dilation, *k.shape[axis + 1 :]))


def _by_transform(xp: Any, x: Any, k: Any, geometry: Geometry) -> Any:
    """By transforms, with NaN and infinities where the definition has them, found by counting."""
    y = _transformed(xp, x, k, geometry)
    return _either(xp.all(xp.isfinite(y)), lambda: y, lambda: _put_right(xp, x, k, geometry))


def _put_right(xp: Any, x: Any, k: Any, geometry: Geometry) -> Any:
    """The same where an output is not finite."""
    if not xp.isdtype(x.dtype, "real floating"):
        return _add_shifted(xp, x, k, geometry)
    y = _transformed(xp, xp.where(xp.isfinite(x), x, xp.zeros_like(x)), k, geometry)
    # Otherwise it is the kernel, or the range of the dtype.
    by_signal = xp.all(xp.isfinite(y))
    return _either(
        by_signal, lambda: _restored(xp, x, k, y, geometry), lambda: _add_shifted(xp, x, k, geometry)
    )


def _restored(xp: Any, x: Any, k: Any, y: Any, geometry: Geometry) -> Any:
    """The outputs of the finite samples with the NaN and infinities of the others."""

    def meets(samples: Any, taps: Any) -> Any:
        """Whether any of the samples lies under any of the taps."""
        counts = _transformed(xp, xp.astype(samples, x.dtype), xp.astype(taps, x.dtype), geometry)
        return counts > 0.5

    plus, minus = x == math.inf, x == -math.inf
    to_nan = meets(xp.isnan(x), xp.ones_like(k)) | meets(xp.isinf(x), k == 0)
    to_plus = meets(plus, k > 0) | meets(minus, k < 0)
    to_minus = meets(plus, k < 0) | meets(minus, k > 0)
    y = xp.where(to_plus, xp.full_like(y, math.inf), y)
    y = xp.where(to_minus, xp.full_like(y, -math.inf), y)
    return xp.where(to_nan | (to_plus & to_minus), xp.full_like(y, math.nan), y)


def _check_integers(largest: int, method: str, library: str) -> None:
    """Sums of the definition are exact in 64 bits, if they fit; transforms of integers are not made."""
    if method == "fft":
        raise ValueError(
            f"method='fft' does not compute integers of {library}, whose transforms round; pass "
            f"method='direct', floats, or NumPy arrays"
        )
    if largest >= 2**63:
        raise OverflowError(
            f"sums of these integers may not fit int64, which {library} would wrap; convert them to "
            f"floats, or pass NumPy arrays, which raise where one does not fit"
        )


def _largest(xp: Any, array: Any, given: Any) -> int:
    """The largest magnitude; the largest of the dtype given, where the numbers are not there yet."""
    most, least = xp.max(array), xp.min(array)
    if _is_traced(most):
        about = np.iinfo(np.uint8) if given == xp.bool else xp.iinfo(given)
        most, least = about.max, about.min
    return max(abs(int(most)), abs(int(least)))
