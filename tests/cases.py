"""The grid of problems that every engine must solve alike, and the one rule for how near is near enough."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import numpy as np
import oracle

from fftconv import _native
from fftconv._engines import overlap_save
from fftconv._names import METHODS

ENGINES = [method for method in METHODS if method != "auto"]
# Engines for some kernels only, and the kernels that they are tested with; every other takes any kernel.
FAMILIES = {"separable": "outer product", "running_sum": "equal taps"}
GENERAL = [method for method in ENGINES if method not in FAMILIES]
FLOATS = ["float16", "float32", "float64", "longdouble", "complex64", "complex128", "clongdouble"]
INTEGERS = ["bool", "int8", "uint8", "int16", "int32", "int64", "uint64"]
MODE_BOUNDARIES = [
    (mode, boundary)
    for mode in oracle.MODES
    for boundary in oracle.BOUNDARIES
    if mode != "valid" or boundary == "zero"
]


@dataclass(frozen=True)
class Shapes:
    """Shapes and axes of one problem."""

    signal: tuple[int, ...]
    kernel: tuple[int, ...]
    axes: tuple[int, ...] | None = None
    options: dict[str, object] = field(default_factory=dict, hash=False)

    @property
    def kernel_axes(self) -> tuple[int, ...]:
        """The axes of the kernel that are convolved along."""
        axes = tuple(range(len(self.signal))) if self.axes is None else self.axes
        if len(self.kernel) == len(axes):
            return tuple(range(len(axes)))
        return tuple(axis % len(self.signal) for axis in axes)

    @property
    def varies(self) -> bool:
        """Whether slices of the signal meet different kernels."""
        beside = set(range(len(self.kernel))) - set(self.kernel_axes)
        return any(self.kernel[axis] > 1 for axis in beside)

    def __str__(self) -> str:
        extra = "".join(f"-{name}{value}" for name, value in self.options.items())
        return f"{self.signal}x{self.kernel}@{self.axes}{extra}".replace(" ", "")


SHAPES = [
    Shapes((9,), (3,)),
    Shapes((9,), (4,)),
    Shapes((1,), (1,)),
    Shapes((3,), (8,)),  # a kernel more than twice as long as the signal
    Shapes((10,), (3,), None, {"stride": 3}),
    Shapes((10,), (3,), None, {"dilation": 2}),
    Shapes((11,), (4,), None, {"stride": 2, "dilation": 3}),
    Shapes((6, 7), (3, 3)),
    Shapes((6, 7), (2, 4)),
    Shapes((5, 6), (3, 2), None, {"stride": (2, 3), "dilation": (1, 2)}),
    Shapes((3, 4), (5, 1)),
    Shapes((1, 4), (1, 3)),
    Shapes((4, 5, 4), (3, 2, 2)),
    Shapes((4, 5, 4), (2, 3, 1), None, {"stride": 2, "dilation": (1, 1, 2)}),
    Shapes((3, 8), (3,), (1,)),  # the same taps for every row
    Shapes((8, 3), (4,), (0,)),
    Shapes((5, 6, 3), (3, 2), (0, 1)),  # channels last
    Shapes((4, 3, 18), (3, 2), (0, 1)),  # more behind than the channels of a pixel
    Shapes((3, 4, 2, 3), (2, 3), (0, 1)),  # and more than one axis
    Shapes((2, 5, 6), (2, 3), (1, 2), {"stride": 2}),
    Shapes((4, 2, 6), (3, 3), (0, 2)),  # the axis between is left alone
    Shapes((2, 3, 4, 3), (2, 2, 2), (0, 1, 2)),
    Shapes((3, 8), (3, 3), (1,)),  # other taps for every row
    Shapes((1, 8), (3, 3), (1,)),  # one row, three kernels
    Shapes((3, 5, 4), (3, 2, 3), (1, 2)),
    Shapes((3, 5, 4), (1, 2, 3), (-2, -1)),
]

TOO_LARGE_FOR_VALID = {(3,): (8,), (3, 4): (5, 1)}
GRID = [
    (shapes, mode, boundary)
    for shapes in SHAPES
    for mode, boundary in MODE_BOUNDARIES
    if mode != "valid" or TOO_LARGE_FOR_VALID.get(shapes.signal) != shapes.kernel
]


def numbers(shape, dtype, seed):
    """Random values of a dtype: all of the small ones for integers, both signs for floats."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        low = max(int(np.iinfo(dtype).min), -100)
        return rng.integers(low, 101, shape).astype(dtype)
    values = rng.standard_normal(shape)
    if dtype.kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    result = np.asarray(values).astype(dtype)
    result.flags.writeable = False
    return result


