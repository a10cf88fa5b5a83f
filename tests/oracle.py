"""Convolution straight from its definition, in nested loops and exact numbers; imports nothing of fftconv.

Floats are dyadic rationals, so their sums are computed as Fractions and are exact. A NaN or an infinity
has no Fraction: then Python floats are added one by one, in the order of the taps.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np

BOUNDARIES = ("zero", "constant", "nearest", "reflect", "mirror", "wrap")
MODES = ("full", "same", "valid")


def source_index(boundary, position, size):
    """Index of the sample that stands at `position`, None where there is none; one step at a time."""
    while not 0 <= position < size:
        if boundary in ("zero", "constant"):
            return None
        if boundary == "nearest":
            position = 0 if position < 0 else size - 1
        elif boundary == "wrap":
            position += size if position < 0 else -size
        elif boundary == "reflect":
            position = -1 - position if position < 0 else 2 * size - 1 - position
        elif boundary == "mirror":
            if size == 1:
                return 0
            position = -position if position < 0 else 2 * size - 2 - position
    return position


def output_range(mode, size, span):
    """First and one past the last index of the full convolution that the mode returns."""
    return {
        "full": (0, size + span - 1),
        "same": ((span - 1) // 2, (span - 1) // 2 + size),
        "valid": (span - 1, size),
    }[mode]


def exact(value):
    """A number as one that adds and multiplies without rounding, where there is such a number."""
    if isinstance(value, np.generic):
        if isinstance(value, np.floating) and not isinstance(value, float):
            if not np.isfinite(value):
                return float(value)
            numerator, denominator = value.as_integer_ratio()
            return Fraction(numerator, denominator)
        value = value.item()
    if isinstance(value, float):
        return Fraction(value) if math.isfinite(value) else value
    return int(value) if isinstance(value, bool) else value


def multiply(a, b):
    """Exact, or by the rules for NaN and infinities, also of numbers that no float can hold."""
    if isinstance(a, float) != isinstance(b, float):  # not finite times exact: of that the sign tells
        a, b = (number if isinstance(number, float) else (number > 0) - (number < 0) for number in (a, b))
    return a * b


def add(a, b):
    """The same for sums."""
    try:
        return a + b
    except OverflowError:
        return b if isinstance(b, float) else a


def convolve(
    signal, kernel, *, mode="full", boundary="zero", fill_value=0, axes=None, stride=1, dilation=1
):
    """An object array of exact numbers; complex input is four real convolutions."""
    signal, kernel = np.asarray(signal), np.asarray(kernel)
    options = {
        "mode": mode, "boundary": boundary, "axes": axes, "stride": stride, "dilation": dilation
    }  # fmt: skip
    if signal.dtype.kind != "c" and kernel.dtype.kind != "c":
        return _convolve_real(signal, kernel, fill_value=fill_value, **options)
    fill = complex(fill_value)

    def part(a, b, c):
        return _convolve_real(a, b, fill_value=c, **options)

    real = part(signal.real, kernel.real, fill.real) - part(signal.imag, kernel.imag, fill.imag)
    imag = part(signal.real, kernel.imag, fill.real) + part(signal.imag, kernel.real, fill.imag)
    return real, imag


def correlate(signal, kernel, *, axes=None, **options):
    """Convolution with the kernel turned around and conjugated."""
    signal, kernel = np.asarray(signal), np.asarray(kernel)
    whole = axes is None or kernel.ndim != signal.ndim
    turned = np.flip(kernel, None if whole else tuple(axes))
    return convolve(signal, np.conjugate(turned), axes=axes, **options)


def _convolve_real(signal, kernel, *, mode, boundary, fill_value, axes, stride, dilation):
    ndim = signal.ndim
    axes = tuple(range(ndim)) if axes is None else tuple(axis % ndim for axis in axes)
    if kernel.ndim != ndim:
        shape = [1] * ndim
        for axis, taps in zip(axes, kernel.shape, strict=True):
            shape[axis] = taps
        kernel = kernel.reshape(shape)
    strides = (stride,) * len(axes) if isinstance(stride, int) else tuple(stride)
    dilations = (dilation,) * len(axes) if isinstance(dilation, int) else tuple(dilation)

    positions = []  # of each axis, the indices of full (or of the slice) that are returned
    for axis in range(ndim):
        if axis in axes:
            step, gap = strides[axes.index(axis)], dilations[axes.index(axis)]
            span = (kernel.shape[axis] - 1) * gap + 1
            positions.append(range(*output_range(mode, signal.shape[axis], span), step))
        else:
            positions.append(range(max(signal.shape[axis], kernel.shape[axis])))
    result = np.empty([len(p) for p in positions], object)
    samples = {index: exact(signal[index]) for index in np.ndindex(signal.shape)}
    samples["outside"] = exact(fill_value)
    weights = {index: exact(kernel[index]) for index in np.ndindex(kernel.shape)}
    samples, of_samples = in_whole_numbers(samples)
    weights, of_weights = in_whole_numbers(weights)
    outside = samples["outside"]
    taps = [range(kernel.shape[axis]) if axis in axes else (None,) for axis in range(ndim)]
    unit = of_samples * of_weights
    for where in np.ndindex(result.shape):
        total = 0
        for tap in itertools.product(*taps):
            sample_at, tap_at, inside = [], [], True
            for axis in range(ndim):
                position = positions[axis][where[axis]]
                if axis in axes:
                    position -= tap[axis] * dilations[axes.index(axis)]
                    position = source_index(boundary, position, signal.shape[axis])
                    tap_at.append(tap[axis])
                else:
                    tap_at.append(position if kernel.shape[axis] > 1 else 0)
                    position = position if signal.shape[axis] > 1 else 0
                inside = inside and position is not None
                sample_at.append(position)
            if inside:
                total = add(total, multiply(samples[tuple(sample_at)], weights[tuple(tap_at)]))
            elif boundary != "zero":
                total = add(total, multiply(outside, weights[tuple(tap_at)]))
        result[where] = total if unit == 1 or isinstance(total, float) else Fraction(total, unit)
    return result


def in_whole_numbers(values):
    """Fractions as multiples of one unit, which are added up faster; and how many of them make 1."""
    if not all(isinstance(value, (int, Fraction)) for value in values.values()):
        return values, 1
    unit = math.lcm(*(value.denominator for value in values.values()))
    return {index: int(value * unit) for index, value in values.items()}, unit


def rounded(result):
    """Exact numbers, each rounded once to float64."""
    return np.array([float(value) for value in result.flat]).reshape(result.shape)


def conv_layer(x, weights, *, stride, before, after, dilation, groups, flip, boundary, fill_value=0):
    """A layer from its definition, in exact numbers; `stride` and the like have one for each axis."""
    x, weights = np.asarray(x), np.asarray(weights)
    spatial = range(x.ndim - 2)
    spans = [(weights.shape[2 + a] - 1) * dilation[a] + 1 for a in spatial]
    outputs = [(x.shape[2 + a] + before[a] + after[a] - spans[a]) // stride[a] + 1 for a in spatial]
    y = np.empty((len(x), len(weights), *outputs), object)
    seen, made = x.shape[1] // groups, len(weights) // groups
    for n, o, *where in np.ndindex(y.shape):
        total = 0
        for c, *tap in np.ndindex(weights.shape[1:]):
            sample = [n, (o // made) * seen + c]
            for a in spatial:
                position = where[a] * stride[a] + tap[a] * dilation[a] - before[a]
                sample.append(source_index(boundary, position, x.shape[2 + a]))
            weight = [weights.shape[2 + a] - 1 - tap[a] if flip else tap[a] for a in spatial]
            value = exact(fill_value) if None in sample else exact(x[tuple(sample)])
            total += exact(weights[(o, c, *weight)]) * value
        y[(n, o, *where)] = total
    return y
