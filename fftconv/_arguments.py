"""The only place that reads raw input: everything after it may assume valid, described data.

`read_problem` turns what a caller passed to `convolve` into a `Problem`; `read_shapes` does the same
for `plan_convolution`, which has shapes alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from numbers import Number
from os import PathLike
from typing import Any, NamedTuple, NoReturn, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fftconv._arrays import check_array_kind
from fftconv._boundary import FILLED
from fftconv._checks import (
    axes_in_words,
    check_choice,
    check_growth,
    check_workers,
    is_number,
    is_whole,
    read_integers,
    read_scalar,
    read_steps,
    rounded_up,
    shown,
)
from fftconv._content import Content
from fftconv._error_bound import componentwise_error
from fftconv._fft import Provider, read_provider
from fftconv._geometry import Geometry, Mode, geometry
from fftconv._names import Boundary, check_mode, check_name
from fftconv._quotients import Quotient

Array = np.ndarray[Any, np.dtype[Any]]
Axes = int | Sequence[int] | None
_NUMBERS = "numbers in rows of equal length, such as [1.0, 2.0]"
_MOST_ELEMENTS = 2**56  # more than any memory holds, and fewer bytes than an integer counts
NAN_POLICIES = ("propagate", "omit", "raise")


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """How to convolve, apart from the data; every field is checked."""

    geometry: Geometry
    boundary: Boundary
    fill_value: Any
    method: str
    workers: int | None
    max_memory: int | None
    """Bytes beyond inputs and result."""
    fft_provider: Provider
    """Who transforms where the native core does not."""
    nan_policy: str
    tolerance: float | None
    """Allowed error of an output relative to its sum of magnitudes; None where the norms bound it."""
    source: np.dtype[Any]
    """Of the signal as it was given."""
    dtype: np.dtype[Any]
    """Of the result."""
    quotient: Quotient | None = None
    """What is delivered of the result instead, if that is of integers."""

    @property
    def has_gaps(self) -> bool:
        """Whether samples may be missing even without a mask."""
        return _may_miss(self.nan_policy, self.boundary)


class Problem(NamedTuple):  # made in a fifth of the time of a frozen dataclass
    """Checked arrays and options; the kernel has as many axes as the signal."""

    signal: Array
    kernel: Array
    options: Options
    out: Array | None = None
    mask: Array | None = None

    @property
    def has_gaps(self) -> bool:
        """Whether samples may be missing, so that outputs are weighted by what there is."""
        return self.mask is not None or self.options.has_gaps


def _may_miss(nan_policy: str, boundary: str) -> bool:
    return nan_policy == "omit" or boundary == "missing"


def read_problem(
    signal: ArrayLike,
    kernel: ArrayLike,
    *,
    mode: str,
    boundary: str = "zero",
    fill_value: Any = 0.0,
    axes: Axes = None,
    method: str = "auto",
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    nan_policy: str = "propagate",
    mask: ArrayLike | None = None,
    accuracy: str | float = "normwise",
    workers: int | None = None,
    max_memory: int | None = None,
    fft_provider: str | None = None,
    out: Array | None = None,
) -> Problem:
    """Check everything that `convolve` takes."""
    samples = read_array("signal", signal, has_mask=True)
    taps = read_array("kernel", kernel)
    if type(boundary) is not str or type(nan_policy) is not str:
        check_name("boundary", boundary)
        check_choice("nan_policy", nan_policy, NAN_POLICIES)
    weighted = mask is not None or _may_miss(nan_policy, boundary)
    dtype = result_dtype(samples.dtype, taps.dtype, weighted)
    if dtype.kind == "O":
        _check_products(samples, taps)
    provider = read_provider(fft_provider)
    resources = (workers, max_memory, provider)
    given = (axes, mode, boundary, fill_value, method, stride, dilation, *resources, nan_policy, accuracy)
    read = _kept_options if are_plain(given) else _read_options
    options = read(samples.shape, taps.shape, samples.dtype, dtype, *given)
    if out is not None:
        check_out(out, options.geometry.output_shape, dtype)
    problem = Problem(samples, taps.reshape(options.geometry.kernel_shape), options, out)
    if mask is not None:
        problem = problem._replace(mask=read_mask(mask, samples.shape))
    if nan_policy == "raise":
        refuse_nan(signal=samples, kernel=taps)
    return problem


def read_shapes(
    signal_shape: int | Sequence[int],
    kernel_shape: int | Sequence[int],
    *,
    dtype: DTypeLike,
    mode: str,
    boundary: str,
    axes: Axes,
    method: str,
    stride: int | Sequence[int],
    dilation: int | Sequence[int],
    nan_policy: str,
    accuracy: str | float,
    workers: int | None,
    max_memory: int | None,
    fft_provider: str | None,
) -> tuple[Options, np.dtype[Any]]:
    """Check what `plan_convolution` takes; also returns the dtype of the data as given."""
    samples = read_shape("signal_shape", signal_shape)
    taps = read_shape("kernel_shape", kernel_shape)
    try:
        given = native_dtype(np.dtype(dtype))
    except (TypeError, ValueError):
        raise TypeError(
            f"dtype={dtype!r} is not accepted; pass the name or type of a number, such as 'float32'"
        ) from None
    check_name("boundary", boundary)
    check_choice("nan_policy", nan_policy, NAN_POLICIES)
    result = result_dtype(given, given, _may_miss(nan_policy, boundary))
    shapes = (samples, taps, given, result)
    options = _read_options(
        *shapes,
        axes,
        mode,
        boundary,
        0.0,
        method,
        stride,
        dilation,
        workers,
        max_memory,
        read_provider(fft_provider),
        nan_policy,
        accuracy,
    )
    return options, given


def read_array(name: str, value: ArrayLike, *, has_mask: bool = False) -> Array:
    """`value` as a non-empty array of numbers with at least one axis.

    `has_mask` says that the function has a ``mask=`` for this array, which errors then name.
    """
    array = read_plain(name, value, has_mask=has_mask)
    if array.dtype.kind not in "biufcO":
        refuse_dtype(
            name, value, array, "integers, floats, complex numbers and objects that add and multiply"
        )
    if array.ndim == 0:
        refuse_scalar(name, array)
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape}); pass at least one number")
    if array.dtype.kind == "O":
        _check_objects(name, array)
    return array


def read_reals(name: str, value: Any) -> Array:
    """`value` as an array of float64, of any shape; exact numbers are rounded."""
    array = read_plain(name, value)
    if array.dtype.kind not in "biufO":
        refuse_dtype(name, value, array, "integers, floats and objects that are real numbers")
    if array.dtype.kind == "O":
        _check_objects(name, array)
    try:
        return array.astype(float)
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{name} holds numbers that are no floats ({error}); pass real numbers") from None


def read_plain(name: str, value: Any, *, accepted: str = _NUMBERS, has_mask: bool = False) -> Array:
    """`value` as an array of NumPy, of any shape and dtype, if nothing is lost by that."""
    check_array_kind(name, value, has_mask=has_mask)
    try:
        array = as_native(np.asarray(value))
    except ValueError as error:
        why = "its rows differ in length" if "inhomogeneous" in str(error) else str(error)
        raise ValueError(f"{name} cannot be made an array ({why}); pass {accepted}") from None
    if array.ndim == 0 and array.dtype.kind == "O" and not isinstance(array[()], Number):
        if value is None:
            raise TypeError(f"{name} is None; pass {accepted}")
        if isinstance(value, np.ndarray):
            held = type(array[()]).__name__
            raise TypeError(f"{name} is an array without axes that holds a {held}; pass {accepted}")
        kind, cure = type(value).__name__, _instead_of(name, value, array, accepted)
        raise TypeError(f"{name} is a {kind}, which is no array; pass {cure}")
    return array


def refuse_scalar(name: str, array: Array) -> NoReturn:
    """Raise ValueError for a number where an array belongs."""
    number = array.item()
    is_plain = array.dtype.kind in "biufc" and type(number) in (bool, int, float, complex)
    is_literal = is_plain and bool(np.isfinite(array))  # so that the advice runs as it is written
    raise ValueError(
        f"{name} is a scalar ({shown(number)}), accepted are arrays of at least one axis; pass "
        f"[{number if is_literal else name}]"
    )


def refuse_dtype(
    name: str, value: Any, array: Array, kinds: str = "integers, floats", accepted: str = _NUMBERS
) -> NoReturn:
    """Raise TypeError for an array whose items are no numbers of these kinds."""
    is_text = isinstance(value, (str, bytes))
    what = f"is of type {type(value).__name__}" if is_text else f"has dtype {array.dtype}"
    cure = _instead_of(name, value, array, accepted)
    raise TypeError(f"{name} {what}, accepted are booleans, {kinds}; pass {cure}")


def _instead_of(name: str, value: Any, array: Array, accepted: str) -> str:
    """Return what to pass for a value that NumPy makes no array of numbers of."""
    if isinstance(value, (str, PathLike)) and name == "image":
        return "fftconv.image.read(image), if that is a file"
    if isinstance(value, bytes):
        return f"numpy.frombuffer({name}, numpy.uint8)"
    if isinstance(value, Mapping):
        return f"list({name}.values())"
    if hasattr(value, "probabilities"):  # a distribution of this package
        return f"{name}.probabilities"
    if array.dtype.kind == "O" and array.ndim == 0 and isinstance(value, Iterable):
        return f"list({name})"
    if array.dtype.names:
        return f"one of its fields, such as {name}[{array.dtype.names[0]!r}]"
    for kind in (int, float) if array.dtype.kind in "SU" else ():  # texts of numbers
        try:
            array.astype(kind)
        except (TypeError, ValueError, OverflowError):
            continue
        return f"numpy.asarray({name}, {kind.__name__})" if array.ndim else f"[{kind.__name__}({name})]"
    return accepted


def as_native(array: Array) -> Array:
    """Return the same numbers in the byte order of this machine, which everything behind here relies on."""
    return array if array.dtype.isnative else array.astype(native_dtype(array.dtype))


def native_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in the byte order of this machine."""
    return dtype.newbyteorder("=")


