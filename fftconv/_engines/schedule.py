"""What a plan has fixed about how an engine runs, and what the engine makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fftconv._fft import Provider
from fftconv._limbs import Limbs

Array = np.ndarray[Any, np.dtype[Any]]
# What an engine makes of a kernel: it writes every output for a signal, and returns False if they are not
# those of the definition yet.
Convolver = Callable[[Array, Array], bool]
# One convolution of several that follow each other, and the shape that comes of it.
Pass = tuple[Convolver, tuple[int, ...]]


def follow(passes: list[Pass], signal: Array, out: Array) -> bool:
    """One convolution after the other, the last into `out`; whether that says that it is done."""
    *first, (last, _) = passes
    for convolve, shape in first:
        result = np.empty(shape, out.dtype)
        convolve(signal, result)
        signal = result
    return last(signal, out)


class Tile(NamedTuple):
    """The shape of tiles; short ones of a line may be together, one in each lane of a vector."""

    shape: tuple[int, ...]
    in_lanes: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """Threads; for engines that transform, the length of every convolved axis and by whom.

    With limbs, an engine is called for each digit of the signal, with all digits of the kernel. A folded
    tile is of real numbers, whose second half along the last axis is transformed as imaginary part.
    Tiles in lanes are transformed together, as many as a vector of the core holds numbers.
    """

    workers: int = 1
    fft_shape: tuple[int, ...] = ()
    fft_provider: Provider | None = None
    limbs: Limbs | None = None
    folded: bool = False
    in_lanes: bool = False

    @property
    def tile(self) -> Tile:
        """How the engine with tiles is to cut them."""
        return Tile(self.fft_shape, self.in_lanes)

    @property
    def transformed(self) -> tuple[int, ...]:
        """The lengths as they are transformed."""
        *others, last = self.fft_shape
        return (*others, last // 2 if self.folded else last)
