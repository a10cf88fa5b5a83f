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


def postpone(module: str) -> None:
    """Put off a module that its package imports but few need, until one of its names is asked for.

    Until then a stand-in is imported in its place, which then finds the module itself. Nothing is done
    where the package is imported already.
    """
    import threading  # 2 ms that `import fftconv` need not take

    if module.partition(".")[0] in sys.modules:
        return
    stand_in = ModuleType(module)
    lock = threading.Lock()

    def whole() -> ModuleType:
        with lock:
            if sys.modules.get(module) is stand_in:
                del sys.modules[module]
        found = import_module(module)
        vars(stand_in).update(vars(found))  # for those who hold it
        return found

    def find(name: str) -> Any:
        if name.startswith("__") and name not in ("__path__", "__all__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")  # to what lists modules
        return getattr(whole(), name)

    vars(stand_in).update(__getattr__=find, __dir__=lambda: dir(whole()))
    sys.modules[module] = stand_in
