"""What each guarantee costs on data with nothing wrong: ratios in one run, one thread.

    python tests/benchmarks/guarantees.py

Every row compares a call with a guarantee to the same call without it; above 1 is what it costs. The last
table says from which kernel on "componentwise" by transforms is faster than the sum of the definition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from turns import median_seconds

import fftconv
from fftconv import _nonfinite, convolution

Run = Callable[[], Any]


@contextmanager
def unchecked() -> Iterator[None]:
    """No look at the range, and at NaN and infinity."""
    kept = convolution.is_in_range, _nonfinite.restore
    convolution.is_in_range = lambda *_: True
    _nonfinite.restore = lambda *_: None
    try:
        yield
    finally:
        convolution.is_in_range, _nonfinite.restore = kept


def without(run: Run) -> Run:
    def call() -> None:
        with unchecked():
            run()

    return call


def rows() -> Iterator[tuple[str, Run, Run]]:
    """Name, the call with the guarantee and without."""
    rng = np.random.default_rng(0)
    shapes = {
        "10^6 x 1000": ((10**6,), (1000,), "overlap_save"),
        "2048² x 31²": ((2048, 2048), (31, 31), "overlap_save"),
        "256² x 9²": ((256, 256), (9, 9), "overlap_save"),
        "10^5 x 10^5": ((10**5,), (10**5,), "fft"),
    }
    for name, (signal_shape, kernel_shape, method) in shapes.items():
        for dtype in ("float32", "float64"):
            x = rng.standard_normal(signal_shape).astype(dtype)
            k = rng.random(kernel_shape).astype(dtype)
            call = partial(fftconv.convolve, x, k, mode="same", method=method, workers=1)
            yield f"NaN, infinity and range are looked for, {name} {dtype}", call, without(call)
            yield f"nan_policy='raise', {name} {dtype}", partial(call, nan_policy="raise"), call
            yield (
                f"nan_policy='omit', nothing missing, {name} {dtype}",
                partial(call, nan_policy="omit"),
                call,
            )
            mask = np.ones(signal_shape, bool)
            yield f"mask, nothing missing, {name} {dtype}", partial(call, mask=mask), call
            gaps = rng.random(signal_shape) > 0.1
            yield f"mask, a tenth missing, {name} {dtype}", partial(call, mask=gaps), call
            yield f"boundary='missing', {name} {dtype}", partial(call, boundary="missing"), call
    for bits, n, m in (
        (7, 10**6, 1000),
        (20, 10**6, 1000),
        (31, 10**6, 1000),
        (20, 10**6, 10**5),
        (50, 10**6, 1000),
    ):
        x, k = (
            rng.integers(-(2**bits), 2**bits, n),
            rng.integers(-(2 ** min(bits, 62 - bits - 10)), 2 ** min(bits, 62 - bits - 10) + 1, m),
        )
        exact = partial(fftconv.convolve, x, k, method="overlap_save", workers=1)
        rounded = partial(
            fftconv.convolve, x.astype(float), k.astype(float), method="overlap_save", workers=1
        )
        limbs = fftconv.explain(x, k, method="overlap_save").schedule.limbs
        used = f"{limbs.of_signal} × {limbs.of_kernel} limbs" if limbs else "no limbs"
        yield f"exact integers of {bits} bits, {n} x {m} ({used}), against float64", exact, rounded


def crossover() -> None:
    """Smooth data: ordinary numbers, and a decay over 300 decades."""
    rng = np.random.default_rng(0)
    print("\ncomponentwise by transforms: how many times as fast as method='direct', one thread")
    for n, lengths in ((10**6, (300, 600, 1000, 2000, 5000, 20_000)), (10**5, (1000, 10**4, 10**5))):
        for m in lengths:
            decay = 10.0 ** (-300 * np.arange(n) / n)
            data = {
                "random": (rng.standard_normal(n), rng.standard_normal(m)),
                "decay": (decay, 10.0 ** (-300 * np.arange(m) / n)),
            }
            for name, (x, k) in data.items():
                call = partial(fftconv.convolve, x, k, workers=1)
                runs = {
                    "componentwise": partial(call, method="overlap_save", accuracy="componentwise"),
                    "direct": partial(call, method="direct"),
                }
                seconds = median_seconds(runs, 3)
                plan = fftconv.explain(x, k, method="overlap_save", accuracy="componentwise")
                steps = ", ".join(
                    f"{100 * count / (n + m - 1):.1f} % {step}" for step, count in plan.coverage
                )
                ratio = seconds["direct"] / seconds["componentwise"]
                print(
                    f"{n:>8} x {m:<7} {name:<7} {ratio:6.2f}   "
                    f"{seconds['componentwise'] * 1e3:8.1f} ms   {steps}"
                )


def main() -> None:
    for name, guarded, plain in rows():
        seconds = median_seconds({"with": guarded, "without": plain}, 9)
        print(
            f"{seconds['with'] / seconds['without']:6.2f}   {seconds['with'] * 1e3:8.2f} ms   {name}",
            flush=True,
        )
    crossover()


if __name__ == "__main__":
    main()
