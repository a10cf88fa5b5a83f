"""Random numbers of claims, and continuous variables on a grid."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats

from fftconv.probability import Density, Pmf, compound, degenerate, die, uniform


def panjer(mean, severity, last):
    """The recursion for a Poisson number of claims of 1, 2, ..., with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        rate = Decimal(mean)
        masses = [(-rate).exp()]
        for total in range(1, last + 1):
            terms = (
                Decimal(claim) * weight * masses[total - claim]
                for claim, weight in severity.items()
                if claim <= total
            )
            masses.append(rate / total * sum(terms))
        return masses


@pytest.mark.parametrize("mean", [0.5, 20, 300])
def test_poisson_claims_against_panjer(mean):
    total = compound(scipy.stats.poisson(mean), die(6))
    masses = panjer(mean, {claim: Decimal(1) / 6 for claim in range(1, 7)}, 6 * mean if mean > 1 else 40)
    for value, mass in enumerate(masses):
        found = total.log_pmf(value)
        assert abs(found - float(mass.ln())) < 1e-9 + 1e-13 * abs(found), value
    assert total.relative_error <= 1e-9
    assert total.mean() == pytest.approx(3.5 * mean, rel=1e-9)


def test_any_number_of_claims_term_by_term():
    frequency = Pmf([0.1, 0.0, 0.3, 0.4, 0.2], 1)
    severity = Pmf.from_dict({-2: 0.25, 1: 0.5, 4: 0.25})
    expected = {}
    for number, chance in frequency.to_dict().items():
        copies = (number @ Pmf.from_dict({k: Fraction(v) for k, v in severity.to_dict().items()})).to_dict()
        for value, weight in copies.items():
            expected[value] = expected.get(value, 0) + Fraction(chance) * weight
    total = compound(frequency, severity)
    assert total.to_dict() == pytest.approx({k: float(v) for k, v in sorted(expected.items())}, rel=1e-12)


def test_claims_that_have_a_closed_form():
    thinned = compound(scipy.stats.binom(30, 0.4), Pmf([0.7, 0.3]))
    assert np.allclose(thinned.pmf(range(31)), scipy.stats.binom(30, 0.12).pmf(np.arange(31)), rtol=1e-9)
    trials = compound(scipy.stats.nbinom(5, 0.4), degenerate(1))
    assert np.allclose(trials.pmf(range(40)), scipy.stats.nbinom(5, 0.4).pmf(np.arange(40)), rtol=1e-9)
    halves = compound(scipy.stats.poisson(3), die(2) * 0.5)
    assert halves.step == (Fraction(1, 2),)
    assert compound(degenerate(0), die(6)).to_dict() == {0: 1.0}
    assert compound(degenerate(3), die(6)).to_dict() == pytest.approx((3 @ die(6)).to_dict(), rel=1e-13)


@pytest.mark.parametrize(
    ("frequency", "severity", "error", "message"),
    [
        (uniform(-1, 1), die(6), ValueError, "is not one of whole numbers from 0"),
        (die(2) * 0.5, die(6), ValueError, "is not one of whole numbers from 0"),
        (3, die(6), TypeError, "is no frozen discrete distribution"),
        (die(2), 3, TypeError, "severity=3 is not accepted"),
        (die(2), Pmf([[1.0]]), TypeError, "pass a Pmf of one dimension"),
    ],
)
def test_bad_claims(frequency, severity, error, message):
    with pytest.raises(error, match=message):
        compound(frequency, severity)


def test_two_uniforms_make_a_triangle():
    u = Density.from_scipy(scipy.stats.uniform())
    triangle = u + u
    x = np.linspace(0, 2, 201)
    assert np.abs(triangle.cdf(x) - scipy.stats.triang(0.5, 0, 2).cdf(x)).max() < 1e-6
    assert np.abs(triangle.pdf(x) - scipy.stats.triang(0.5, 0, 2).pdf(x)).max() < 1e-3
    assert triangle.quantile(0.5) == pytest.approx(1, abs=1e-9)
    assert (u - u).mean() == pytest.approx(0, abs=1e-12)


