"""The error that a `Density` states holds for every distribution, wherever the cdf is asked for."""

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from fftconv.probability import Density

PERCENTILES = np.arange(1, 100) / 100

# Shapes of families of scipy.stats whose cdf has a closed form (others take a minute each).
FAMILIES: dict[str, tuple[float, ...]] = {
    "alpha": (3.57,), "anglit": (), "arcsine": (), "beta": (2.3, 0.6), "betaprime": (5, 6), "bradford":
    (0.3,), "burr": (10.5, 4.3), "burr12": (10, 4), "cauchy": (), "chi": (78,), "chi2": (0.55,),
    "cosine": (), "crystalball": (2.0, 3.0), "dgamma": (0.4,), "dweibull": (0.5,), "expon": (),
    "exponnorm": (1.5,), "exponpow": (2.7,), "exponweib": (2.9, 0.9), "f": (29, 1.8), "fatiguelife":
    (2.0,), "fisk": (1.2,), "foldcauchy": (4.7,), "foldnorm": (1.95,), "gamma": (0.3,), "genexpon":
    (9.1, 16.2, 3.3), "genextreme": (-0.4,), "gengamma": (4.4, 0.3), "genhalflogistic": (0.77,),
    "genlogistic": (0.41,), "gennorm": (0.6,), "genpareto": (0.6,), "gibrat": (), "gompertz": (0.95,),
    "gumbel_l": (), "gumbel_r": (), "halfcauchy": (), "halfgennorm": (0.7,), "halflogistic": (),
    "halfnorm": (), "hypsecant": (), "invgamma": (1.1,), "invgauss": (0.14,), "invweibull": (1.6,),
    "johnsonsb": (4.3, 3.2), "johnsonsu": (2.5, 1.2), "kappa3": (1.0,), "kappa4": (0.1, 0.2), "laplace":
    (), "laplace_asymmetric": (2.0,), "levy": (), "levy_l": (), "loggamma": (0.41,), "logistic": (),
    "loglaplace": (3.25,), "lognorm": (1.5,), "loguniform": (0.01, 1.25), "lomax": (1.9,), "maxwell":
    (), "mielke": (10.4, 4.6), "moyal": (), "nakagami": (0.3,), "norm": (), "pareto": (3.0,),
    "pearson3": (0.9,), "powerlaw": (0.3,), "powerlognorm": (2.1, 0.4), "powernorm": (4.4,), "rayleigh":
    (), "rdist": (0.6,), "recipinvgauss": (0.63,), "rice": (0.78,), "semicircular": (), "skewcauchy":
    (0.5,), "t": (2.7,), "trapezoid": (0.2, 0.8), "triang": (0.16,), "truncexpon": (4.7,), "truncnorm":
    (0.1, 2), "truncpareto": (2, 9), "tukeylambda": (3.1,), "uniform": (), "vonmises": (3.9,), "wald":
    (), "weibull_max": (2.9,), "weibull_min": (0.5,), "wrapcauchy": (0.03,),
}  # fmt: skip

MUST_WORK = {
    "lognorm(0.5)": scipy.stats.lognorm(0.5),
    "lognorm(1)": scipy.stats.lognorm(1),
    "lognorm(1.5)": scipy.stats.lognorm(1.5),
    "t(3)": scipy.stats.t(3),
    "gamma(0.3)": scipy.stats.gamma(0.3),
    "weibull_min(0.5)": scipy.stats.weibull_min(0.5),
    "pareto(3)": scipy.stats.pareto(3),
}


def sum_of_two(distribution, values, count=4000):
    """P(X + Y <= values) by the midpoint rule over quantiles of Y: off by 1 / (2 count) at most."""
    parts = distribution.ppf((np.arange(count) + 0.5) / count)
    return np.array([distribution.cdf(value - parts).mean() for value in values]), 1 / (2 * count)


def assert_cdf_holds(density, distribution, points):
    error = density.discretisation_error()
    assert np.abs(density.cdf(points) - distribution.cdf(points)).max() <= error
    assert np.abs(density.sf(points) - distribution.sf(points)).max() <= error


