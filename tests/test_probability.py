"""Sums of random variables: every entry right, down to the last tail."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from fftconv.cli.main import run
from fftconv.probability import (
    Pmf,
    bernoulli,
    binomial,
    degenerate,
    die,
    geometric,
    maximum,
    minimum,
    mixture,
    p_value,
    poisson,
    poisson_binomial,
    rank_sum,
    sum_independent,
    uniform,
)


def power(faces, copies):
    """Ways to throw each sum: the coefficients of (x + ... + x^faces)^copies, by repeated addition."""
    ways = [1]
    for _ in range(copies):
        sums = list(itertools.accumulate(ways + [0] * (faces - 1)))
        ways = [total - (sums[i - faces] if i >= faces else 0) for i, total in enumerate(sums)]
    return ways


def assert_every_entry(variable, exact, tolerance=1e-9):
    """Relative errors of all entries, of whatever size, against exact weights (value to Fraction)."""
    support = set(variable.support.tolist())
    assert support == {value for value, weight in exact.items() if weight}
    for value, weight in exact.items():
        if weight:
            found = variable.log_pmf(value)
            scale = weight.numerator.bit_length() - weight.denominator.bit_length()
            truth = math.log(weight / Fraction(2) ** scale) + scale * math.log(2)
            assert abs(found - truth) <= tolerance + 4e-16 * abs(truth), value
        else:
            assert variable.pmf(value) == 0
    assert (variable.probabilities >= 0).all()
    assert abs(math.fsum(variable.probabilities) - 1) <= 1e-14


@pytest.mark.parametrize("copies", [1, 2, 7, 200, 700])
def test_dice_down_to_the_last_tail(copies):
    variable = copies @ die(6)
    ways = power(6, copies)
    assert_every_entry(variable, {copies + i: Fraction(w, 6**copies) for i, w in enumerate(ways)})
    assert variable.relative_error <= 1e-9


def test_two_hundred_dice_twice():
    """A plain FFT has 77 % of the support off by more than 1e-6, and hundreds of negative entries."""
    one = 200 @ die(6)
    ways = power(6, 400)
    assert_every_entry(one + one, {400 + i: Fraction(w, 6**400) for i, w in enumerate(ways)})


def test_binomial_twice_to_1e_minus_1202():
    half = binomial(2000, 0.5)
    both = half + half
    for k in (0, 1, 2, 100, 1000, 2000, 3999, 4000):
        weight = Fraction(math.comb(4000, k), 2**4000)
        scale = weight.numerator.bit_length() - weight.denominator.bit_length()
        truth = math.log(weight / Fraction(2) ** scale) + scale * math.log(2)
        assert abs(both.log_pmf(k) - truth) < 1e-9
    assert both.coverage["tilted"] == 4001
    assert both.pmf(0) == 0.0  # no float is so small


@pytest.mark.parametrize("p", [0.5, 0.3, 1e-5])
def test_binomial_entries(p):
    exact = Fraction(p)
    weights = {k: math.comb(60, k) * exact**k * (1 - exact) ** (60 - k) for k in range(61)}
    assert_every_entry(binomial(60, p), weights, 1e-13)
    assert_every_entry(60 @ bernoulli(p), weights)
    assert binomial(7, 0).to_dict() == {0: 1.0}
    assert binomial(7, 1).to_dict() == {7: 1.0}


def exact_sum(*tables):
    total = {0: Fraction(1)}
    for table in tables:
        new = {}
        for (a, p), (b, q) in itertools.product(total.items(), table.items()):
            new[a + b] = new.get(a + b, 0) + p * q
        total = new
    return total


gappy = st.dictionaries(
    st.sampled_from([0, 1, 2, 5, 7, 14, 21, 40, 100]),
    st.sampled_from([1.0, 1e-3, 0.25, 1e-30, 1e-120, 1e-200, 3e-290]),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60)
@given(gappy, gappy, gappy)
def test_random_and_gappy_distributions(f, g, h):
    tables = (f, g, h)
    variables = [Pmf.from_dict(table, normalise=True) for table in tables]
    total = sum_independent(variables)
    sums = [sum(Fraction(w) for w in table.values()) for table in tables]
    exact = [{k: Fraction(w) / s for k, w in table.items()} for table, s in zip(tables, sums, strict=True)]
    truth = exact_sum(*exact)
    inside = range(min(truth), max(truth) + 1)
    assert_every_entry(total, {value: truth.get(value, Fraction(0)) for value in inside}, 1e-9)
    assert np.isclose(total.mean(), sum(v.mean() for v in variables), atol=1e-9)
    assert np.isclose(total.var(), sum(v.var() for v in variables), atol=1e-6)
    turned = sum_independent(variables[::-1])
    assert all(abs(total.log_pmf(k) - turned.log_pmf(k)) < 2e-9 for k in truth)


def test_only_multiples_of_seven_and_of_a_million_and_three():
    f = Pmf.from_dict({7 * i: 0.1 for i in range(10)})
    g = Pmf.from_dict({1_000_003 * i: 0.25 for i in range(4)})
    total = f + g
    assert f.step == (7,)
    assert len(total.support) == 40
    assert total.pmf(7 * 3 + 2 * 1_000_003) == pytest.approx(0.025, rel=1e-12)
    assert total.pmf(8) == 0


def test_the_dropped_ball():
    f, g = Pmf([0.4, 0.3, 0.2, 0.1]), Pmf([0.1, 0.2, 0.3, 0.4])
    assert (f + g).pmf(3) == pytest.approx(0.4 * 0.4 + 0.3 * 0.3 + 0.2 * 0.2 + 0.1 * 0.1, rel=1e-15)
    plane = Pmf(np.outer([0.4, 0.6], [0.5, 0.5]))
    twice = plane + plane
    assert twice.ndim == 2
    assert twice.pmf((1, 1)) == pytest.approx(2 * 0.4 * 0.6 * 0.5, rel=1e-15)
    assert np.allclose(twice.mean(), 2 * plane.mean())
    assert (3 @ plane).pmf((3, 0)) == pytest.approx((0.6 * 0.5) ** 3, rel=1e-14)


def test_exact_distributions():
    exact = Pmf.parse("3d6+2d8-1", exact=True)
    floats = Pmf.parse("3d6+2d8-1")
    assert exact.is_exact
    assert sum(exact.to_dict().values()) == 1
    assert exact.pmf(4) == Fraction(1, 6**3 * 8**2)
    assert all(abs(floats.pmf(v) / float(w) - 1) < 1e-12 for v, w in exact.to_dict().items())
    assert exact.mean() == Fraction(37, 2)
    ways = power(6, 150)
    assert (150 @ die(6, exact=True)).to_dict() == {
        150 + i: Fraction(w, 6**150) for i, w in enumerate(ways)
    }
    plane = Pmf(np.array([[Fraction(1, 2), Fraction(1, 4)], [0, Fraction(1, 4)]], object))
    table = {k: Fraction(v) for k, v in plane.to_dict().items()}
    twice = {}
    for (a, p), (b, q) in itertools.product(table.items(), table.items()):
        key = (a[0] + b[0], a[1] + b[1])
        twice[key] = twice.get(key, 0) + p * q
    assert (plane + plane).to_dict() == {k: v for k, v in twice.items() if v}
    assert not (exact + floats).is_exact
    assert (exact - exact).pmf(0) == sum(w * w for w in exact.to_dict().values())


def test_arithmetic_of_values():
    d = die(6)
    assert (d + 2).support.tolist() == [3, 4, 5, 6, 7, 8]
    assert (2 - d).support.tolist() == [-4, -3, -2, -1, 0, 1]
    assert (2 * d).support.tolist() == [2, 4, 6, 8, 10, 12]
    assert (-d).mean() == -3.5
    assert (d * 0.1).step == (Fraction(1, 10),)
    assert ((d * 0.1) + (d * 0.25)).step == (Fraction(1, 20),)
    assert (0 @ d).to_dict() == {0: 1.0}
    assert (d - d).pmf(0) == pytest.approx(1 / 6)
    assert degenerate(2.5).to_dict() == {2.5: 1.0}
    assert mixture([d, d + 6], [0.5, 0.5]).support.tolist() == list(range(1, 13))


def test_questions():
    two = 2 @ die(6)
    assert (two.median(), two.mode(), two.quantile(0), two.quantile(1)) == (7, 7, 2, 12)
    assert two.interval(0.9) == (3, 11)
    assert two.cdf(3) == pytest.approx(3 / 36)
    assert two.sf(11) == pytest.approx(1 / 36)
    assert two.at_least(12) == pytest.approx(1 / 36)
    assert two.cdf([1, 7, 20]).tolist() == pytest.approx([0, 21 / 36, 1])
    assert two.skewness() == pytest.approx(0, abs=1e-12)
    assert two.kurtosis() == pytest.approx(-0.6343, abs=1e-4)
    assert uniform(1, 8).entropy(2) == pytest.approx(3)
    assert two.truncate(5, 6).to_dict() == pytest.approx({5: 4 / 9, 6: 5 / 9})
    even = two.condition(lambda value: value % 2 == 0)
    assert even.pmf(7) == 0
    assert even.pmf(2) == pytest.approx(1 / 18)
    drawn = two.sample(np.random.default_rng(0), 20_000)
    assert abs(drawn.mean() - 7) < 0.1
    assert two.sample(np.random.default_rng(0)) in range(2, 13)
    tail = 1000 @ die(6)
    assert tail.log_sf(5999) == pytest.approx(-1000 * math.log(6), rel=1e-12)
    assert tail.sf(5999) == 0.0


def test_closed_forms_of_scipy():
    total = poisson(2.0) + poisson(3.0)
    points = np.arange(15)
    assert np.allclose(total.pmf(points), scipy.stats.poisson(5.0).pmf(points), rtol=1e-9)
    trials = 3 @ geometric(0.3)
    assert np.allclose(trials.pmf(points + 3), scipy.stats.nbinom(3, 0.3).pmf(points), rtol=1e-9)
    assert Pmf.from_scipy(scipy.stats.binom(10, 0.3)).mean() == pytest.approx(3)


@pytest.mark.parametrize("count", [3, 64, 200, 1000])
def test_poisson_binomial(count):
    p = np.random.default_rng(count).random(count)
    p[0], p[1], p[2] = 1.0, 0.0, 1e-40
    found = poisson_binomial(p)
    weights = [Fraction(1)]
    for each in map(Fraction, p if count <= 200 else p[:0]):
        weights = [a * (1 - each) + b * each for a, b in zip([*weights, 0], [0, *weights], strict=True)]
    if count <= 200:
        assert_every_entry(found, dict(enumerate(weights)))
    assert found.mean() == pytest.approx(math.fsum(p))
    assert found.var() == pytest.approx(math.fsum(p * (1 - p)))
    exact = poisson_binomial(np.array([Fraction(1, 2), Fraction(1, 3)], object))
    assert exact.to_dict() == {0: Fraction(1, 3), 1: Fraction(1, 2), 2: Fraction(1, 6)}


def test_rank_sum_counts():
    for n, m in ((1, 1), (2, 3), (4, 4), (3, 6)):
        counts = {}
        for ranks in itertools.combinations(range(1, n + m + 1), n):
            u = sum(ranks) - n * (n + 1) // 2
            counts[u] = counts.get(u, 0) + 1
        total = math.comb(n + m, n)
        assert rank_sum(n, m).to_dict() == {u: Fraction(c, total) for u, c in sorted(counts.items())}
    ours = float(p_value(rank_sum(8, 9), 50, "greater"))
    theirs = scipy.stats.mannwhitneyu(
        np.arange(8.0) * 1.7 + 0.31, np.arange(9.0), alternative="greater", method="exact"
    )
    same = float(p_value(rank_sum(8, 9), int(theirs.statistic), "greater"))
    assert same == pytest.approx(theirs.pvalue, rel=1e-12)
    assert ours == pytest.approx(float(p_value(rank_sum(8, 9), 22, "less")))
    assert p_value(rank_sum(2, 2), 2) == 1


def test_counts_samples_and_steps():
    assert Pmf.from_counts([1, 2, 1]).to_dict() == {0: Fraction(1, 4), 1: Fraction(1, 2), 2: Fraction(1, 4)}
    assert Pmf.from_samples([3, 3, 5]).to_dict() == {3: Fraction(2, 3), 5: Fraction(1, 3)}
    assert Pmf.from_samples([[0, 0], [0, 2]]).shape == (1, 2)
    assert Pmf([0.5, 0.5], 10, 5).support.tolist() == [10, 15]
    assert Pmf([0, 0.5, 0.5, 0]).support.tolist() == [1, 2]
    assert Pmf([0.5, 0.5]) == Pmf.from_dict({0: 0.5, 1: 0.5})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Pmf([0.5, -0.5, 1]), ValueError, r"probabilities hold -0.5 at index \(1,\); none may be"),
        (lambda: Pmf([0.5, np.nan]), ValueError, "hold a NaN or an infinity"),
        (lambda: Pmf([0.5, 0.4]), ValueError, "add up to 0.9, not to 1; pass normalise=True"),
        (lambda: Pmf([0.0, 0.0]), ValueError, "all 0"),
        (lambda: Pmf([1, 2]), ValueError, "add up to 3, not to 1"),
        (lambda: Pmf([]), ValueError, "probabilities is empty"),
        (lambda: Pmf([1.0], step=0), ValueError, "step=0 is not accepted"),
        (lambda: Pmf([1.0], accuracy=2), ValueError, "accuracy=2 is not accepted"),
        (lambda: Pmf.from_dict({}), ValueError, "weights is empty"),
        (lambda: 2.5 @ die(6), TypeError, "n=2.5 in n @ X is not a whole number"),
        (lambda: -1 @ die(6), ValueError, "n=-1 in n @ X is negative"),
        (lambda: die(6) * die(6), TypeError, "a product of two distributions"),
        (lambda: die(6) + Pmf([[1.0]]), ValueError, "1 and 2 dimensions have no sum"),
        (lambda: die(6) * math.pi + die(6), ValueError, "lattice points, accepted are"),
        (lambda: Pmf.parse("3d6+2q8"), ValueError, "cannot be read at the mark, '3d6.2 >>> q8'"),
        (lambda: Pmf.parse(""), ValueError, "expected"),
        (lambda: Pmf.parse("2d0"), ValueError, "at least one side"),
        (lambda: Pmf.parse(7), TypeError, "notation=7 is not accepted"),
        (lambda: sum_independent([]), ValueError, "variables is empty"),
        (lambda: die(6).truncate(7, 9), ValueError, "no value of the support lies from 7 to 9"),
        (lambda: die(6).condition(lambda x: x > 6), ValueError, "holds for no value"),
        (
            lambda: die(6).sample("7"),
            TypeError,
            "rng='7' is not accepted; pass a whole number from 0, a numpy",
        ),
        (lambda: die(6).sample(-7), ValueError, "rng=-7 is not accepted; pass a whole number from 0"),
        (lambda: die(6).sample(True), TypeError, "rng=True is not accepted; pass a whole number from 0"),
        (lambda: Pmf([[0.5, 0.5]]).cdf(0), ValueError, "cdf needs a distribution of one dimension"),
        (lambda: poisson_binomial([0.5, 1.5]), ValueError, "p holds 1.5"),
        (lambda: bernoulli(1.5), ValueError, "p=1.5 is not accepted"),
        (lambda: Pmf.from_scipy("poisson"), TypeError, "is no frozen discrete distribution"),
        (lambda: p_value(die(6), 3, "both"), ValueError, "alternative='both' is not accepted"),
        (lambda: 40 @ Pmf([0.5, 0.5], accuracy=1e-15), ArithmeticError, "could be off by"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_command_line(tmp_path, capsys):
    table, picture = tmp_path / "sum.csv", tmp_path / "sum.png"
    arguments = ["dist", "3d6+2d8-1", "--at-least", "20", "--csv", str(table), "--plot", str(picture)]
    assert run([*arguments, "--exact"]) == 0
    assert "at least 20: 317/768" in capsys.readouterr().out
    assert table.read_text().splitlines()[1] == "4,1/13824"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run(["dist", "sum", str(table), str(table)]) == 0
    assert "mean 37" in capsys.readouterr().out
    assert run(["dist", "3d6+2q8"]) == 1
    assert "'3d6+2 >>> q8'" in capsys.readouterr().err
    (tmp_path / "bad.csv").write_text("1,0.5\n2,half\n")
    assert run(["dist", "sum", str(tmp_path / "bad.csv")]) == 1
    assert "line 2 is '2,half'" in capsys.readouterr().err
    assert run(["dist", "sum"]) == 2
    assert run(["dist", "d6", "d8"]) == 2


def test_pictures():
    axes = (2 @ die(6)).plot()
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == pytest.approx([w / 36 for w in power(6, 2)])
    plane = Pmf(np.full((2, 3), 1 / 6))
    mesh = plane.plot().collections[0]
    assert np.asarray(mesh.get_array()).ravel() == pytest.approx([1 / 6] * 6)


def test_largest_and_smallest():
    dice = [die(6), die(8) * Fraction(1, 2), uniform(-3, 3)]
    truth_max, truth_min = {}, {}
    for values in itertools.product(*(list(variable.to_dict()) for variable in dice)):
        for table, value in ((truth_max, max(values)), (truth_min, min(values))):
            table[value] = table.get(value, 0) + Fraction(1, 6 * 8 * 7)
    assert maximum(dice).to_dict() == pytest.approx({k: float(v) for k, v in sorted(truth_max.items())})
    assert minimum(dice).to_dict() == pytest.approx({k: float(v) for k, v in sorted(truth_min.items())})
    exact = maximum([die(6, exact=True), die(4, exact=True)])
    assert exact.to_dict() == {
        k: Fraction(w, 24) for k, w in zip(range(1, 7), [1, 3, 5, 7, 4, 4], strict=True)
    }
    tail = 700 @ die(6)
    both = minimum([tail, tail])
    assert both.log_pmf(4200) == pytest.approx(2 * tail.log_pmf(4200), rel=1e-12)
    with pytest.raises(ValueError, match="variables is empty"):
        maximum([])
    with pytest.raises(TypeError, match="accepted are Pmfs of one dimension"):
        maximum([Pmf([[1.0]])])
