"""Fit the constants of the cost model on this machine and write them where the package reads them.

    python tests/benchmarks/fit_cost_model.py            # prints the fit, writes nothing
    python tests/benchmarks/fit_cost_model.py --write    # also replaces fftconv/default_profile.json

Each engine is timed on a range of shapes; for each code path and dtype one rate per count is found by
non-negative least squares on relative errors. The native core is timed on every instruction set that this
machine has, and pure Python once, each in a process of its own. Takes about ten minutes; run nothing
beside it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize

from fftconv._arguments import Problem, read_problem
from fftconv._cost import count_work, rate_key
from fftconv._engines import ENGINES, Schedule
from fftconv._fft import provider_name
from fftconv._fft.lengths import fft_shape
from fftconv._native import core, level_or_reason

PROFILE = Path(__file__).parents[2] / "fftconv" / "default_profile.json"

FLOATS = ("float32", "float64", "complex64", "complex128")
SLOW = ("longdouble", "clongdouble", "int64", "object")
LARGEST = {"object": 3e5, "int64": 4e8, "longdouble": 2e7, "clongdouble": 2e7}

# (signal shape, kernel shape, axes)
LINES = [
    ((n,), (m,), None)
    for n in (10, 100, 1_000, 10_000, 100_000, 300_000, 1_000_000)
    for m in (1, 3, 8, 15, 40, 80, 128, 200, 500, 2_000, 10_000)
    if m <= n and n * m <= 2e8
]
IMAGES = [
    ((n, n), (m, m), None)
    for n in (32, 128, 256, 512, 1024, 2048)
    for m in (3, 5, 9, 15, 31, 63)
    if m <= n and n * n * m * m <= 2e9
]
LINES_OF_IMAGES = [
    ((n, n), shape, None)
    for n in (128, 512, 2048)
    for m in (3, 9, 25, 81)
    for shape in ((m, 1), (1, m))
    if m < n
]
VOLUMES = [((n, n, n), (m, m, m), None) for n in (16, 48, 96) for m in (3, 5, 9)]
BATCHES = [
    (shape, (m,), axes)
    for shape, axes in (
        ((16, 1_000), (1,)),
        ((8, 100_000), (1,)),
        ((100_000, 2), (0,)),
        ((512, 512), (0,)),
        ((600, 800, 3), (0,)),
        ((600, 800, 3), (1,)),
    )
    for m in (3, 15, 60)
] + [((n, n, 3), (m, m), (0, 1)) for n in (128, 512, 1024) for m in (3, 9, 21)]
CELLS = [*LINES, *IMAGES, *LINES_OF_IMAGES, *VOLUMES, *BATCHES]


KERNELS = {"separable": "outer", "running_sum": "equal"}


def problem(
    dtype: str,
    signal_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    axes: Any = None,
    boundary: str = "zero",
    kernel_kind: str = "any",
    source: str | None = None,
) -> Problem:
    rng = np.random.default_rng(0)
    signal = rng.integers(1, 9, signal_shape).astype(source or dtype)
    if kernel_kind == "equal":
        kernel = np.full(kernel_shape, 3).astype(dtype)
    elif kernel_kind == "outer":
        kernel = math.prod(
            rng.integers(1, 4, size).reshape([-1 if a == axis else 1 for a in range(len(kernel_shape))])
            for axis, size in enumerate(kernel_shape)
        )  # fmt: skip
        kernel = np.asarray(kernel).astype(dtype)
    else:
        kernel = rng.integers(1, 9, kernel_shape).astype(dtype)
    return read_problem(
        signal, kernel, mode="same", boundary=boundary, fill_value=0.0, axes=axes, method="auto",
        stride=1, dilation=1, nan_policy="propagate", mask=None, accuracy="normwise",
        workers=None, out=None,
    )  # fmt: skip


def problems(dtype: str, method: str) -> Iterator[Problem]:
    limit = LARGEST.get(dtype, 2e9) if core is None or method == "fft" else LARGEST.get(dtype, 4e9)
    for index, (signal_shape, kernel_shape, axes) in enumerate(CELLS):
        taps = sum(kernel_shape) if method in KERNELS else math.prod(kernel_shape)
        if math.prod(signal_shape) * taps <= limit and (method != "separable" or len(kernel_shape) == 2):
            boundary = "reflect" if index % 2 else "zero"
            cell = (dtype, signal_shape, kernel_shape, axes, boundary, KERNELS.get(method, "any"))
            yield problem(*cell)
            if method == "running_sum" and dtype == "float32" and core is not None:
                yield problem(*cell, source="uint8")


def fft_schedule(problem: Problem, workers: int) -> Schedule:
    shape = fft_shape(problem.options.geometry, problem.options.boundary != "zero")
    return Schedule(workers, shape, provider_name())


def seconds_per_call(problem: Problem, method: str, schedule: Schedule) -> float:
    """Median time of one call, after a first one that plans and touches the memory."""
    out = np.empty(problem.options.geometry.output_shape, problem.options.dtype)
    call = (problem.signal, problem.kernel, problem.options, schedule, out)
    engine = ENGINES[method]
    engine(*call)
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < 3 or (len(times) < 30 and time.perf_counter() - begun < 0.1):
        start = time.perf_counter()
        engine(*call)
        times.append(time.perf_counter() - start)
        if times[-1] > 0.5:
            break
    return float(np.median(times))


Samples = dict[str, list[tuple[dict[str, float], float]]]


def measure(dtype: str, method: str) -> Samples:
    """Counts and seconds by code path, of every problem that this engine does in one part."""
    samples: Samples = defaultdict(list)
    for problem in problems(dtype, method):
        schedule = fft_schedule(problem, 1) if method == "fft" else Schedule()
        work = count_work(method, problem.options, np.dtype(dtype), schedule)
        if len(work.parts) == 1:
            ((path, counts),) = work.parts
            samples[path].append((counts, seconds_per_call(problem, method, schedule)))
    return samples


def fit(samples: list[tuple[dict[str, float], float]]) -> tuple[dict[str, float], np.ndarray]:
    """Rates, and predicted over measured time of each sample."""
    names = sorted({name for counts, _ in samples for name in counts})
    seconds = np.array([time for _, time in samples])
    counts = np.array([[count.get(name, 0.0) for name in names] for count, _ in samples])
    rates, _ = scipy.optimize.nnls(counts / seconds[:, None], np.ones(len(seconds)))
    return dict(zip(names, rates.tolist(), strict=True)), counts @ rates / seconds


def thread_gain(method: str, shapes: Iterable[tuple[int, int]]) -> float:
    """How much of a second thread counts in large work."""
    gains = []
    for side, taps in shapes:
        large = problem("float32", (side, side), (taps, taps))
        schedules = [
            fft_schedule(large, workers) if method == "fft" else Schedule(workers) for workers in (1, 2)
        ]
        alone, together = (seconds_per_call(large, method, schedule) for schedule in schedules)
        gains.append(alone / together - 1)
    return round(float(np.clip(np.mean(gains), 0, 1)), 2)


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def fit_here(methods: Iterable[str], dtypes: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The rates of these engines on the core of this process, with a line for each on standard error."""
    rates: dict[str, dict[str, Any]] = defaultdict(dict)
    for dtype in dtypes:
        for method in methods:
            if method == "fft" and dtype in ("int64", "object"):
                continue
            for path, samples in measure(dtype, method).items():
                if core is not None and method != "fft" and not path.endswith("core"):
                    continue  # fitted without a core
                fitted, ratios = fit(samples)
                rates[path][rate_key(np.dtype(dtype))] = fitted
                low, middle, high = np.percentile(ratios, (5, 50, 95))
                print(
                    f"{level_or_reason:20} {path:24} {dtype:12} {len(samples):3} cells, predicted / "
                    f"measured: 5 % {low:.2f}, median {middle:.2f}, 95 % {high:.2f}",
                    file=sys.stderr,
                    flush=True,
                )
    return rates


def fit_elsewhere(level: str) -> dict[str, dict[str, Any]]:
    """The same in a process whose core is this one."""
    environment = os.environ | {"FFTCONV_CORE": level}
    done = subprocess.run(
        [sys.executable, __file__, "--one-core"], env=environment, stdout=subprocess.PIPE, check=True
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="replace the shipped profile")
    parser.add_argument("--one-core", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    direct_family = [method for method in ENGINES if method != "fft"]
    if arguments.one_core:
        dtypes = (*FLOATS, *SLOW) if core is None else (*FLOATS, "int64")
        json.dump(fit_here(direct_family, dtypes), sys.stdout)
        return
    transforms = fit_here(["fft"], (*FLOATS, *SLOW))
    content = {
        "source": f"shipped, fitted on {processor()} with NumPy {np.__version__}",
        "thread_gain": {
            "core": thread_gain("direct", [(1024, 9), (2048, 5)]),
            "fft": thread_gain("fft", [(1024, 100), (2048, 30)]),
        },
        "rates": transforms | fit_elsewhere("python"),
        "core": {level: fit_elsewhere(level) for level in (core.levels() if core is not None else [])},
    }
    print("thread gain", content["thread_gain"])
    if arguments.write:
        PROFILE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
