"""FFT providers: who computes the transforms. pyFFTW by default, scipy.fft by choice or in need.

The environment variable FFTCONV_FFT chooses ("pyfftw" or "scipy"); without it pyFFTW is used where it
can be imported. With "scipy" every transform goes through `scipy.fft`, and so through whatever backend
`scipy.fft.set_backend` has put there. Both are imported when the first transform is asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, get_args

if TYPE_CHECKING:
    import numpy as np

Provider = Literal["pyfftw", "scipy"]
PROVIDERS = get_args(Provider)
ENVIRONMENT_VARIABLE = "FFTCONV_FFT"


class Workspace(Protocol):
    """Buffers and plans of one shape. What the methods return is valid until the next call of one."""

    samples: np.ndarray[Any, Any]
    """What `forward` transforms: to be filled by the caller."""
    inverse_scale: Any
    """What the result of `inverse` still has to be multiplied with."""

    def forward(self) -> np.ndarray[Any, Any]:
        """The spectrum of `samples`; half of it where they are real."""
        ...

    def inverse(self, spectrum: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The samples with this spectrum, which is lost."""
        ...


def provider_name() -> Provider:
    """The provider in force: the environment's choice, else pyFFTW where it is installed."""
    chosen = os.environ.get(ENVIRONMENT_VARIABLE, "")
    return (
        _check(f"environment variable {ENVIRONMENT_VARIABLE}", chosen) if chosen else _installed_provider()
    )


def read_provider(given: str | None) -> Provider:
    """The provider that an argument names; the one in force for None."""
    return provider_name() if given is None else _check("fft_provider", given)


def _check(name: str, value: Any) -> Provider:
    if not isinstance(value, str) or value not in PROVIDERS:
        raise ValueError(f"{name}={value!r} is not accepted; choose one of {', '.join(PROVIDERS)}")
    if value == "pyfftw" and _installed_provider() != "pyfftw":
        raise ValueError(f"{name}={value!r} needs pyFFTW, which is not installed; pip install pyfftw")
    return cast(Provider, value)


@lru_cache(maxsize=1)
def _installed_provider() -> Provider:
    # `find_spec` alone would miss a pyfftw whose binary does not load, but loading it costs 40 ms
    # that a plan need not pay.
    return "pyfftw" if importlib.util.find_spec("pyfftw") else "scipy"


def workspace(
    provider: Provider,
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    dtype: np.dtype[Any],
    workers: int,
) -> Workspace:
    """This thread's buffers and plans for transforming `axes` of arrays of `shape`."""
    module = importlib.import_module(f"fftconv._fft.{provider}_provider")
    return cast(Workspace, module.workspace(shape, axes, dtype, workers))
