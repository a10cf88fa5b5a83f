"""The most memory that a function takes, of a process of its own that has done nothing else.

A process knows the largest size that it has had since it last forgot (Linux, /proc). What was allocated and
given back before would be used again without being counted, hence a new process for each measurement.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from fftconv._arguments import Array

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_AT_ONCE = 2
_TIMEOUT = 600.0
# To glibc: give large arrays back to the system at once. It learns to keep them, up to 32 MiB, and what was
# needed to prepare a call would be used again without being counted: Pillow's 6.7 MiB showed as 0.
_GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": str(2**17)}


def can_measure() -> bool:
    """Whether the system tells."""
    return sys.platform == "linux" and _FORGET.exists()


def measure_bytes(
    names: Sequence[str], signal: Array, kernel: Array, options: dict[str, Any]
) -> dict[str, int]:
    """Working memory of one call of each, beyond what goes in and comes out; none where it failed."""
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder, "task.pickle")
        task.write_bytes(pickle.dumps((signal, kernel, options)))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(lambda name: _in_a_process(name, task), names)
            return {name: count for name, count in zip(names, found, strict=True) if count is not None}


def _in_a_process(name: str, task: Path) -> int | None:
    try:
        done = _run(name, task)
    except subprocess.TimeoutExpired:
        return None
    return int(done.stdout.split()[-1]) if done.returncode == 0 else None


def _run(name: str, task: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from fftconv.comparison.memory import measure; measure(*sys.argv[1:])"
    # This package, and not what the working folder may hold under its name.
    here = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-P", "-c", code, name, str(task)],
        env=os.environ | {"PYTHONPATH": paths} | _GIVE_BACK,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )


def measure(name: str, task: str) -> None:
    """What the process does: run once, and print by how much it grew."""
    from fftconv.comparison.comparing import prepare  # which imports this module

    signal, kernel, options = pickle.loads(Path(task).read_bytes())  # of the process that started this
    small = (
        tuple(slice(0, min(size, 4)) for size in signal.shape),
        tuple(slice(0, min(size, 2)) for size in kernel.shape),
    )
    # Imports, threads and the like are not of the call. Small arrays may be too small for this one, and a
    # few taps of a Gaussian are no Gaussian.
    for taps in (np.array(kernel[small[1]]), kernel):
        with contextlib.suppress(Exception):
            prepare(name, np.array(signal[small[0]]), taps, options)()
            break
    run = prepare(name, signal, kernel, options)
    _FORGET.write_text("5")
    before = _read("VmRSS")
    result = run()
    print(max(_read("VmHWM") - before - result.nbytes, 0))


def _read(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024