def random_distribution(family, rng):
    """A member of the family with random shapes that it accepts, random place and scale."""
    make = getattr(scipy.stats, family)
    while True:
        shapes = [shape * math.exp(rng.uniform(-0.7, 0.7)) for shape in FAMILIES[family]]
        if make._argcheck(*shapes):
            return make(*shapes, loc=rng.normal(), scale=math.exp(rng.normal()))


@pytest.mark.parametrize("family", np.random.default_rng(26).permutation(sorted(FAMILIES))[:16])
def test_stated_error_holds_at_all_percentiles_and_in_a_sum(family):
    rng = np.random.default_rng(sum(family.encode()))
    distribution = random_distribution(family, rng)
    density = Density.from_scipy(distribution)
    assert density.discretisation_error() < 2e-5
    assert_cdf_holds(density, distribution, distribution.ppf(PERCENTILES))
    both = density + density
    points = both.quantile([0.01, 0.1, 0.5, 0.9, 0.99])
    expected, unsure = sum_of_two(distribution, points)
    assert both.discretisation_error() < 4e-5
    assert np.abs(both.cdf(points) - expected).max() <= both.discretisation_error() + unsure


@pytest.mark.parametrize("name", MUST_WORK)
def test_heavy_tails_and_poles_work(name):
    distribution = MUST_WORK[name]
    density = Density.from_scipy(distribution)
    assert density.discretisation_error() < 1e-5
    assert_cdf_holds(density, distribution, distribution.ppf(np.linspace(1e-4, 1 - 1e-4, 2001)))
    found = density.quantile(PERCENTILES)
    assert np.abs(distribution.cdf(found) - PERCENTILES).max() <= density.discretisation_error()
    both = 2 @ density
    points = both.quantile(PERCENTILES)
    expected, unsure = sum_of_two(distribution, points)
    assert both.discretisation_error() < 1e-5
    assert np.abs(both.cdf(points) - expected).max() <= both.discretisation_error() + unsure
    difference = density - density
    assert difference.cdf(0.0) == pytest.approx(0.5, abs=difference.discretisation_error())


@pytest.mark.parametrize(
    ("one", "copies", "total"),
    [
        (scipy.stats.gamma(0.3), 3, scipy.stats.gamma(0.9)),
        (scipy.stats.cauchy(1, 2), 3, scipy.stats.cauchy(3, 6)),
        (scipy.stats.levy(), 3, scipy.stats.levy(0, 9)),
        (scipy.stats.norm(0.1, 2), 7, scipy.stats.norm(0.7, 2 * math.sqrt(7))),
        (scipy.stats.expon(), 4, scipy.stats.gamma(4)),
    ],
)
def test_sums_of_several_copies_against_closed_forms(one, copies, total):
    density = copies @ Density.from_scipy(one)
    assert density.discretisation_error() < 2e-5
    assert_cdf_holds(density, total, total.ppf(PERCENTILES))


def test_three_claims_of_lognormal_size_against_samples():
    distribution = scipy.stats.lognorm(1.5)
    total = 3 @ Density.from_scipy(distribution)
    samples = np.sort(distribution.rvs((10**6, 3), random_state=1).sum(axis=1))
    points = np.quantile(samples, PERCENTILES)
    ranks = np.searchsorted(samples, points, side="right") / samples.size
    assert np.abs(total.cdf(points) - ranks).max() < 2.5e-3  # five deviations of a rank
    assert (2 @ Density.from_scipy(distribution)).cdf(4.0) == pytest.approx(0.6033, abs=1e-4)


def test_tails_of_a_heavy_sum_are_right_to_a_tenth():
    both = 2 @ Density.from_scipy(scipy.stats.pareto(3))
    assert both.sf(1e4) == pytest.approx(2e-12, rel=0.1)
    four = 4 @ Density.from_scipy(scipy.stats.cauchy())
    assert four.sf(1e9) == pytest.approx(4 / math.pi * 1e-9, rel=0.1)


