"""Arrays of other libraries: which of them are known, and who convolves them.

`lazy` does dask's, `standard` those of the array API standard (torch, CuPy, JAX, ...), `labelled` xarray's.
Each has `convolve(signal, kernel, options, correlate)`; `options` are all that `fftconv.convolve` takes, by
name. They are imported when such an array comes along, and none of these libraries is needed otherwise.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from itertools import chain
from typing import Any, NoReturn

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
    (bool, int, float, complex, str, bytes, type(None), Fraction, Decimal, *np.sctypeDict.values())
) - {np.datetime64, np.timedelta64}
_TIMES = (np.datetime64, np.timedelta64, datetime.date, datetime.timedelta)
# How an array of each package becomes one of NumPy.
_CONVERSIONS = {"torch": "{}.numpy(force=True)", "cupy": "{}.get()", "dask": "{}.compute()"}


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

    That is the mask of a masked array, the unit of a quantity or of times, the index of a pandas object,
    the dimensions of one of xarray, or the device and laziness of an array of another library. Items of
    sequences and of object arrays are checked too. Every public function passes its arrays through here,
    mostly by `fftconv._arguments.read_array`. `has_mask` says that the function has a ``mask=`` for this
    array.
    """
    kind = type(value)
    if kind is np.ndarray:
        if value.dtype.kind in "OmM":
            _check_contents(name, value)
        return
    if kind is list or kind is tuple:
        if not _are_plain(value):
            _check_items(name, value)
        return
    if kind in _PLAIN_ITEMS:
        return
    package = package_of(value)
    if package == "xarray":
        _refuse_named(name, value)
    if package:
        cure = _CONVERSIONS.get(package, "numpy.asarray({})").format(name)
        raise TypeError(
            f"{name} is an array of {package}, and would be computed, or copied to NumPy; pass {cure}. "
            f"Signals of convolve, correlate and a Filter stay what they are, and images of dask in image "
            f"filters"
        )
    check_losses(name, value, has_mask=has_mask)
    _refuse_sparse(name, value)
    if isinstance(value, np.ndarray):
        _check_contents(name, value)
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes, range)):
        _check_items(name, value)


def _are_plain(items: Sequence[Any]) -> bool:
    """Whether the items, or those of lists of lists of equal depth, are plain numbers."""
    while items:
        first = type(items[0])
        if list(map(type, items)).count(first) != len(items):  # two thirds of the time of a set
            return set(map(type, items)) <= _PLAIN_ITEMS
        if first is not list and first is not tuple:
            return first in _PLAIN_ITEMS
        items = list(chain.from_iterable(items))
    return True


def _check_items(name: str, items: Sequence[Any]) -> None:
    """Check the items of a sequence, of which plain numbers need no look."""
    suspects = set(map(type, items)) - _PLAIN_ITEMS
    if not suspects:
        return
    for number, item in enumerate(items):
        if type(item) in suspects and item is not items:
            check_array_kind(f"{name}[{number}]", item)


def _check_contents(name: str, array: Any) -> None:
    """Check what an array of NumPy holds."""
    if array.dtype.kind == "O":
        _check_items(name, array.ravel().tolist())
    elif array.dtype.kind in "mM":
        _refuse_times(name, array.dtype.kind == "m", str(array.dtype))


def check_losses(name: str, value: Any, *, has_mask: bool = False) -> None:
    """Raise TypeError for a masked array, a quantity, a time or a pandas object, of whatever library."""
    kind = type(value).__name__
    if any(each.__module__.partition(".")[0] == "pandas" for each in type(value).__mro__):
        if kind in ("NAType", "NaTType"):
            raise TypeError(
                f"{name} is {value!r} of pandas, a missing value; pass float('nan') in its place"
            )
        if hasattr(value, "__len__"):
            raise TypeError(f"{name} is a pandas {kind}, whose index would be lost; pass {name}.to_numpy()")
        if not isinstance(value, _TIMES):
            raise TypeError(f"{name} is a pandas {kind}, which is no number; pass a number in its place")
    if isinstance(value, _TIMES):
        _refuse_times(name, isinstance(value, (np.timedelta64, datetime.timedelta)), kind)
    if _is_masked(value):
        _refuse_mask(name, value, has_mask)
    for attribute in ("unit", "units"):
        unit = None if package_of(value) == "xarray" else getattr(value, attribute, None)
        if unit is not None and not callable(unit):
            numbers = next((each for each in ("value", "magnitude") if hasattr(value, each)), None)
            cure = f"{name}.{numbers}" if numbers else "its numbers as a NumPy array"
            raise TypeError(f"{name} has the {attribute} {str(unit)!r}, which would be lost; pass {cure}")


def _refuse_sparse(name: str, value: Any) -> None:
    """Raise TypeError for a sparse matrix, which NumPy takes for a single object."""
    for method in ("toarray", "todense"):  # of SciPy, and of the package sparse
        if callable(getattr(value, method, None)):
            raise TypeError(
                f"{name} is a sparse {type(value).__name__}, which holds no array; pass {name}.{method}()"
            )


def _refuse_named(name: str, value: Any) -> NoReturn:
    """Say what to do with something of xarray, whose dimensions have names."""
    kind = type(value).__name__
    if hasattr(value, "data_vars"):
        raise TypeError(
            f"{name} is a {kind} of many variables; pass one of them, such as "
            f"{name}[{next(iter(value.data_vars), 'name')!r}].to_numpy()"
        )
    check_losses(f"{name}.data", getattr(value, "data", None))
    raise TypeError(f"{name} is a {kind} of xarray, whose dimensions would be lost; pass {name}.to_numpy()")


def _refuse_times(name: str, is_duration: bool, kind: str) -> NoReturn:
    if is_duration:
        cure = f"numbers, for example seconds: {name} / numpy.timedelta64(1, 's')"
    else:
        cure = (
            f"numbers, for example seconds since 1970: ({name} - numpy.datetime64(0, 's')) / "
            "numpy.timedelta64(1, 's')"
        )
    raise TypeError(f"{name} is a time ({kind}), whose unit would be lost; pass {cure}")


def _refuse_mask(name: str, value: Any, has_mask: bool) -> NoReturn:
    """Say how to go on without a mask, or with one, in words that are right for this array."""
    inside = next(
        (f"{name}.{each}" for each in ("data", "unmasked") if _is_plain_view(getattr(value, each, None))),
        f"numpy.asarray({name})",
    )
    root = name.partition("[")[0].partition(".")[0]
    fills = [f"fill it with {name}.filled({_FILLS.get(root, 'value')})"] * hasattr(value, "filled")
    if name == "out":
        cures = [f"pass {inside}"]
    elif has_mask:
        cures = [f"pass {inside} and mask=~{name}.mask", *fills]
    else:
        cures = fills or [f"pass {inside}"]
    raise TypeError(f"{name} is a masked array, whose mask would be lost; {', or '.join(cures)}")


def _is_plain_view(value: Any) -> bool:
    """Whether it is an array that has neither a mask nor a unit."""
    return isinstance(value, np.ndarray) and not _is_masked(value) and getattr(value, "unit", None) is None


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