def _check_objects(name: str, array: Array) -> None:
    for element in array.flat:
        if element is None:
            raise TypeError(f"{name} holds None, a missing value; pass float('nan') in its place")
        if not isinstance(element, Number) or isinstance(element, np.timedelta64):
            raise TypeError(
                f"{name} holds {element!r} of type {type(element).__name__}, accepted are numbers "
                f"(int, Fraction, Decimal, ...)"
            )


def _check_products(signal: Array, kernel: Array) -> None:
    """Refuse objects that Python does not multiply, or whose products it does not add, by their types."""
    of_signal, of_kernel = _one_of_each_type(signal), _one_of_each_type(kernel)
    try:
        products = [sample * tap for sample in of_signal for tap in of_kernel]
        sum(products[1:], products[0])
    except TypeError:
        of_both = " and ".join(
            f"{name} of {', '.join(sorted({type(item).__name__ for item in items}))}"
            for name, items in (("signal", of_signal), ("kernel", of_kernel))
        )
        name = "signal" if signal.dtype.kind == "O" else "kernel"
        raise TypeError(
            f"{of_both} do not multiply and add up; pass numbers of one type in both, for example "
            f"numpy.asarray({name}, float)"
        ) from None
    except ArithmeticError:
        pass  # of these numbers, which the sum itself may never meet