def test_laws_of_very_different_widths_are_added():
    wide, narrow = Density.from_scipy(scipy.stats.cauchy()), Density.from_scipy(scipy.stats.norm(3, 1e-5))
    total = 2 - 3 * (wide - narrow) + 1
    assert total.discretisation_error() < 2e-5
    assert_cdf_holds(total, scipy.stats.cauchy(12, 3), scipy.stats.cauchy(12, 3).ppf(PERCENTILES))
    small = Density.from_scipy(scipy.stats.norm()) + Density.from_scipy(scipy.stats.norm(0, 1e-4))
    truth = scipy.stats.norm(0, math.sqrt(1 + 1e-8))
    assert_cdf_holds(small, truth, truth.ppf(PERCENTILES))


@settings(max_examples=12, deadline=None)
@given(
    distribution=st.sampled_from(
        [
            lambda loc: scipy.stats.dgamma(0.3, loc),
            lambda loc: scipy.stats.dweibull(0.5, loc),
            lambda loc: scipy.stats.gamma(0.2, loc),
            lambda loc: scipy.stats.laplace(loc),
            lambda loc: scipy.stats.uniform(loc),
            lambda loc: scipy.stats.arcsine(loc),
            lambda loc: scipy.stats.norm(loc, 0.01),
            lambda loc: scipy.stats.pareto(3, loc),
            lambda loc: scipy.stats.t(6, loc),
        ]
    ),
    place=st.sampled_from([0.0, 0.125, 0.25, 0.5]) | st.floats(0, 1),
    step=st.sampled_from([0.5, 0.1, 0.02]),
)
def test_stated_error_holds_between_the_edges_of_cells_of_any_width(distribution, place, step):
    known = distribution(place * step)
    density = Density.from_scipy(known, step=step, lost_mass=1e-6)
    centre = float(known.median())
    near = centre + step * np.concatenate([np.linspace(-3, 3, 601), np.logspace(-9, 0, 50)])
    assert_cdf_holds(density, known, near)
    both = density + density
    points = 2 * centre + step * np.linspace(-3, 3, 13)
    expected, unsure = sum_of_two(known, points, 1000)
    assert np.abs(both.cdf(points) - expected).max() <= both.discretisation_error() + unsure


@pytest.mark.parametrize("name", ["t(3)", "gamma(0.3)", "lognorm(1)"])
def test_refined_reaches_what_it_says(name):
    distribution = MUST_WORK[name]
    finer = Density.from_scipy(distribution).refined(3e-8)
    assert finer.discretisation_error() <= 3e-8
    assert_cdf_holds(finer, distribution, distribution.ppf(PERCENTILES))


@pytest.mark.parametrize(
    ("density", "tolerance"),
    [
        (
            Density.from_scipy(scipy.stats.beta(0.5, 0.1)),
            1e-4,
        ),  # floats near 1 leave 2 % of the mass in one
        (Density.from_scipy(scipy.stats.norm(), lost_mass=1e-3), 1e-5),
        (Density.from_samples(np.random.default_rng(3).normal(size=300)), 1e-3),
    ],
)
def test_a_tolerance_that_cannot_be_reached_is_refused_with_one_that_can(density, tolerance):
    with pytest.raises(ValueError, match=r"cannot be reached.*pass a tolerance of at least") as refusal:
        density.refined(tolerance)
    least = float(str(refusal.value).split("at least ")[1].split(",")[0])
    assert density.refined(least).discretisation_error() <= least < 1


def test_tails_beyond_all_floats_are_refused_with_a_cut_that_works():
    with pytest.raises(ValueError, match=r"loglaplace\(0.04\) has a mass of .* beyond 1e\+300") as refusal:
        Density.from_scipy(scipy.stats.loglaplace(0.04))
    lost_mass = float(str(refusal.value).split("lost_mass=")[1].split(",")[0])
    density = Density.from_scipy(scipy.stats.loglaplace(0.04), lost_mass=lost_mass)
    assert_cdf_holds(density, scipy.stats.loglaplace(0.04), scipy.stats.loglaplace(0.04).ppf(PERCENTILES))
    logarithm = Density.from_pdf(
        lambda y: scipy.stats.loglaplace(0.04).pdf(np.exp(y)) * np.exp(y), -600, 600, mass=1
    )
    assert logarithm.cdf(10.0) == pytest.approx(scipy.stats.loglaplace(0.04).cdf(math.exp(10)), abs=1e-5)


