"""Names and modules that are imported when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from types import ModuleType
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


def import_without(package: str, child: str) -> None:
    """Import a package, and one of its modules, which few need, only when somebody asks for that one.

    Nothing is put off where the package is imported already.
    """
    name = f"{package}.{child}"
    stand_in = ModuleType(name)
    if package in sys.modules or sys.modules.setdefault(name, stand_in) is not stand_in:
        return

    def take_away() -> None:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]

    def find_of_child(asked: str) -> Any:  # another thread, or the package itself
        take_away()
        return getattr(import_module(name), asked)

    vars(stand_in).update(__getattr__=find_of_child)
    try:
        there = vars(import_module(package))
    finally:
        take_away()
    if there.get(child) is not stand_in:
        return
    del there[child]

    def find(asked: str) -> Any:
        if asked == child:
            return import_module(name)
        if asked == "__all__":  # for `from package import *`, which then takes all that is there
            import_module(name)
        raise AttributeError(f"module {package!r} has no attribute {asked!r}")

    there.update(__getattr__=find, __dir__=lambda: [*there.keys() | {child}])