def test_normals_and_exponentials():
    x = np.linspace(-5, 7, 200)
    total = Density.from_scipy(scipy.stats.norm(0, 1)) + Density.from_scipy(scipy.stats.norm(1, 2))
    truth = scipy.stats.norm(1, math.sqrt(5))
    error = np.abs(total.cdf(x) - truth.cdf(x)).max()
    assert error < 2 * total.discretisation_error() < 1e-5
    assert total.sf(30) == pytest.approx(truth.sf(30), rel=1e-3)  # 1e-38: from the tail
    assert total.lost_mass == 2e-15
    erlang = 5 @ Density.from_scipy(scipy.stats.expon())
    y = np.linspace(0, 25, 100)
    assert np.abs(erlang.cdf(y) - scipy.stats.gamma(5).cdf(y)).max() < 1e-4
    finer = erlang.refined(2e-7)
    assert finer.step < erlang.step
    assert np.abs(finer.cdf(y) - scipy.stats.gamma(5).cdf(y)).max() < 1e-6


def test_shift_scale_and_callables():
    ramp = Density.from_pdf(lambda x: x, 0, 2)
    assert ramp.cdf(1.0) == pytest.approx(0.25, abs=1e-9)
    moved = 3 - 2 * ramp
    assert moved.mean() == pytest.approx(3 - 2 * 4 / 3, abs=1e-6)
    assert moved.quantile([0, 1]).tolist() == pytest.approx([-1, 3], abs=2e-3)
    assert (ramp + 1).std() == pytest.approx(ramp.std())
    assert "step" in repr(ramp)
    assert ramp.plot().get_ylabel() == "density"


def test_samples():
    samples = np.random.default_rng(0).standard_normal(20_000)
    for density in (Density.from_samples(samples), Density.from_samples(samples, bandwidth=0.1)):
        assert density.mean() == pytest.approx(samples.mean(), abs=0.01)
        x = np.linspace(-2, 2, 9)
        assert np.abs(density.cdf(x) - scipy.stats.norm().cdf(x)).max() < 0.02
    smooth = Density.from_samples(samples[:500], bandwidth=0.3)
    kernel = scipy.stats.norm(samples[:500][:, None], 0.3)
    assert np.abs(smooth.cdf(x) - kernel.cdf(x).mean(axis=0)).max() < 1e-3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: Density.from_scipy(scipy.stats.poisson(2)),
            TypeError,
            "no frozen continuous distribution",
        ),
        (lambda: Density.from_pdf(lambda x: x, 1, 0), ValueError, "low=1 is not below high=0"),
        (lambda: Density.from_pdf(lambda x: -x, 0, 1).mean(), ValueError, "not negative"),
        (lambda: Density.from_scipy(scipy.stats.norm(), step=0), ValueError, "step=0 is not accepted"),
        (
            lambda: Density.from_scipy(scipy.stats.norm(), step=1e-9).mean(),
            ValueError,
            "cells, accepted are",
        ),
        (lambda: Density.from_scipy(scipy.stats.norm()).refined(0), ValueError, "tolerance=0 is not"),
        (lambda: Density.from_scipy(scipy.stats.norm()).quantile(2), ValueError, "q=2 is not accepted"),
        (lambda: Density.from_scipy(scipy.stats.norm()).scale(0), ValueError, "by=0 leaves no density"),
        (lambda: Density.from_samples([np.nan]), ValueError, "samples hold a NaN"),
        (lambda: Density.from_samples([1.0, 2.0], bandwidth=-1), ValueError, "bandwidth=-1 is not"),
        (lambda: 1.5 @ Density.from_scipy(scipy.stats.norm()), TypeError, "is not a whole number"),
    ],
)
def test_bad_densities(call, error, message):
    with pytest.raises(error, match=message):
        call()