def _one_of_each_type(array: Array) -> list[Any]:
    """Return an object of each type that the array holds, as Python has it."""
    items = array.flat if array.dtype.kind == "O" else array.ravel()[:1].astype(object)
    return list({type(item): item for item in items}.values())


@lru_cache(maxsize=256)
def result_dtype(signal: np.dtype[Any], kernel: np.dtype[Any], weighted: bool = False) -> np.dtype[Any]:
    """The dtype of the result: 64 bits for integers, NumPy's promotion for everything else.

    Unsigned ones if one operand has such numbers and the other no signs, which int64 might not hold.
    Weighted means of integers are float64.
    """
    if signal.kind in "biu" and kernel.kind in "biu":
        if weighted:
            return np.dtype(np.float64)
        unsigned = np.uint64 in (signal.type, kernel.type) and "i" not in (signal.kind, kernel.kind)
        return np.dtype(np.uint64 if unsigned else np.int64)
    dtype = np.result_type(signal, kernel)
    if dtype.kind not in "fcO":
        raise TypeError(
            f"dtype {dtype} cannot be convolved, accepted are booleans, integers, floats, complex "
            f"numbers and objects"
        )
    # A half has 11 bits: sums of halves are computed, and returned, in single precision.
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def read_shape(name: str, value: int | Sequence[int]) -> tuple[int, ...]:
    """Lengths of axes; a number is that of one."""
    shape = read_integers(name, value, "a length or a tuple of lengths")
    if not shape or min(shape) < 1:
        raise ValueError(f"{name}={value!r} is empty, every length must be at least 1")
    if math.prod(shape) > _MOST_ELEMENTS:
        raise ValueError(f"{name}={shown(value)} is not accepted; pass lengths of a product below 2**56")
    return shape


