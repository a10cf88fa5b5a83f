"""Sums of independent random variables, on a lattice or a grid, right down to the last tail."""

from fftconv.probability.builders import (
    bernoulli,
    binomial,
    degenerate,
    die,
    geometric,
    mixture,
    poisson,
    uniform,
)
from fftconv.probability.compounding import compound
from fftconv.probability.density import Density
from fftconv.probability.extremes import maximum, minimum
from fftconv.probability.pmf import Pmf, sum_independent
from fftconv.probability.statistics import p_value, poisson_binomial, rank_sum

__all__ = [
    "Density",
    "Pmf",
    "bernoulli",
    "binomial",
    "compound",
    "degenerate",
    "die",
    "geometric",
    "maximum",
    "minimum",
    "mixture",
    "p_value",
    "poisson",
    "poisson_binomial",
    "rank_sum",
    "sum_independent",
    "uniform",
]


def __dir__() -> list[str]:
    return __all__
