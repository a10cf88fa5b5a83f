"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any


def imported_later(
    package: str, names: Mapping[str, str], modules: Collection[str] = ()
) -> Callable[[str], Any]:
    """The `__getattr__` of a package (PEP 562): names with the modules they live in, and whole modules.

    What it has found belongs to the package from then on, which is not asked again.
    """

    def find(name: str) -> Any:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{names[name]}"), name)
        return vars(sys.modules[package]).setdefault(name, found)

    return find
