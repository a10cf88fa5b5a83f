"""Arrays of other libraries: which of them are known, and who convolves them.

`lazy` does dask's, `standard` those of the array API standard (torch, CuPy, JAX, ...), `labelled` xarray's.
Each has `convolve(signal, kernel, options, correlate)`; `options` are all that `fftconv.convolve` takes, by
name. They are imported when such an array comes along, and none of these libraries is needed otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

Convolve = Callable[[Any, Any, dict[str, Any], bool], Any]

# By the package that a type comes from; the first one that any argument belongs to does the work.
_MODULES = {
    "xarray": "labelled",
    "dask": "lazy",
    "torch": "standard",
    "cupy": "standard",
    "jax": "standard",
    "jaxlib": "standard",
    "array_api_strict": "standard",
}


_OURS = frozenset((np.ndarray, list, tuple, type(None)))
_SPOKEN = {"jaxlib": "jax"}


def package_of(array: Any) -> str:
    """The package that an array comes from; "" for NumPy's and whatever NumPy makes arrays of."""
    if type(array) in _OURS:
        return ""
    packages = (kind.__module__.partition(".")[0] for kind in type(array).__mro__)
    return next((_SPOKEN.get(package, package) for package in packages if package in _MODULES), "")


def convolve_of(*arrays: Any) -> Convolve | None:
    """Who convolves these; None for arrays of NumPy."""
    if _OURS.issuperset(map(type, arrays)):
        return None
    packages = sorted({package_of(array) for array in arrays} - {""})
    if not packages:
        return None
    inner = [package for package in packages if package != "xarray"]
    if len(inner) > 1 or (len(packages) > 1 and inner != ["dask"]):
        raise TypeError(
            f"arrays of {' and '.join(packages)} are not convolved with each other; convert one of them"
        )
    found: Convolve = _module(packages[-1]).convolve
    return found


def stack_of(arrays: list[Any]) -> Any:
    """Such arrays along a new first axis."""
    return _module(package_of(arrays[0])).stack(arrays)


def refuse_foreign(name: str, array: Any) -> None:
    """TypeError for an array that would be computed, or copied from where it is, without a word."""
    package = package_of(array)
    if package == "xarray" and getattr(array, "chunks", None) is None:
        return
    if package:
        whose = "xarray in chunks" if package == "xarray" else package
        raise TypeError(
            f"{name} is an array of {whose}, and would be computed, or copied to NumPy; convolve, "
            f"correlate and a Filter take it as it is, image filters those of dask; else convert it"
        )


def _module(package: str) -> Any:
    try:
        return import_module(f"fftconv._arrays.{_MODULES[package]}")
    except ModuleNotFoundError as error:
        raise ImportError(
            f'arrays of {package} need {error.name}; install it with: pip install "fftconv[arrays]"'
        ) from None
