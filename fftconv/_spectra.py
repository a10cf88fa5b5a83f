"""Spectra of kernels, kept for calls with an equal kernel, from any thread, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

import numpy as np

from fftconv._content import content_of

_LARGEST_BYTES = 2**24  # of one spectrum; making a larger one takes no great part of a call that needs it
_KEPT_BYTES = 2**26


class _Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


Spectrum = TypeVar("Spectrum", bound=_Sized)


class Spectra:
    """A store of spectra, those not used for longest going first."""

    def __init__(self, most_bytes: int = _KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Sized] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Spectrum]) -> Spectrum:
        """What is kept under this key, made if there is nothing."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]  # type: ignore[return-value]  # the key names the kind of spectrum
        made = make()
        with self._lock:
            self._kept[key] = made
            while self.nbytes > self._most_bytes and len(self._kept) > 1:
                self._kept.popitem(last=False)
        return made

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    @property
    def nbytes(self) -> int:
        return sum(spectrum.nbytes for spectrum in self._kept.values())

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let calls of this thread inside the block keep their spectra here, of whatever size."""
        token = _own.set(self)
        try:
            yield
        finally:
            _own.reset(token)


_shared = Spectra()
_own: ContextVar[Spectra | None] = ContextVar("own", default=None)


@contextmanager
def kept_here() -> Iterator[None]:
    """Keep spectra of whatever size inside the block: where the caller does, or else until its end."""
    if _own.get() is not None:
        yield
        return
    with Spectra().in_use():
        yield


def is_made_anew(nbytes: int) -> bool:
    """Whether a spectrum of this size is too large to be kept for calls from anywhere."""
    return nbytes > _LARGEST_BYTES


def kept_spectrum(
    taps: np.ndarray[Any, Any], key: tuple[Hashable, ...], make: Callable[[], Spectrum], nbytes: int
) -> Spectrum:
    """The spectrum of these taps, made if it is not there; `key` says how, `nbytes` about how large."""
    own = _own.get()
    if own is None and is_made_anew(nbytes):
        return make()
    # The taps themselves, not a digest of them: equal keys are equal kernels.
    return (own or _shared).get((content_of(taps), *key), make)


def clear_spectra() -> None:
    """Forget the spectra of kernels that were kept for further calls, and free their memory.

    They are kept by the content of the kernel, in at most 64 MiB; those not used for longest go first. What
    a `Filter` keeps goes with the filter.

    Examples
    --------
    >>> import fftconv
    >>> fftconv.clear_spectra()
    """
    _shared.clear()
