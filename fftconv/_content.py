"""Arrays as keys of what is kept for them: equal where dtype, shape and every byte are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_HASHED = 512  # bytes of a large array, from all over it; all are compared


class Content(NamedTuple):
    """What an array holds."""

    data: bytes
    char: str
    shape: tuple[int, ...]

    @property
    def array(self) -> Array:
        """The array again, which cannot be written to."""
        return np.frombuffer(self.data, np.dtype(self.char)).reshape(self.shape)


class _Large(Content):
    """The same; to hash all of a kernel takes a tenth of the time of a convolution with it."""

    __slots__ = ()

    def __hash__(self) -> int:
        step = len(self.data) // _HASHED | 1  # odd, so that all bytes of a number have their turn
        return hash((self.data[::step], self.shape))


def content_of(array: Array) -> Content:
    """A key that stands for the array as it is now."""
    kind = Content if array.nbytes <= 8 * _HASHED else _Large
    return kind(array.tobytes(), array.dtype.char, array.shape)