def align(
    signal_shape: tuple[int, ...], kernel_shape: tuple[int, ...], axes: Axes
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The kernel's shape with as many axes as the signal, and the convolved axes in order."""
    ndim = len(signal_shape)
    if axes is None:
        if len(kernel_shape) != ndim:
            raise ValueError(
                f"signal has {axes_in_words(ndim)} (shape {signal_shape}) and kernel {len(kernel_shape)} "
                f"(shape {kernel_shape}); give them equally many, {_cure(signal_shape, len(kernel_shape))}"
            )
        return kernel_shape, tuple(range(ndim))
    given = read_integers("axes", axes, "an axis, a tuple of axes, or None for all")
    if not given or not all(-ndim <= axis < ndim for axis in given):
        raise ValueError(
            f"axes={axes!r} does not fit a signal of {axes_in_words(ndim)} (shape {signal_shape}), "
            f"accepted are one or more of {-ndim} to {ndim - 1}"
        )
    convolved = tuple(axis % ndim for axis in given)
    if len(set(convolved)) != len(convolved):
        raise ValueError(f"axes={axes!r} names an axis twice; name each axis once")
    if list(convolved) != sorted(convolved):
        raise ValueError(
            f"axes={axes!r} is not in ascending order; pass axes={tuple(sorted(convolved))}, and whatever "
            f"there is one of for each axis in that order"
        )
    if len(kernel_shape) == ndim:
        return _check_broadcast(signal_shape, kernel_shape, convolved)
    if len(kernel_shape) == len(convolved):
        shape = [1] * ndim
        for axis, taps in zip(convolved, kernel_shape, strict=True):
            shape[axis] = taps
        return tuple(shape), convolved
    raise ValueError(
        f"kernel has {axes_in_words(len(kernel_shape))} (shape {kernel_shape}), accepted with "
        f"axes={axes!r} are {len(convolved)}, one for each of them, or {ndim}, as the signal has "
        f"(shape {signal_shape})"
    )


def _cure(signal_shape: tuple[int, ...], of_kernel: int) -> str:
    """Say how a kernel of so many axes and this signal fit each other."""
    more = of_kernel - len(signal_shape)
    if more > 0:
        example = ", ".join(["numpy.newaxis"] * more)
        return f"for example numpy.asarray(signal)[{example}]"
    # The longest axes: those of a picture are not its channels, and those of a sound are its samples.
    by_length = sorted(range(len(signal_shape)), key=lambda axis: (signal_shape[axis], axis))
    axes = tuple(sorted(by_length[-of_kernel:]))
    return f"or say along which axes of the signal it lies, for example axes={axes}"


def _check_broadcast(
    signal_shape: tuple[int, ...], kernel_shape: tuple[int, ...], axes: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    for axis, (size, taps) in enumerate(zip(signal_shape, kernel_shape, strict=True)):
        if axis not in axes and size != taps and 1 not in (size, taps):
            raise ValueError(
                f"signal (shape {signal_shape}) and kernel (shape {kernel_shape}) do not broadcast "
                f"along axis {axis}, which axes={axes} leaves out: {size} and {taps} must be equal "
                f"or one of them 1"
            )
    return kernel_shape, axes


# What is equal only to what means the same, within one type; a number and a text of other types are told
# apart by `lru_cache(typed=True)`.
_PLAIN = frozenset((bool, bytes, float, int, str, type(None), Content))


def are_plain(values: Iterable[Any]) -> bool:
    """Whether these can be keys of what is kept: not so arrays, nor (1, 2), which equals (True, 2.0)."""
    others = [value for value in values if type(value) not in _PLAIN]
    return not others or (set(map(type, others)) == {tuple} and set(map(type, chain(*others))) <= {int})


def _read_options(
    signal_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    source: np.dtype[Any],
    dtype: np.dtype[Any],
    axes: Axes,
    mode: str,
    boundary: str,
    fill_value: Any,
    method: str,
    stride: int | Sequence[int],
    dilation: int | Sequence[int],
    workers: int | None,
    max_memory: int | None,
    provider: Provider,
    nan_policy: str,
    accuracy: str | float,
) -> Options:
    aligned, convolved = align(signal_shape, kernel_shape, axes)
    check_mode(mode)
    check_name("boundary", boundary)
    check_choice("nan_policy", nan_policy, NAN_POLICIES)
    if not isinstance(method, str):
        raise TypeError(f"method={method!r} is not accepted; pass the name of a method")
    if mode == "valid" and boundary != "zero":
        raise ValueError(
            f"boundary={boundary!r} has no effect with mode='valid', which reads no sample outside "
            f"the signal; leave boundary out, or use mode='same'"
        )
    threads = check_workers(workers)
    max_memory = read_scalar("max_memory", max_memory)
    if max_memory is not None and (not is_whole(max_memory) or max_memory < 0):
        raise ValueError(
            f"max_memory={shown(max_memory)} is not accepted; pass a whole number of bytes, or None for any"
        )
    shapes = geometry(
        signal_shape,
        aligned,
        convolved,
        cast(Mode, mode),
        read_steps("stride", stride, len(convolved)),
        read_steps("dilation", dilation, len(convolved)),
    )
    if mode == "full" or boundary not in FILLED:
        reach = math.prod(window.size + window.span - 1 for window in shapes.windows)
        check_growth("dilation", dilation, math.prod(window.size for window in shapes.windows), reach)
    fill = read_fill(fill_value, boundary, dtype)
    bound = None if max_memory is None else int(max_memory)
    return Options(
        geometry=shapes,
        boundary=cast(Boundary, boundary),
        fill_value=fill,
        method=method,
        workers=threads,
        max_memory=bound,
        fft_provider=provider,
        nan_policy=nan_policy,
        tolerance=_read_tolerance(accuracy, shapes.taps, dtype),
        source=source,
        dtype=dtype,
    )


_kept_options = lru_cache(maxsize=1024, typed=True)(_read_options)


def read_fill(fill_value: Any, boundary: str, dtype: np.dtype[Any], name: str = "signal") -> Any:
    """The value beyond the edges of the array that the caller knows by this name, in the result's dtype."""
    if isinstance(fill_value, float) and fill_value == 0:
        return 0
    fill_value = read_scalar("fill_value", fill_value)
    if not is_number(fill_value):
        raise TypeError(f"fill_value={shown(fill_value)} is not accepted; pass a number")
    if isinstance(fill_value, np.number):
        fill_value = fill_value.item()
    if boundary != "constant" and fill_value != 0:
        raise ValueError(
            f"fill_value={shown(fill_value)} has no effect with boundary={boundary!r}; leave it out, or "
            f"pass boundary='constant'"
        )
    if dtype.kind == "O":
        return fill_value
    if isinstance(fill_value, (complex, np.complexfloating)) and dtype.kind != "c":
        raise TypeError(
            f"fill_value={shown(fill_value)} is complex and the data is real ({dtype}); "
            f"pass a real one, or convert {name} with numpy.asarray({name}, complex)"
        )
    if dtype.kind in "iu":
        return _read_whole_fill(fill_value, dtype, name)
    try:
        with np.errstate(over="ignore"):
            converted = dtype.type(cast(Any, fill_value))
    except (OverflowError, TypeError, ValueError):
        converted = dtype.type(np.inf)
    if np.isinf(converted) and abs(cast(Any, fill_value)) != np.inf:
        raise ValueError(
            f"fill_value={shown(fill_value)} is beyond the range of {dtype}; pass a smaller number"
        )
    return converted


def _read_whole_fill(fill_value: Any, dtype: np.dtype[Any], name: str) -> int:
    try:
        whole = int(fill_value)
    except (ValueError, OverflowError):  # NaN and infinity
        whole = None
    if whole is None or whole != fill_value:
        raise ValueError(
            f"fill_value={shown(fill_value)} is not a whole number, but integer data gives integer "
            f"results; convert {name} with numpy.asarray({name}, float)"
        )
    limits = np.iinfo(dtype)
    if not limits.min <= whole <= limits.max:
        raise OverflowError(
            f"fill_value={shown(fill_value)} does not fit {dtype}; convert {name} with "
            f"numpy.asarray({name}, object)"
        )
    return whole


def check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """An array that the result fits, in either byte order."""
    if type(out) is not np.ndarray:
        check_array_kind("out", out)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out is a {type(out).__name__} and no NumPy array; {_fitting(shape, dtype)}")
    if out.shape != shape or native_dtype(out.dtype) != dtype:
        raise ValueError(
            f"out has shape {out.shape} and dtype {out.dtype}, the result has shape {shape} and "
            f"dtype {dtype}; {_fitting(shape, dtype)}"
        )
    if not out.flags.writeable:
        raise ValueError(f"out is read-only; {_fitting(shape, dtype)}")


def _fitting(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    return f"pass numpy.empty({shape}, {dtype.name!r})"


def read_mask(mask: ArrayLike, shape: tuple[int, ...]) -> Array:
    """The weight of every sample: booleans, or real numbers from 0 to 1."""
    accepted = "one weight for each sample"
    weights = read_plain("mask", mask, accepted=accepted)
    if weights.dtype.kind not in "biuf":
        kinds = "True where a sample counts, and weights from 0 to 1"
        refuse_dtype("mask", mask, weights, kinds, accepted)
    if weights.dtype.kind != "b":
        wrong = ~((weights >= 0) & (weights <= 1))
        if wrong.any():
            first = first_index(wrong)
            raise ValueError(
                f"mask holds {weights[first]} at index {first}, accepted are booleans (True where a sample "
                f"counts) and weights from 0 to 1"
            )
        if weights.dtype.kind != "f":
            weights = weights.astype(bool)
    try:
        return np.broadcast_to(weights, shape)
    except ValueError:
        raise ValueError(
            f"mask has shape {weights.shape} and signal {shape}; pass one weight for each sample, or what "
            f"broadcasts to them"
        ) from None


def refuse_nan(**arrays: Array) -> None:
    """ValueError for a NaN, with the name of the array."""
    for name, array in arrays.items():
        where = is_nan(array)
        if where.any():
            raise ValueError(
                f"{name} holds {int(where.sum())} NaN, the first at index {first_index(where)}, and "
                f"nan_policy='raise'; replace it, or pass nan_policy='omit' to leave such samples out, or "
                f"'propagate'"
            )


def first_index(where: Array) -> tuple[int, ...]:
    """Of the first element that is true."""
    return tuple(int(i) for i in np.argwhere(where)[0])


def is_nan(array: Array) -> Array:
    """Where a number is NaN, in any part of it; objects too."""
    return np.asarray(array != array, bool)


def _read_tolerance(accuracy: Any, taps: int, dtype: np.dtype[Any]) -> float | None:
    """What is allowed relative to the sum of magnitudes of each output; None if it is not asked for."""
    accuracy = read_scalar("accuracy", accuracy)
    if isinstance(accuracy, str):
        check_choice("accuracy", accuracy, ("normwise", "componentwise"))
        if accuracy == "normwise" or dtype.kind not in "fc":
            return None
        return componentwise_error(taps, dtype)
    if isinstance(accuracy, bool) or not isinstance(accuracy, (float, np.floating)):
        raise TypeError(
            f"accuracy={shown(accuracy)} is not accepted; pass 'normwise', 'componentwise' or a "
            f"number below 1"
        )
    if dtype.kind not in "fc":
        return None
    asked = float(accuracy)
    least = componentwise_error(taps, dtype)
    if not least <= asked < 1:
        raise ValueError(
            f"accuracy={shown(accuracy)} is not accepted; with {taps} taps in {dtype} pass a number from "
            f"{rounded_up(least, 2):.2g} to below 1, 'componentwise' for the least of them, or convert the "
            f"data to a wider dtype"
        )
    return asked
