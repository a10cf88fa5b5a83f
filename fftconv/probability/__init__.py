"""Sums of independent random variables: distributions on a lattice, right down to the last tail."""

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
from fftconv.probability.pmf import Pmf, sum_independent
from fftconv.probability.statistics import p_value, poisson_binomial, rank_sum

__all__ = [
    "Pmf",
    "bernoulli",
    "binomial",
    "degenerate",
    "die",
    "geometric",
    "mixture",
    "p_value",
    "poisson",
    "poisson_binomial",
    "rank_sum",
    "sum_independent",
    "uniform",
]
