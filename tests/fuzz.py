"""Random problems through every engine, against the definition.

    python tests/fuzz.py --seconds 60 --seed 1

Shapes, strides, layouts in memory, dtypes, values (specials, subnormals and the largest integers among
them) and options are drawn at random; what comes out must be the definition's within the stated bound,
exact for integers, with NaN and infinities where they belong, or the right exception. Prints how many
problems each engine did, and every failure with the number that brings it back (`--only NUMBER`). Exits
with 1 if there is any.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from fractions import Fraction
from functools import reduce

import numpy as np
import oracle
from cases import ENGINES, FAMILIES

import fftconv

DTYPES = [
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64", "longdouble", "complex64", "complex128",
]  # fmt: skip
LAYOUTS = ["plain", "fortran", "every other", "reversed", "swapped", "read-only"]
BOUNDARIES = [*oracle.BOUNDARIES, "missing"]


class WrongError(Exception):
    """A result that is not the definition's."""


def values(rng, shape, dtype, style):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if style == "extreme":
            return rng.choice(np.array([limits.min, limits.max, limits.max - 1, 0, 1], dtype), shape)
        bits = int(rng.integers(1, dtype.itemsize * 8))
        low = max(limits.min, -(2**bits))
        return rng.integers(low, min(limits.max, 2**bits), shape, dtype, endpoint=True)
    result = rng.standard_normal(shape)
    if dtype.kind == "c":
        result = result + 1j * rng.standard_normal(shape)
    result = np.asarray(result).astype(dtype)
    limits = np.finfo(dtype)
    if style == "sparse":
        result = np.where(rng.random(shape) < 0.7, result.dtype.type(0), result)
    elif style == "wide":
        result = result * np.ldexp(
            limits.dtype.type(1), rng.integers(limits.minexp // 3, limits.maxexp // 3, shape)
        )
    elif style == "extreme":
        power = int(rng.choice([limits.minexp - 4, limits.minexp // 2, limits.maxexp // 2 - 6]))
        result = result * np.ldexp(limits.dtype.type(1), power)
    elif style == "special":
        odd = rng.choice([np.nan, np.inf, -np.inf], shape).astype(dtype)
        if dtype.kind == "c":
            odd.imag = rng.choice([0.0, 1.0, np.nan, np.inf, -np.inf], shape)
        result = np.where(rng.random(shape) < 0.15, odd, result)
    return result.astype(dtype)


def laid_out(array, layout):
    """The same numbers, elsewhere in memory."""
    if layout == "fortran":
        return np.asfortranarray(array)
    if layout == "every other":
        wide = np.zeros([2 * size for size in array.shape], array.dtype)
        view = wide[(slice(None, None, 2),) * array.ndim]
        view[...] = array
        return view
    if layout == "reversed":
        turned = (slice(None, None, -1),) * array.ndim
        return np.ascontiguousarray(array[turned])[turned]
    if layout == "swapped":
        return array.astype(array.dtype.newbyteorder())
    if layout == "read-only":
        array = array.copy()
        array.flags.writeable = False
    return array


def draw(rng):
    """A signal, a kernel with one axis for each convolved one or as many as the signal, and options."""
    ndim = int(rng.choice([1, 1, 2, 2, 3]))
    axes = tuple(sorted(rng.choice(ndim, int(rng.integers(1, ndim + 1)), replace=False).tolist()))
    shape = rng.integers(1, {1: 40, 2: 9, 3: 5}[ndim] + 1, ndim).tolist()
    taps = rng.integers(1, {1: 12, 2: 5, 3: 3}[ndim] + 1, len(axes)).tolist()
    kernel_shape = list(taps)
    if len(axes) < ndim and rng.random() < 0.3:  # other taps for other slices
        kernel_shape = [int(rng.choice([1, size])) for size in shape]
        for axis, count in zip(axes, taps, strict=True):
            kernel_shape[axis] = count
    options = {
        "axes": axes,
        "mode": str(rng.choice(oracle.MODES)),
        "stride": tuple(rng.choice([1, 1, 2, 3], len(axes)).tolist()),
        "dilation": tuple(rng.choice([1, 1, 1, 2, 3], len(axes)).tolist()),
    }
    options["boundary"] = "zero" if options["mode"] == "valid" else str(rng.choice(BOUNDARIES))
    of_signal = str(rng.choice(DTYPES))
    of_kernel = of_signal if rng.random() < 0.6 else str(rng.choice(DTYPES))
    style = str(rng.choice(["plain", "plain", "sparse", "wide", "extreme", "special"]))
    signal = values(rng, shape, of_signal, style)
    kernel = values(rng, kernel_shape, of_kernel, style if rng.random() < 0.5 else "plain")
    family = rng.random()
    if family < 0.15:
        kernel = np.full(kernel_shape, kernel.flat[0])
    elif family < 0.35 and len(kernel_shape) == len(axes) > 1:
        lines = [values(rng, [size], of_kernel, "plain") for size in kernel_shape]
        kernel = reduce(
            np.multiply.outer, (line % 5 if line.dtype.kind in "iu" else line for line in lines)
        )
    if options["boundary"] == "constant":
        fill = values(rng, [1], of_signal, "plain" if style == "special" else style)[0]
        options["fill_value"] = (
            float(fill) if fill.dtype.kind == "f" else (fill + 0).item() if fill.dtype.kind != "b" else 1
        )
    return signal, kernel, options


def check(rng, counts):
    """One problem; raises if anything is wrong."""
    signal, kernel, options = draw(rng)
    general = [method for method in ENGINES if method not in FAMILIES]
    few = signal.ndim == len(options["axes"]) > 1 and rng.random() < 0.5  # most kernels are of no family
    method = str(rng.choice([*ENGINES, "auto"] if few else [*general, "auto"]))
    accuracy = str(rng.choice(["normwise", "normwise", "componentwise"]))
    gaps = str(rng.choice(["none", "none", "none", "mask", "omit"]))
    extra = {
        "accuracy": accuracy,
        "mask": rng.random(signal.shape) < 0.7 if gaps == "mask" else None,
        "nan_policy": "omit" if gaps == "omit" else "propagate",
    }
    call = {"method": method, "workers": [None, 1, 2, 3][rng.integers(4)], **extra}
    turned = bool(rng.random() < 0.3)
    function = fftconv.correlate if turned else fftconv.convolve
    given = [laid_out(array, str(rng.choice(LAYOUTS))) for array in (signal, kernel)]
    copies = [array.copy() for array in given]
    problem = f"{function.__name__}({signal!r}, {kernel!r}, **{options}, **{call})"
    try:
        plan = fftconv.explain(*given, **options, **call)
        result = function(*given, **options, **call)
    except (ValueError, OverflowError) as error:
        expect_refusal(error, signal, kernel, options, method, turned, problem)
        counts["refused"] += 1
        return
    for array, copy in zip(given, copies, strict=True):
        if array.tobytes() != copy.tobytes():
            raise WrongError(f"an input was changed by {problem}")
    expected, share = definition(signal, kernel, options, extra, turned)
    allowed = allowed_errors(signal, kernel, options, extra, plan, share, turned)
    compare(result, expected, share, allowed, problem)
    counts[plan.method] += 1


def definition(signal, kernel, options, extra, turned):
    """The exact result or numerator, and the share of the weight that is there if any may be missing."""
    function = oracle.correlate if turned else oracle.convolve
    boundary, omit = options["boundary"], extra["nan_policy"] == "omit"
    if extra["mask"] is None and not omit and boundary != "missing":
        return function(signal, kernel, **options), None
    valid = np.ones(signal.shape, bool) if extra["mask"] is None else extra["mask"]
    if omit:
        valid = valid & (signal == signal)
    shape = {key: value for key, value in options.items() if key not in ("boundary", "fill_value")}
    beyond = {"boundary": boundary}
    if boundary in ("zero", "constant", "missing"):
        beyond = {"boundary": "constant", "fill_value": int(boundary != "missing")}
    samples = np.where(valid, signal, signal.dtype.type(0))
    of_samples = {**options, "boundary": "zero"} if boundary == "missing" else options
    magnitudes = absolute(kernel)
    axes = tuple(range(kernel.ndim)) if kernel.ndim == len(options["axes"]) else options["axes"]
    total = np.asarray(magnitudes.sum(axis=axes, keepdims=True), object)
    with np.errstate(all="ignore"):
        weights = function(valid.astype(int), magnitudes, **shape, **beyond)
    if not all(0 < t < math.inf for t in total.flat):  # of which nothing is promised
        return function(samples, kernel, **of_samples), np.full(weights.shape, None)
    shape = total.shape if total.size > 1 else ()
    total = np.array([Fraction(t) for t in total.flat], object).reshape(shape)
    return function(samples, kernel, **of_samples), weights / np.broadcast_to(total, weights.shape)


def absolute(array):
    """Magnitudes as exact numbers; those of complex ones are rounded, in long double precision."""
    if array.dtype.kind == "c":
        array = np.abs(array.astype(np.clongdouble))
    return np.array([abs(oracle.exact(value)) for value in array.flat], object).reshape(array.shape)


def expect_refusal(error, signal, kernel, options, method, turned, problem):
    """An exception must be the right one."""
    text = str(error)
    if isinstance(error, OverflowError):
        if "does not fit" not in text:
            raise WrongError(f"{text}: {problem}")
        if "fill_value" in text:
            return
        exact = (oracle.correlate if turned else oracle.convolve)(signal, kernel, **options)
        low, high = (0, 2**64) if "uint64" in text else (-(2**63), 2**63)
        if all(low <= value < high for value in exact.flat):
            raise WrongError(f"an overflow that is none: {problem}")
        return
    allowed = ["needs a kernel that fits inside", "gives no weights"]
    if method in ("separable", "running_sum"):
        allowed.append("cannot do this")
    if method in ("fft", "overlap_save"):
        allowed.append("outputs are not certified in")
    if not any(words in text for words in allowed):
        raise WrongError(f"{text}: {problem}")


def allowed_errors(signal, kernel, options, extra, plan, share, turned):
    """What every output may be off by, before it is divided by its share."""
    if plan.dtype.kind in "iu":
        return None
    finite = [
        np.where(np.isfinite(a), a, a.dtype.type(0)) if a.dtype.kind in "fc" else a
        for a in (signal, kernel)
    ]
    if extra["mask"] is not None:
        finite[0] = np.where(extra["mask"], finite[0], finite[0].dtype.type(0))
    clean = dict(options)
    if clean["boundary"] == "missing":
        clean["boundary"] = "zero"
    if not np.isfinite(clean.get("fill_value", 0)):
        clean["fill_value"] = 0
    smallest = oracle.exact(np.finfo(plan.dtype).smallest_subnormal)
    floor = 40 * smallest * (1 + kernel.size)
    sizes = [absolute(array) for array in finite]
    if plan.tolerance is not None:
        if "fill_value" in clean:
            clean["fill_value"] = abs(clean["fill_value"])
        sums = (oracle.correlate if turned else oracle.convolve)(*sizes, **clean)
        return Fraction(plan.tolerance) * Fraction(1.01) * sums + floor
    # Norms, exactly: float64 has no room for those of long doubles.
    peak = max([*sizes[0].flat, abs(oracle.exact(abs(clean.get("fill_value", 0))))])
    squares = sum(size * size for size in sizes[0].flat)
    if clean["boundary"] != "zero":
        squares = peak * peak * 40 * (1 + 2 * kernel.size) ** 3 * signal.size
    squares *= sum(size * size for size in sizes[1].flat)
    bound = Fraction(plan.error_factor) * root(squares)
    return np.full(plan.output_shape, bound + floor, object)


def root(square):
    """At least the square root of a Fraction of any size."""
    square = Fraction(square)
    if square == 0:
        return Fraction(0)
    power = (square.numerator.bit_length() - square.denominator.bit_length()) // 2
    scaled = square / Fraction(4) ** power if power >= 0 else square * Fraction(4) ** -power
    return Fraction(math.sqrt(scaled) * (1 + 1e-12)) * Fraction(2) ** power


def compare(result, expected, share, allowed, problem):
    parts = expected if isinstance(expected, tuple) else (expected,)
    views = (result.real, result.imag) if isinstance(expected, tuple) else (result,)
    if (result.dtype.kind == "c") != (len(parts) == 2) or result.shape != parts[0].shape:
        raise WrongError(f"{result.dtype} of shape {result.shape}: {problem}")
    for view, part in zip(views, parts, strict=True):
        for index in np.ndindex(part.shape):
            value, truth = view[index], part[index]
            error = 0 if allowed is None else allowed[index]
            if share is not None:
                if share[index] is None:
                    continue
                if share[index] == 0:
                    truth = np.nan
                elif not isinstance(truth, float):
                    # Of the weight, too, which is a sum of magnitudes divided by the largest that there is.
                    of_weight = Fraction(100 * max(1, part.size)) * Fraction(
                        float(np.finfo(result.dtype).eps)
                    )
                    error = (error + abs(truth) * of_weight / share[index]) * 2 / share[index]
                    truth = truth / share[index]
            if isinstance(truth, float) and not np.isfinite(truth):
                if not (np.isnan(value) if np.isnan(truth) else value == truth):
                    raise WrongError(f"{value} at {index} and not {truth}: {problem}")
            elif not np.isfinite(value):
                if abs(truth) + error < Fraction(oracle.exact(np.finfo(result.dtype).max)) / 4:
                    raise WrongError(f"{value} at {index} where numbers are in range: {problem}")
            elif abs(oracle.exact(value) - Fraction(truth)) > error:
                raise WrongError(f"{value!r} at {index} is too far off: {problem}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one problem, to bring it back")
    arguments = parser.parse_args()
    counts, failures = Counter(), 0
    begun, number = time.monotonic(), 0
    while time.monotonic() - begun < arguments.seconds:
        this = number if arguments.only is None else arguments.only
        try:
            with np.errstate(all="ignore"):
                check(np.random.default_rng([arguments.seed, this]), counts)
        except WrongError as error:
            failures += 1
            print(f"problem {this} of seed {arguments.seed}: {error}", flush=True)
        except Exception as error:
            failures += 1
            print(f"problem {this} of seed {arguments.seed}: {type(error).__name__}: {error}", flush=True)
            if arguments.only is not None:
                raise
        number += 1
        if arguments.only is not None:
            break
    done = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    print(f"{number} problems ({done}), {failures} failures, seed {arguments.seed}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
