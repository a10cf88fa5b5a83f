"""Shapes of layers: what stride, padding and dilation make of a size, and how arrays must fit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array, read_array
from fftconv._arrays import check_array_kind
from fftconv._checks import (
    check_count,
    check_growth,
    in_digits,
    read_integers,
    read_items,
    read_sides,
    shown,
)

Steps = int | Sequence[int]
Padding = int | str | Sequence[int | tuple[int, int]]

_WORDS = ("valid", "same")
_MOST_TRIED = 64  # paddings and strides that are looked at for a configuration that is possible


@dataclass(frozen=True, slots=True)
class LayerAxis:
    """One spatial axis: receptive fields of `taps` samples, `dilation` apart, every `stride` samples."""

    size: int
    taps: int
    stride: int
    before: int
    after: int
    dilation: int

    @property
    def span(self) -> int:
        """Samples from the first to the last of a receptive field."""
        return (self.taps - 1) * self.dilation + 1

    @property
    def padded(self) -> int:
        return self.before + self.size + self.after

    @property
    def outputs(self) -> int:
        return (self.padded - self.span) // self.stride + 1

    @property
    def unread(self) -> int:
        """Samples at the end that no receptive field reaches."""
        return (self.padded - self.span) % self.stride


def output_size(
    input: int | Sequence[int],  # noqa: A002 (the name that the literature gives it)
    receptive_field: Steps,
    stride: Steps = 1,
    padding: Padding = 0,
    dilation: Steps = 1,
    *,
    strict: bool = True,
) -> int | tuple[int, ...]:
    r"""Size of the output of a layer.

    .. math:: \frac{I - (D (R - 1) + 1) + 2 P}{S} + 1

    for an input of I samples, receptive fields of R samples D apart, every S samples, and P samples of
    padding on both sides.

    Parameters
    ----------
    input : int or sequence of int
        Samples along one axis, or along each.
    receptive_field, stride, padding, dilation
        As the taps, and as in `conv_layer`.
    strict : bool, default True
        Refuse what leaves samples unread. False rounds down, as CNN libraries do; so does padding="same".

    Returns
    -------
    int, or tuple of int if `input` is a sequence

    Raises
    ------
    ValueError
        If the configuration is impossible; the message has the nearest that are possible.

    References
    ----------
    .. [1] V. Dumoulin, F. Visin, A guide to convolution arithmetic for deep learning, 2016,
       https://arxiv.org/abs/1603.07285

    Examples
    --------
    >>> from fftconv import layers
    >>> layers.output_size(13, 3, stride=2)
    6
    >>> layers.output_size((10, 5), 3), layers.output_size((10, 5), 3, padding=1)
    ((8, 3), (10, 5))
    >>> layers.output_size(10, 3, stride=2)
    Traceback (most recent call last):
    ValueError: input=10, receptive_field=3, stride=2, padding=0, dilation=1 is impossible: (10 - 3 + 0) / 2 + 1 = 4.5 outputs; nearest possible: input=9 or 11, stride=1 or 7; or pass strict=False for 4 outputs, which leave 1 sample unread
    """  # noqa: E501 (a message of the doctest)
    sizes = read_integers("input", input, "a number of samples, or one for each axis")
    alone = not isinstance(input, Sequence) and np.ndim(input) == 0
    if not sizes or min(sizes) < 1:
        raise ValueError(f"input={input!r} is not accepted; pass whole numbers from 1")
    fields = read_sides("receptive_field", receptive_field, len(sizes))
    axes = read_axes(sizes, fields, stride, padding, dilation, strict)
    return axes[0].outputs if alone else tuple(axis.outputs for axis in axes)


def read_axes(
    sizes: Sequence[int],
    fields: Sequence[int],
    stride: Steps,
    padding: Padding,
    dilation: Steps,
    strict: bool,
) -> tuple[LayerAxis, ...]:
    """The spatial axes of a layer, each checked."""
    count = len(sizes)
    strides = read_sides("stride", stride, count)
    dilations = read_sides("dilation", dilation, count)
    steps = list(zip(sizes, fields, strides, dilations, strict=True))
    if isinstance(padding, str):
        if padding not in _WORDS:
            raise ValueError(f"padding={shown(padding)} is not accepted; pass 'same', 'valid' or numbers")
        pairs = [_same(*step) if padding == "same" else (0, 0) for step in steps]
        strict &= padding != "same"  # which has one output for every stride-th sample, whatever remains
    else:
        pairs = _read_padding(padding, count)
    axes = tuple(
        LayerAxis(size, taps, step, before, after, gap)
        for (size, taps, step, gap), (before, after) in zip(steps, pairs, strict=True)
    )
    for number, axis in enumerate(axes):
        _check(axis, f" along spatial axis {number}" if count > 1 else "", strict)
    # Longer strides have one output, too, and of one tap there is no dilation, however large they are.
    return tuple(
        dataclasses.replace(
            axis,
            stride=min(axis.stride, axis.padded - axis.span + 1),
            dilation=axis.dilation if axis.taps > 1 else 1,
        )
        for axis in axes
    )


def _read_padding(padding: Any, count: int) -> list[tuple[int, int]]:
    """Samples before and after each axis."""
    if type(padding) is int and padding >= 0:
        return [(padding, padding)] * count
    accepted = f"'same', 'valid', a number, or for each of {count} axes a number or a pair (before, after)"
    if isinstance(padding, np.ndarray):  # of pairs, too
        check_array_kind("padding", padding)
        padding = padding.tolist()
    each = read_items("padding", padding, accepted)
    if not isinstance(padding, Sequence):
        each *= count
    if len(each) != count:
        raise ValueError(f"padding={shown(padding)} is not accepted; pass {accepted}")
    return [_pair(item) for item in each]


def _pair(padding: Any) -> tuple[int, int]:
    try:
        before, after = read_sides("padding", padding, 2, least=0)
    except (ValueError, TypeError) as error:
        message = (
            f"padding holds {shown(padding)}; accepted are a whole number from 0 and a pair (before, after)"
        )
        raise type(error)(message) from None
    return before, after


def _same(size: int, taps: int, stride: int, dilation: int) -> tuple[int, int]:
    """So much that there are ceil(size / stride) outputs; of an odd number the greater part behind."""
    span = (taps - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def _check(axis: LayerAxis, where: str, strict: bool) -> None:
    """Refuse what has no output and, if strict, what leaves samples unread."""
    room = axis.padded - axis.span
    if room < 0:
        spread = f" with dilation={axis.dilation}" if axis.dilation > 1 else ""
        raise ValueError(
            f"input={axis.size} with padding={_padding_of(axis)} is {axis.padded} samples{where}, fewer "
            f"than the {axis.span} of a receptive field{spread}; pass an input of at least "
            f"{axis.span - axis.before - axis.after}, or padding of at least "
            f"{-(-(axis.span - axis.size) // 2)}"
        )
    if not strict or not axis.unread:
        return
    smaller, larger = axis.size - axis.unread, axis.size + axis.stride - axis.unread
    inputs = [
        str(size) for size in (smaller, larger) if size > 0 and size + axis.padded - axis.size >= axis.span
    ]
    cures = [f"input={' or '.join(inputs)}"]
    cures += _possible(axis, "stride") + _possible(axis, "padding")
    exact = f"{room / axis.stride + 1:.12g}" if room < 2**53 else in_digits(axis.outputs)
    left = f"{axis.unread} sample{'s' if axis.unread > 1 else ''} unread"
    raise ValueError(
        f"input={axis.size}, receptive_field={axis.taps}, stride={axis.stride}, "
        f"padding={_padding_of(axis)}, dilation={axis.dilation} is impossible{where}: "
        f"({axis.size} - {axis.span} + {axis.before + axis.after}) / {axis.stride} + 1 = {exact} "
        f"outputs; nearest possible: {', '.join(cures)}; or pass strict=False for {axis.outputs} outputs, "
        f"which leave {left}"
    )


def _possible(axis: LayerAxis, name: str) -> list[str]:
    """The nearest stride, or padding, with which every sample is read; none if there is none near."""
    room, found = axis.padded - axis.span, []
    if name == "stride":
        near = [s for s in range(1, min(room, _MOST_TRIED) + 1) if room % s == 0]
        found = sorted(near, key=lambda s: abs(s - axis.stride))[:2]
    elif axis.before == axis.after:
        unpadded = axis.size - axis.span
        near = [
            p for p in range(_MOST_TRIED) if unpadded + 2 * p >= 0 and (unpadded + 2 * p) % axis.stride == 0
        ]
        found = sorted(near, key=lambda p: abs(p - axis.before))[:1]
    return [f"{name}={' or '.join(map(str, sorted(found)))}"] if found else []


def _padding_of(axis: LayerAxis) -> str:
    return str(axis.before) if axis.before == axis.after else f"({axis.before}, {axis.after})"


def read_layer(
    x: ArrayLike,
    weights: ArrayLike,
    stride: Steps,
    padding: Padding,
    dilation: Steps,
    groups: int,
    strict: bool,
) -> tuple[Array, Array, tuple[LayerAxis, ...], int]:
    """Arrays that fit together, their spatial axes, and the number of groups."""
    samples, kernels = read_array("x", x), read_array("weights", weights)
    if samples.ndim < 3 or kernels.ndim != samples.ndim:
        raise ValueError(
            f"x has shape {samples.shape} and weights {kernels.shape}; accepted are (N, C, *spatial) and "
            f"(O, C / groups, *receptive_field) with as many spatial axes, at least one; add axes with "
            f"x[np.newaxis]"
        )
    groups = check_count("groups", groups)
    channels, seen = samples.shape[1], kernels.shape[1]
    spatial = range(samples.ndim - 2)
    if channels != seen * groups or len(kernels) % groups:
        names = (
            f"x has shape {samples.shape} {axis_names('NC', spatial)} and weights {kernels.shape} "
            f"{axis_names('OC', spatial, groups)}"
        )
        check_groups(groups, channels, len(kernels), names)
        raise ValueError(
            f"{names}: with groups={in_digits(groups)} a kernel sees {channels // groups} of {channels} "
            f"channels, and these weights are for {seen}; pass weights of shape "
            f"{(len(kernels), channels // groups, *kernels.shape[2:])}"
            + (f", or groups={channels // seen}" if channels % seen == 0 else "")
        )
    axes = read_axes(samples.shape[2:], kernels.shape[2:], stride, padding, dilation, strict)
    each = math.prod(samples.shape[:2])
    check_growth("padding", padding, samples.size, each * math.prod(axis.padded for axis in axes))
    return samples, kernels, axes, groups


def check_groups(groups: int, channels: int, kernels: int, names: str = "") -> int:
    groups = check_count("groups", groups)
    for count, what in ((channels, "channels"), (kernels, "kernels")):
        if count % groups:
            divisors = [d for d in range(1, min(channels, kernels) + 1) if channels % d == kernels % d == 0]
            raise ValueError(
                f"groups={in_digits(groups)} does not divide {count} {what}{': ' if names else ''}{names}; "
                f"accepted are {', '.join(map(str, divisors))}"
            )
    return groups


def axis_names(first: str, axes: Sequence[Any] | range, groups: int = 1) -> str:
    """Such as (N, C, height, width)."""
    spatial = {1: ["length"], 2: ["height", "width"], 3: ["depth", "height", "width"]}
    names = spatial.get(len(axes), [f"axis {number}" for number in range(len(axes))])
    lead = [first[0], first[1] if groups == 1 else f"{first[1]} / groups"]
    return f"({', '.join(lead + names)})"
