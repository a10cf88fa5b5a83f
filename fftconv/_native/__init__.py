"""The native core, where there is one: which instruction set it runs on, and why there is none.

The environment variable FFTCONV_CORE names a level to use instead of the best ("x86_64", "x86_64_v3",
"x86_64_v4", ...), or "python" for none, so that every one of them can be tested on one machine.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

_core: Any
try:
    from fftconv._native import _core
except ImportError as error:
    _core = None
    _REASON = "it was not built" if "_core" in str(error) else f"it does not load: {error}"

ENVIRONMENT_VARIABLE = "FFTCONV_CORE"
PYTHON = "python"


def _select() -> tuple[Any, str]:
    """The core in use, None for pure Python, and its level or the reason."""
    wanted = os.environ.get(ENVIRONMENT_VARIABLE, "")
    levels = _core.levels() if _core is not None else []
    if wanted and wanted not in (PYTHON, *levels):
        raise ValueError(
            f"environment variable {ENVIRONMENT_VARIABLE}={wanted!r} is not accepted; choose one of "
            f"{', '.join([*levels, PYTHON])}"
        )
    if wanted == PYTHON:
        return None, f"{ENVIRONMENT_VARIABLE}={PYTHON}"
    if _core is None:
        return None, _REASON
    level = _core.use_level(wanted or levels[0])
    _core.use_numpy(np.ndarray, np.empty)
    return _core, level


core, level_or_reason = _select()


def description() -> str:
    """Which core runs, for a person."""
    if core is None:
        return f"pure Python with NumPy ({level_or_reason})"
    return f"native, {level_or_reason} of {', '.join(core.levels())}"
