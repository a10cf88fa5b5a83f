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


_OURS = (np.ndarray, list, type(None))


def package_of(array: Any) -> str:
    """The package that an array comes from."""
    return type(array).__module__.partition(".")[0]


def convolve_of(*arrays: Any) -> Convolve | None:
    """Who convolves these; None for arrays of NumPy and whatever it makes arrays of."""
    packages = {package_of(array) for array in arrays if type(array) not in _OURS}
    for package, module in _MODULES.items() if packages else ():
        if package in packages:
            found: Convolve = import_module(f"fftconv._arrays.{module}").convolve
            return found
    return None


def stack_of(arrays: list[Any]) -> Any:
    """Such arrays along a new first axis."""
    package = package_of(arrays[0])
    found: Any = import_module(f"fftconv._arrays.{_MODULES[package]}").stack(arrays)
    return found
