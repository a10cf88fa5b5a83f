"""Arrays of other libraries: which of them are known, and who convolves them.

`lazy` does dask's, `standard` those of the array API standard (torch, CuPy, JAX, ...), `labelled` xarray's.
Each has `convolve(signal, kernel, options, correlate)`; `options` are all that `fftconv.convolve` takes, by
name. They are imported when such an array comes along, and none of these libraries is needed otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
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
# What to fill masked arrays with, where that does not depend on the data.
_FILLS = {"kernel": "0", "kernels": "0", "filter": "0", "mask": "False"}
# Items that nothing can be lost of; subclasses may have a unit.
_PLAIN_ITEMS = frozenset(
    (bool, int, float, complex, str, bytes, Fraction, Decimal, *np.sctypeDict.values())
)


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


def check_array_kind(name: str, value: Any, *, has_mask: bool = False) -> None:
    """Raise TypeError for an array that would lose something if NumPy converted it.

    That is the mask of a masked array, the unit of a quantity, the index of a pandas object, or the device
    and laziness of an array of another library. Items of sequences and of object arrays are checked too.
    Every public function passes its arrays through here, mostly by `fftconv._arguments.read_array`.
    `has_mask` says that the function has a ``mask=`` for this array.
    """
    kind = type(value)
    if kind is np.ndarray:
        if value.dtype.kind == "O":
            _check_items(name, value.ravel().tolist())
        return
    if kind is list or kind is tuple:
        _check_items(name, value)
        return
    if kind in _PLAIN_ITEMS:
        return
    package = package_of(value)
    if package == "xarray" and getattr(value, "chunks", None) is None:
        check_losses(name, getattr(value, "data", None))
        return
    if package:
        whose = "xarray in chunks" if package == "xarray" else package
        raise TypeError(
            f"{name} is an array of {whose}, and would be computed, or copied to NumPy; convolve, "
            f"correlate and a Filter take it as it is, image filters those of dask; else convert it"
        )
    check_losses(name, value, has_mask=has_mask)
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        _check_items(name, value.ravel().tolist())
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes, range)):
        _check_items(name, value)


def _check_items(name: str, items: Sequence[Any]) -> None:
    """Check the items of a sequence, of which plain numbers need no look."""
    suspects = set(map(type, items)) - _PLAIN_ITEMS
    if not suspects:
        return
    for number, item in enumerate(items):
        if type(item) not in suspects:
            continue
        if isinstance(item, (list, tuple, np.ndarray)):
            check_array_kind(f"{name}[{number}]", item)
        else:
            check_losses(f"{name}[{number}]", item)


def check_losses(name: str, value: Any, *, has_mask: bool = False) -> None:
    """Raise TypeError for a masked array, a quantity or a pandas object, whatever library it comes from."""
    if any(kind.__module__.partition(".")[0] == "pandas" for kind in type(value).__mro__):
        raise TypeError(
            f"{name} is a pandas {type(value).__name__}, whose index would be lost; pass {name}.to_numpy()"
        )
    if _is_masked(value):
        cure = f"fill it with {name}.filled({_FILLS.get(name.partition('[')[0], 'value')})"
        if has_mask:
            cure = f"pass {name}.data and mask=~{name}.mask, or {cure}"
        if name == "out":
            cure = "pass out.data"
        raise TypeError(f"{name} is a masked array, whose mask would be lost; {cure}")
    for attribute in ("unit", "units"):
        if package_of(value) != "xarray" and hasattr(value, attribute):
            numbers = next((each for each in ("value", "magnitude") if hasattr(value, each)), None)
            cure = f"{name}.{numbers}" if numbers else "its numbers as a NumPy array"
            raise TypeError(
                f"{name} has the {attribute} {str(getattr(value, attribute))!r}, which would be lost; "
                f"pass {cure}"
            )


def _is_masked(value: Any) -> bool:
    """Tell NumPy's masked arrays, and arrays of others that carry a mask."""
    masked = sys.modules.get("numpy.ma")  # 20 ms to import, and there are no masked arrays before
    if masked is not None and isinstance(value, masked.MaskedArray):
        return True
    if package_of(value) or not hasattr(value, "dtype"):
        return False
    mask = getattr(value, "mask", None)
    return mask is not None and not callable(mask)


def _module(package: str) -> Any:
    try:
        return import_module(f"fftconv._arrays.{_MODULES[package]}")
    except ModuleNotFoundError as error:
        raise ImportError(
            f'arrays of {package} need {error.name}; install it with: pip install "fftconv[arrays]"'
        ) from None