def test_cells_of_several_widths_have_no_lattice():
    heavy = Density.from_scipy(scipy.stats.t(3))
    with pytest.raises(
        ValueError, match="masses has a lattice only where cells are of one width"
    ) as refusal:
        _ = heavy.masses
    step = float(str(refusal.value).split("step=")[1].split(" ")[0])
    equal = Density.from_scipy(scipy.stats.t(3), step=step, lost_mass=1e-6)
    assert equal.masses.step[0] == Fraction(str(step))
    assert equal.discretisation_error() < 1e-4
    assert_cdf_holds(equal, scipy.stats.t(3), scipy.stats.t(3).ppf(PERCENTILES))


@pytest.mark.parametrize(
    ("distribution", "mean", "variance"),
    [
        (scipy.stats.cauchy(), math.nan, math.nan),
        (scipy.stats.t(2), 0.0, math.inf),
        (scipy.stats.pareto(0.9), math.inf, math.inf),
        (scipy.stats.pareto(1.5), 3.0, math.inf),
        (scipy.stats.lognorm(1.5), math.exp(1.125), math.exp(2.25) * math.expm1(2.25)),
        (scipy.stats.gamma(0.3), 0.3, 0.3),
    ],
)
def test_moments_are_those_of_the_law_not_of_its_cut_tails(distribution, mean, variance):
    density = 2 @ Density.from_scipy(distribution) + 1
    assert density.mean() == pytest.approx(2 * mean + 1, rel=1e-9, nan_ok=True)
    assert density.var() == pytest.approx(2 * variance, rel=1e-9, nan_ok=True)
    assert density.std() == pytest.approx(math.sqrt(2 * variance), rel=1e-9, nan_ok=True)
    assert "mean" in repr(density)


def test_a_density_is_integrated_over_its_peaks_and_poles():
    def peaked(x):
        return 0.5 * scipy.stats.norm.pdf(x) + 0.5 * scipy.stats.norm.pdf(x, 1.234567, 1e-3)

    found = Density.from_pdf(peaked, -9, 9, mass=1)
    x = np.concatenate([np.linspace(-4, 4, 201), 1.234567 + np.linspace(-5e-3, 5e-3, 201)])
    expected = 0.5 * scipy.stats.norm.cdf(x) + 0.5 * scipy.stats.norm.cdf(x, 1.234567, 1e-3)
    assert np.abs(found.cdf(x) - expected).max() <= found.discretisation_error() < 1e-5
    pole = Density.from_pdf(lambda x: 0.3 * x**-0.7, 0, 1)
    y = np.logspace(-12, 0, 100)
    assert np.abs(pole.cdf(y) - y**0.3).max() <= pole.discretisation_error() < 1e-5
    assert pole.mean() == pytest.approx(0.3 / 1.3, rel=1e-9)
    steps = Density.from_pdf(lambda x: (x > 1 / 3) & (x < 0.7), 0, 1)
    assert steps.cdf(0.5) == pytest.approx((0.5 - 1 / 3) / (0.7 - 1 / 3), abs=steps.discretisation_error())


def test_a_peak_between_all_points_is_found_missing_by_the_integral():
    def needle(x):
        return 0.5 * scipy.stats.norm.pdf(x) + 0.5 * scipy.stats.norm.pdf(x, 1.2345678, 1e-9)

    with pytest.raises(ValueError, match=r"integral 0.5\d* from -9.0 to 9.0, not mass=1.0"):
        Density.from_pdf(needle, -9, 9, mass=1)
    found = Density.from_pdf(needle, -9, 9, mass=1, points=[1.2345678])
    x = np.concatenate([np.linspace(-4, 4, 201), 1.2345678 + np.linspace(-5e-9, 5e-9, 201)])
    expected = 0.5 * scipy.stats.norm.cdf(x) + 0.5 * scipy.stats.norm.cdf(x, 1.2345678, 1e-9)
    assert np.abs(found.cdf(x) - expected).max() <= found.discretisation_error() < 1e-5
    with pytest.raises(ValueError, match=r"points=10 are not accepted; pass numbers from -9 to 9"):
        Density.from_pdf(needle, -9, 9, points=10)
    with pytest.raises(ValueError, match="mass=0 is not accepted; pass a positive number"):
        Density.from_pdf(needle, -9, 9, mass=0)
    with pytest.raises(ValueError, match=r"pdf has the integral 0.0 from 2.0 to 3.0; it must be positive"):
        Density.from_pdf(lambda x: 0 * x, 2, 3)


