"""Sums of random variables: largest relative error of any entry, and time, beside peers; medians in turns.

    python tests/benchmarks/probability.py

icepool and dyce take part where they are installed (`pip install icepool dyce`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.signal
import scipy.stats
from turns import median_seconds

from fftconv.probability import Pmf, binomial, die, poisson_binomial

try:
    import dyce
except ImportError:
    dyce = None
try:
    import icepool
except ImportError:
    icepool = None


def power(faces: int, copies: int) -> list[int]:
    """Ways to throw each sum, exactly: by Kronecker substitution into one large power."""
    width = (faces**copies).bit_length() // 8 + 1
    one = sum(1 << (8 * width * i) for i in range(faces))
    raw = (one**copies).to_bytes(width * ((faces - 1) * copies + 2), "little")
    return [
        int.from_bytes(raw[width * i : width * (i + 1)], "little") for i in range((faces - 1) * copies + 1)
    ]


def error(logs: Sequence[float], weights: Sequence[int], total: int) -> float:
    """Largest relative error, from natural logarithms."""
    worst = 0.0
    for log, weight in zip(logs, weights, strict=True):
        scale = weight.bit_length() - total.bit_length()
        truth = math.log(Fraction(weight, total) / Fraction(2) ** scale) + scale * math.log(2)
        worst = max(worst, abs(math.expm1(log - truth)) if log > -math.inf else math.inf)
    return worst


def show(name: str, runs: dict[str, Callable[[], Any]], errors: dict[str, float], note: str = "") -> None:
    seconds = median_seconds(runs, 7)
    ours = seconds["fftconv"]
    for who, taken in seconds.items():
        wrong = f"{errors[who]:9.1e}" if who in errors else "    exact"
        print(
            f"{name:<28} {who:<18} {taken * 1e3:9.2f} ms  x {taken / ours:8.2f}  {wrong}  {note}",
            flush=True,
        )


def logs(variable: Pmf) -> list[float]:
    points = variable.support
    return [variable.log_pmf(point) for point in points.tolist()]


def floats(values: np.ndarray) -> list[float]:
    return [math.log(value) if value > 0 else -math.inf for value in values.tolist()]


def covered(variable: Pmf) -> str:
    size = math.prod(variable.shape)
    return ", ".join(
        f"{100 * count / size:.1f} % {step}" for step, count in variable.coverage.items() if count
    )


def main() -> None:
    one = 200 @ die(6)
    plain = one.probabilities
    ways = power(6, 400)
    show(
        "200d6 + 200d6",
        {"fftconv": lambda: one + one, "fftconvolve": lambda: scipy.signal.fftconvolve(plain, plain)},
        {
            "fftconv": error(logs(one + one), ways, 6**400),
            "fftconvolve": error(floats(scipy.signal.fftconvolve(plain, plain)), ways, 6**400),
        },
        covered(one + one),
    )
    for copies in (50, 200, 1000):
        runs: dict[str, Callable[[], Any]] = {
            "fftconv": lambda copies=copies: copies @ die(6),
            "fftconv, exact": lambda copies=copies: copies @ die(6, exact=True),
        }
        if icepool is not None and copies < 1000:  # whose recursion is too deep then
            runs["icepool"] = lambda copies=copies: copies @ icepool.Die(range(1, 7))
        if dyce is not None and copies < 1000:
            runs["dyce"] = lambda copies=copies: copies @ dyce.H(6)
        found = copies @ die(6)
        show(
            f"{copies} @ d6",
            runs,
            {"fftconv": error(logs(found), power(6, copies), 6**copies)},
            covered(found),
        )
    half = binomial(4000, 0.5)
    both = half + half
    weights = [math.comb(8000, k) for k in range(8001)]
    show(
        "Binomial(4000, 1/2) twice",
        {"fftconv": lambda: half + half},
        {"fftconv": error(logs(both), weights, 2**8000)},
        covered(both),
    )
    rng = np.random.default_rng(0)
    f, g = (Pmf(rng.random(10**5), normalise=True) for _ in range(2))
    p, q = f.probabilities, g.probabilities
    direct = np.convolve(p, q)
    show(
        "two of 10^5 entries",
        {"fftconv": lambda: f + g, "fftconvolve": lambda: scipy.signal.fftconvolve(p, q)},
        {
            "fftconv": float(np.abs((f + g).probabilities / direct - 1).max()),
            "fftconvolve": float(np.abs(scipy.signal.fftconvolve(p, q) / direct - 1).max()),
        },
        covered(f + g) + "; errors against np.convolve",
    )
    for trials in (1000, 10**4):
        chances = rng.random(trials)
        exact = [1]
        for chance in chances if trials <= 1000 else ():
            k = int(Fraction(chance) * 2**60)  # rounded to 60 bits, far below the errors shown
            exact = [a * (2**60 - k) + b * k for a, b in zip([*exact, 0], [0, *exact], strict=True)]
        found = poisson_binomial(chances)
        theirs = scipy.stats.poisson_binom(chances).pmf(np.arange(trials + 1))
        errors = {}
        if trials <= 1000:
            errors = {
                "fftconv": error(logs(found), exact, 2 ** (60 * trials)),
                "scipy.stats": error(floats(theirs), exact, 2 ** (60 * trials)),
            }
        else:
            errors = dict.fromkeys(("fftconv", "scipy.stats"), math.nan)
        show(
            f"poisson_binomial, {trials}",
            {
                "fftconv": lambda chances=chances: poisson_binomial(chances),
                "scipy.stats": lambda chances=chances, trials=trials: scipy.stats.poisson_binom(
                    chances
                ).pmf(np.arange(trials + 1)),
            },
            errors,
            covered(found),
        )


if __name__ == "__main__":
    main()