def tilings(tile, dtype):
    """Every way in which the core can transform tiles of this shape: what a schedule says of it."""
    line = len(tile) == 1
    ways = [{}]
    if _native.core is not None and len(tile) < 3:
        ways = [{}] if tile[-1] in overlap_save.native_lengths(line) else []
        if np.dtype(dtype).kind == "f" and tile[-1] // 2 in overlap_save.native_lengths(line):
            ways.append({"folded": True})
        if line and tile[0] in overlap_save.lane_lengths():
            ways.append({"in_lanes": True})
    return ways


def hard_signals(n):
    """Lines that are hard on transforms."""
    t = np.arange(n)
    rng = np.random.default_rng(n)
    return {
        "constant": np.full(n, 1 / 3),
        "alternating": np.where(t % 2, 1.0, -1.0) / 3,
        "spike": np.where(t == n // 3, 1.0, 1e-8),
        "chirp": np.sin(np.pi * (t * t % (2 * n)) / n),
        "decaying": np.exp(-t / 5.0),
        "random": rng.standard_normal(n),
        "large first": np.r_[1e6, rng.standard_normal(n - 1)],
    }


def outer_product(shapes, dtype):
    """A kernel of multiples of 1/4 (of whole numbers, for integers), which no dtype rounds."""
    rng = np.random.default_rng(3)
    convolved = shapes.kernel_axes
    kernel = np.ones(shapes.kernel)
    for axis in convolved:
        shape = [1] * len(shapes.kernel)
        shape[axis] = shapes.kernel[axis]
        kernel = kernel * rng.choice([-3, -2, -1, 1, 2], shapes.kernel[axis]).reshape(shape)
    if np.dtype(dtype).kind in "bu":
        return np.abs(kernel).astype(dtype)
    if np.dtype(dtype).kind == "i":
        return kernel.astype(dtype)
    return (kernel / 4 * (1 + 1j if np.dtype(dtype).kind == "c" else 1)).astype(dtype)


def equal_taps(shapes, dtype):
    value = {"b": True, "i": -3, "u": 3, "f": 0.3, "c": 0.3 - 0.7j}[np.dtype(dtype).kind]
    return np.full(shapes.kernel, value, dtype)


KERNELS = {
    "any": lambda shapes, dtype: numbers(shapes.kernel, dtype, 2),
    "outer product": outer_product,
    "equal taps": equal_taps,
}


@contextmanager
def naming(*what):
    """Tell which turn of a loop an error comes from."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"with {', '.join(map(str, what))}")
        raise


def refuses(engine, shapes, dtype):
    """Whether an engine cannot do this even with a kernel of its family."""
    if engine not in FAMILIES:
        return False
    if shapes.varies:
        return True
    return engine == "separable" and (len(shapes.kernel_axes) == 1 or np.dtype(dtype).char in "gG")


FILL = {"b": 1, "i": 7, "u": 7, "f": 1.25, "c": 1.25 - 0.5j}


@cache
def case(shapes, mode, boundary, dtype, family="any"):
    """Read-only data, options and the oracle's exact answer."""
    signal = numbers(shapes.signal, dtype, 1)
    kernel = KERNELS[family](shapes, dtype)
    kernel.flags.writeable = False
    options = {"mode": mode, "boundary": boundary, "axes": shapes.axes, **shapes.options}
    if boundary == "constant":
        options["fill_value"] = FILL[signal.dtype.kind]
    expected = oracle.convolve(signal, kernel, **options)
    return signal, kernel, options, expected


def assert_within_bound(result, expected, plan):
    """The exact error of every output is within the plan's bound, which scales with eps |x| |h|."""
    parts = expected if isinstance(expected, tuple) else (expected,)
    views = (result.real, result.imag) if isinstance(expected, tuple) else (result,)
    assert all(view.shape == part.shape for view, part in zip(views, parts, strict=True))
    squares = 0
    for view, part in zip(views, parts, strict=True):
        differences = [oracle.exact(a) - b for a, b in zip(view.flat, part.flat, strict=True)]
        squares = squares + np.array([each * each for each in differences], object)
    assert max(squares) <= Fraction(plan.error_bound) ** 2