def test_samples_state_their_distance():
    values = np.random.default_rng(5).standard_normal(3000)
    histogram = Density.from_samples(values)
    ordered = np.sort(values)
    for ranks in (np.arange(3000) / 3000, np.arange(1, 3001) / 3000):
        assert np.abs(histogram.cdf(ordered) - ranks).max() <= histogram.discretisation_error()
    smooth = Density.from_samples(values, bandwidth=0.2)
    x = np.linspace(-3, 3, 301)
    expected = scipy.stats.norm.cdf(x[:, np.newaxis], values, 0.2).mean(axis=1)
    assert np.abs(smooth.cdf(x) - expected).max() <= smooth.discretisation_error() < 2e-3
    assert smooth.refined(1e-4).discretisation_error() <= 1e-4
    assert smooth.var() == pytest.approx(values.var() + 0.04)
    for density in (histogram, smooth):
        total = density + Density.from_scipy(scipy.stats.t(3))
        points = total.quantile([0.1, 0.5, 0.9])
        mixed = scipy.stats.t(3).cdf(points[:, np.newaxis] - values)
        if density is smooth:
            noise = scipy.stats.norm.ppf((np.arange(200) + 0.5) / 200, 0, 0.2)
            mixed = scipy.stats.t(3).cdf(points[:, None, None] - values[None, :, None] - noise).mean(axis=2)
        found = np.abs(total.cdf(points) - mixed.mean(axis=1)).max()
        assert found <= total.discretisation_error() + 1 / 400


def test_samples_that_reach_too_far_are_refused_with_a_step_that_works():
    values = np.append(np.linspace(0, 1, 1000), 1e9)
    with pytest.raises(ValueError, match="samples reach over") as refusal:
        Density.from_samples(values)
    step = float(str(refusal.value).split("step=")[1].split(",")[0])
    assert Density.from_samples(values, step=step).step == step


def test_no_copies_are_zero():
    for distribution in (scipy.stats.norm(), scipy.stats.cauchy()):
        nothing = 0 @ Density.from_scipy(distribution) + 2.5
        assert (nothing.cdf(2.4), nothing.cdf(2.6)) == (0.0, 1.0)
        assert nothing.mean() == 2.5
    total = Density.from_scipy(scipy.stats.cauchy()) + nothing
    assert total.cdf(2.5) == pytest.approx(0.5, abs=1e-6)


def test_densities_pickle():
    for distribution in (scipy.stats.norm(), scipy.stats.t(3)):
        density = 3 - 2 * Density.from_scipy(distribution)
        assert pickle.loads(pickle.dumps(density)).cdf(1.0) == density.cdf(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Density.from_scipy(scipy.stats.norm([0, 1])), "holds 2 distributions; pass a single one"),
        (lambda: Density.from_scipy(scipy.stats.norm(0, -1)), "has the median nan; pass parameters"),
        (lambda: Density.from_scipy(scipy.stats.norm(), lost_mass=0), "lost_mass=0 is not accepted; pass"),
        (lambda: -1 @ Density.from_scipy(scipy.stats.t(3)), "n=-1 in n @ X is negative"),
        (lambda: Density.from_pdf(lambda x: np.full_like(x, np.inf), 0, 1), "finite and not negative"),
    ],
)
def test_what_no_density_can_be_made_of(call, message):
    with pytest.raises(ValueError, match=message):
        call()
