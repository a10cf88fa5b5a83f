"""Counts of any size: right, or refused in words before anything is allocated."""

import json
import math
import re
import subprocess
import sys
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats

from fftconv.probability import (
    Pmf,
    bernoulli,
    binomial,
    compound,
    degenerate,
    die,
    geometric,
    maximum,
    mixture,
    poisson,
    poisson_binomial,
    rank_sum,
    sum_independent,
    uniform,
)
from fftconv.probability.lattice import MOST_POINTS

SIZES = [*(10**k for k in (0, 1, 3, 8, 9, 14, 18, 19, 23, 33, 400)), 2**31, 2**53, 2**62, 2**63, 2**64]
SIZES += [2**63 - 1, 10**5000, 0, -1, -(2**63)]
FLOATS = [0.0, 5e-324, 1e-300, 1e-18, 1e-9, 0.3, 0.5, 1 - 2.0**-53, 1.0, 2.5, 1e5, 1e8, 1e15, 1e18, 1e300]
FLOATS += [math.nan, math.inf, -math.inf, -1.0]

# Runs calls with 6 GB of memory and 100 s of processor time, and prints what became of each.
GUARDED = """
import json, math, resource, sys, warnings
resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (100, 100))
warnings.simplefilter("error")
nan, inf = math.nan, math.inf
import scipy.stats
from fractions import Fraction
from fftconv.probability import *
for text in json.load(sys.stdin):
    try:
        made = eval(text, globals())
        kind, words = "Pmf", ""
        assert 0 <= made.relative_error <= made.accuracy, made.relative_error
        assert made.shape[0] <= 2**26, made.shape
    except Exception as error:
        kind, words = type(error).__name__, str(error)
    print(json.dumps([text, kind, words]), flush=True)
"""


def calls():
    """The text of a call of every builder for every size."""
    for size in SIZES:
        n = str(size) if size < 10**400 else f"10**{round(math.log10(size))}"
        digits = str(size) if size < 10**400 else "7" * 5000
        yield f"die({n})"
        yield f"die({n}, exact=True)"
        yield f"uniform(-{n}, {n})" if size > 0 else f"uniform(0, {n})"
        yield f"{n} @ die(6)"
        yield f"{n} @ die(6, exact=True)"
        yield f"{n} @ degenerate(3)"
        yield f"{n} @ Pmf([0.5, 0.5])"
        yield f"rank_sum({n}, 3)"
        yield f"rank_sum({n}, {n})"
        yield f"binomial({n}, Fraction(1, 3))"
        yield f"compound(degenerate({n}), die(6))"
        yield f"compound(degenerate({n}), degenerate(2))"
        yield f"maximum([degenerate({n}), die(6)])"
        yield f"Pmf.from_dict({{0: 0.5, 1: 0.25, {n} + 7: 0.25}})"
        yield f"repr(degenerate({n})) and degenerate({n})"
        yield from (
            f"Pmf.parse('{digits}d6')",
            f"Pmf.parse('1d{digits}')",
            f"Pmf.parse('{digits}d9{digits}')",
        )
        yield from (
            f"Pmf.parse('{digits}d6kh3')",
            f"Pmf.parse('5d{digits}kl2')",
            f"Pmf.parse('d6+{digits}')",
        )
        yield f"Pmf.parse('{digits}*d6 >= {digits}')"
        for p in (5e-324, 1e-18, 1e-9, 0.3, 0.5, 1 - 2.0**-53):
            yield f"binomial({n}, {p})"
        if abs(size) < 2**63:
            yield f"Pmf.from_scipy(scipy.stats.binom({n}, 0.3))"
            yield f"Pmf.from_scipy(scipy.stats.binom({n}, 1e-18))"
            yield f"Pmf.from_scipy(scipy.stats.nbinom({n}, 0.3))"
            yield f"Pmf.from_scipy(scipy.stats.randint(0, {n}))"
            yield f"Pmf.from_scipy(scipy.stats.hypergeom({n}, {size // 3}, {min(size // 7, 10**9)}))"
    for x in FLOATS:
        yield from (f"poisson({x})", f"geometric({x})", f"binomial({x}, 0.5)", f"binomial(7, {x})")
        yield from (f"die({x})", f"{x} @ die(6)", f"rank_sum({x}, 2)", f"degenerate({x})")
        yield from (f"poisson(2, lost_mass={x})", f"binomial(10**9, 0.1, lost_mass={x})")
        yield from (f"Pmf.from_scipy(scipy.stats.{d}({x}))" for d in ("poisson", "geom", "bernoulli"))
        yield from (f"compound(scipy.stats.poisson({x}), die(6))", f"bernoulli({x})")
        yield f"Pmf.from_scipy(scipy.stats.nbinom({x}, 0.5))"


def test_every_builder_works_or_refuses_in_words_at_any_size():
    done = subprocess.run(
        [sys.executable, "-P", "-c", GUARDED],
        input=json.dumps(list(calls())),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    made = 0
    for line in done.stdout.splitlines():
        text, kind, words = json.loads(line)
        shown = (text[:100], kind, words[:300])
        made += kind == "Pmf"
        if kind == "ArithmeticError":
            assert "could be off by" in words, shown
        elif kind != "Pmf":
            assert kind in ("ValueError", "TypeError"), shown
            assert re.search("accepted|pass |cannot be read at the mark|is not .*whole number", words), (
                shown
            )
            assert "cannot convert" not in words, shown
            assert len(words) < 400, shown
    assert made > 200


def test_the_limit_is_said_in_the_same_words():
    for call in (
        lambda: die(10**15),
        lambda: uniform(0, MOST_POINTS),
        lambda: 10**9 @ die(6),
        lambda: poisson(1e15),
        lambda: geometric(1e-9),
        lambda: binomial(10**15, 0.5),
        lambda: binomial(10**12, Fraction(1, 3)),
        lambda: rank_sum(10**7, 10**7),
        lambda: Pmf.parse("1d1000000000000000"),
        lambda: compound(degenerate(10**8), die(6)),
        lambda: maximum([degenerate(10**9), die(6)]),
        lambda: Pmf.from_scipy(scipy.stats.binom(10**18, 0.5)),
        lambda: 10**5 * die(1000) + die(10),
        lambda: Pmf.from_scipy(scipy.stats.betabinom(10**9, 2, 3)),
        lambda: Pmf.from_scipy(scipy.stats.nhypergeom(10**9, 10**8, 10**5)),
    ):
        with pytest.raises(
            ValueError, match=r"needs \S+ lattice points, accepted are 67108864; round values"
        ):
            call()
    with pytest.raises(
        ValueError, match=r"stretches of its tails, \S+ in all, accepted are 67108864; round"
    ):
        10**6 @ die(6)
    for call in (
        lambda: poisson_binomial([0.5] * 10**6),
        lambda: poisson_binomial([1e-5] * 10**5),
        lambda: Pmf.parse("+".join(["1000d6"] * 1000)),
        lambda: Pmf.parse("1000d6-" * 999 + "1000d6"),
        lambda: sum_independent([2000 @ die(4)] * 200),
    ):
        with pytest.raises(ValueError, match=r"stretches of its tails, \S+ in all, accepted are 67108864;"):
            call()
    for call, each in (
        (lambda: maximum([degenerate(0), degenerate(2**25)]), "4 for each lattice point"),
        (
            lambda: mixture([degenerate(0), degenerate(1), degenerate(2**25)], [0.5, 0.25, 0.25]),
            "4 for each",
        ),
        (lambda: Pmf.parse("1000000d6kh1", exact=True), "to reduce each fraction"),
        (lambda: die(2**23).condition(bool), "16 for each lattice point"),
        (lambda: sum_independent([die(6)] * 10**5), "1024 for each variable"),
        (lambda: Pmf.parse("+".join(f"{1000 + i}d6*{i + 1}" for i in range(1000))), "for all of its terms"),
        (lambda: Pmf.parse("+".join(f"40d{100 + i}kh20" for i in range(99))), "for all of its terms"),
    ):
        with pytest.raises(ValueError, match=rf"needs \d+ steps,? {each}.*accepted are 67108864; round"):
            call()
    for call in (
        lambda: 2 @ die(2**20, exact=True),
        lambda: die(2**20, exact=True) + die(2**20, exact=True),
        lambda: sum_independent([die(2**19, exact=True)] * 3),
    ):
        with pytest.raises(
            ValueError, match=r"product of exact numbers of \d+ words.*accepted are 1048576; round"
        ):
            call()
    with pytest.raises(ValueError, match=r"exact numbers, 200000 bits each.*accepted are 4194304; round"):
        poisson_binomial([Fraction(1, 3)] * 100000)
    with pytest.raises(ValueError, match=r"exact numbers, \S+ bits each.*accepted are 4194304; round"):
        10**4 @ die(6, exact=True)
    with pytest.raises(ValueError, match=r"needs 68921410 steps.*accepted are 67108864; round"):
        rank_sum(410, 410)


def test_a_sum_that_cannot_be_accurate_is_refused_at_once():
    with pytest.raises(
        ArithmeticError, match="n @ X with n=1000 could be off by .* more than accuracy=1e-09"
    ):
        1000 @ die(1000)
    for call in (
        lambda: sum_independent([die(1000)] * 1000),
        lambda: Pmf.parse("+".join(["d1000"] * 1000)),
        lambda: uniform(1, 2**24) + uniform(1, 2**24),
    ):
        with pytest.raises(ArithmeticError, match="could be off by .* more than accuracy=1e-09"):
            call()
    for faces, copies in ((2, 3000), (6, 999), (1000, 40), (3000, 9)):
        assert 0 < (copies @ die(faces)).relative_error <= 1e-9


def test_samples_of_too_many_are_refused():
    for size in (2**26 + 1, 10**15, 10**30, 10**5000, -1):
        with pytest.raises(ValueError, match=r"size=\S+ is not accepted"):
            die(6).sample(np.random.default_rng(0), size)


def ln_factorial(n):
    """By Stirling's series, to 40 digits."""
    if n < 200:
        return Decimal(math.factorial(n)).ln()
    x = Decimal(n)
    total = (x + Decimal("0.5")) * x.ln() - x + (2 * PI).ln() / 2
    bernoulli = ["1/6", "-1/30", "1/42", "-1/30", "5/66", "-691/2730", "7/6", "-3617/510", "43867/798"]
    for i, number in enumerate(map(Fraction, bernoulli), start=1):
        coefficient = number / (2 * i * (2 * i - 1))
        total += Decimal(coefficient.numerator) / coefficient.denominator / x ** (2 * i - 1)
    return total


PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def ln_comb(n, k):
    return ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)


def assert_logarithms(variable, truth, lost_mass=1e-15):
    """At the ends, the mode and between, within the stated error, the lost mass and that of a logarithm."""
    first = int(variable.start[0])
    size = variable.shape[0]
    at_random = np.random.default_rng(0).integers(0, size, 20).tolist()
    for at in {0, size - 1, size // 2, int(variable.mode()) - first, *at_random}:
        with localcontext() as context:
            context.prec = 60
            exact = truth(first + at)
            found = variable.log_pmf(first + at)
            off = abs(float(Decimal(found) - exact))
        allowed = variable.relative_error + 2 * lost_mass + 1e-15 + 4e-16 * abs(found)
        assert off <= allowed, (variable, first + at, off, allowed)
    assert variable.relative_error <= 1e-9
    assert math.fsum(variable.probabilities) == pytest.approx(1, abs=1e-14)


BINOMIALS = [
    *((1, 0.3), (60, 1e-300), (1000, 0.999), (10**5, 0.5), (2**22 - 2, 1e-6), (2**22, 1e-6)),
    *((10**9, 0.0004), (2**63, 1e-18), (10**12, 1e-9), (10**10, 1 - 1e-6), (2**53 + 1, 3e-13)),
    *((10**30, 4e-28), (10**9, 0.5)),
]


@pytest.mark.parametrize(("n", "p"), BINOMIALS)
def test_binomial_of_any_size(n, p):
    def truth(k):
        chance, other = Decimal(p), 1 - Decimal(p)
        return ln_comb(n, k) + k * chance.ln() + (n - k) * other.ln()

    assert_logarithms(binomial(n, p), truth)
    if 50 < n < 2**62:
        assert_logarithms(Pmf.from_scipy(scipy.stats.binom(n, p)), truth)


@pytest.mark.parametrize("mean", [5e-324, 1e-18, 0.5, 1.0, 3.7, 900.25, 12345678.9, 1e10])
def test_poisson_of_any_size(mean):
    for lost_mass in (1e-15, 1e-300) if mean < 1e7 else (1e-15,):
        assert_logarithms(
            poisson(mean, lost_mass=lost_mass),
            lambda k: k * Decimal(mean).ln() - Decimal(mean) - ln_factorial(k),
        )


def test_geometric_negative_binomial_and_hypergeometric():
    for p in (0.9, 0.3, 1e-4):
        assert_logarithms(geometric(p), lambda k, p=p: (k - 1) * (1 - Decimal(p)).ln() + Decimal(p).ln())
    for r, p in ((1, 0.5), (7, 0.4), (10**9, 0.75), (3, 1e-4)):
        assert_logarithms(
            Pmf.from_scipy(scipy.stats.nbinom(r, p)),
            lambda k, r=r, p=p: ln_comb(k + r - 1, k) + r * Decimal(p).ln() + k * (1 - Decimal(p)).ln(),
        )
    for total, marked, drawn in (
        (20, 7, 12),
        (10, 8, 7),
        (10**12, 10**11, 10**4),
        (10**6, 10**5, 9 * 10**5),
    ):
        assert_logarithms(
            Pmf.from_scipy(scipy.stats.hypergeom(total, marked, drawn)),
            lambda k, t=total, m=marked, d=drawn: ln_comb(m, k) + ln_comb(t - m, d - k) - ln_comb(t, d),
        )
    moved = Pmf.from_scipy(scipy.stats.geom(p=0.2, loc=3))
    assert moved.pmf(4) == pytest.approx(0.2, rel=1e-12)


def test_the_lost_mass_is_not_more_than_stated():
    for lost_mass in (0.5, 1e-3, 1e-15):
        for made, truth in (
            (poisson(900.5, lost_mass=lost_mass), scipy.stats.poisson(900.5)),
            (geometric(0.01, lost_mass=lost_mass), scipy.stats.geom(0.01)),
            (binomial(10**8, 1e-5, lost_mass=lost_mass), scipy.stats.binom(10**8, 1e-5)),
        ):
            first, last = made.support[[0, -1]]
            assert truth.cdf(first - 1) + truth.sf(last) <= lost_mass


def test_exact_binomial_against_powers():
    for n, p in ((0, Fraction(1, 3)), (1, Fraction(2, 7)), (12, Fraction(2, 7)), (40, Fraction(9, 10))):
        expected = {k: math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)}
        assert binomial(n, p).to_dict() == expected
    assert binomial(10**12, Fraction(1)).to_dict() == {10**12: Fraction(1)}


def test_no_error_is_larger_than_the_accuracy():
    for accuracy in (1e-3, 1e-9, 1e-12, 1e-14, 1e-15, 3e-16, 1e-17):
        for call in (
            lambda: die(7, accuracy=accuracy),  # noqa: B023
            lambda: binomial(1000, 0.3, accuracy=accuracy),  # noqa: B023
            lambda: poisson(1000.0, accuracy=accuracy),  # noqa: B023
            lambda: geometric(0.001, accuracy=accuracy),  # noqa: B023
            lambda: Pmf([1.0, 2.0], normalise=True, accuracy=accuracy),  # noqa: B023
            lambda: 100 @ die(6, accuracy=accuracy),  # noqa: B023
            lambda: Pmf.from_scipy(scipy.stats.skellam(5, 6), accuracy=accuracy),  # noqa: B023
            lambda: maximum([die(6, accuracy=accuracy), die(4)]),  # noqa: B023
            lambda: compound(die(3), die(6, accuracy=accuracy)),  # noqa: B023
            lambda: poisson_binomial([0.1] * 80, accuracy=accuracy),  # noqa: B023
            lambda: Pmf.parse("4d6kh3 >= 9", accuracy=accuracy),  # noqa: B023
            lambda: die(6, accuracy=accuracy).truncate(2, 3),  # noqa: B023
        ):
            try:
                made = call()
            except ArithmeticError as error:
                made, words = None, str(error)
            assert "could be off by" in words if made is None else made.relative_error <= made.accuracy


def test_moments_and_values_far_from_zero():
    far = uniform(10**20, 10**20 + 3)
    assert far.to_dict() == dict.fromkeys(range(10**20, 10**20 + 4), 0.25)
    assert (far.median(), far.mode(), far.mean()) == (10**20 + 1, 10**20, 1e20)
    assert far.std() == pytest.approx(math.sqrt(1.25))
    assert binomial(10**12, 1e-6).std() == pytest.approx(1000, rel=1e-5)
    exact = uniform(10**20, 10**20 + 3, exact=True)
    assert (exact.mean(), exact.var()) == (10**20 + Fraction(3, 2), Fraction(5, 4))
    third = Pmf([Fraction(1, 3), Fraction(2, 3)], Fraction(1, 2), Fraction(3, 4))
    assert (third.mean(), third.var()) == (1, Fraction(1, 8))
    with pytest.raises(OverflowError, match=r"the mean is about 1.00e400, beyond all floats"):
        degenerate(10**400).mean()
    assert (10**12 @ degenerate(3)).to_dict() == {3 * 10**12: 1.0}
    assert compound(degenerate(10**12), degenerate(2)).to_dict() == {2 * 10**12: 1.0}


def assert_tails(found, truth):
    """Every entry, also beyond floats, within the stated error of a table of Fractions."""
    assert found.support.tolist() == [float(value) for value in sorted(truth)]
    for value, chance in truth.items():
        power = chance.numerator.bit_length() - chance.denominator.bit_length()
        exact = math.log(chance / Fraction(2) ** power) + power * math.log(2)
        off = abs(found.log_pmf(value) - exact)
        assert off <= found.relative_error + 1e-15 + 4e-16 * abs(exact), (value, off, found.relative_error)


def test_mixtures_keep_their_tails():
    rng = np.random.default_rng(3)
    for _ in range(25):
        parts, table = [], {}
        weights = [Fraction(int(w), 64) for w in rng.multinomial(64, np.ones(3) / 3)]
        for weight in weights:
            faces, copies = (int(n) for n in rng.integers(1, (7, 200)))
            by, step = Fraction(int(rng.integers(-9, 9)), 4), Fraction(int(rng.integers(1, 5)), 2)
            exact = copies @ die(faces, exact=True)
            parts.append((exact * step + by, (copies @ die(faces)) * step + by))
            for at, count in enumerate(exact._weights.counts.tolist()):
                if weight and count:
                    value = (copies + at) * step + by
                    chance = weight * Fraction(count, exact._weights.total)
                    table[value] = table.get(value, 0) + chance
        exact = mixture([x for x, _ in parts], weights)
        assert exact.is_exact
        assert {v: Fraction(p) for v, p in exact.to_dict().items()} == {
            float(v): p for v, p in table.items()
        }
        for shares in (weights, [float(w) for w in weights]):
            assert_tails(mixture([x for _, x in parts], shares), table)
    both = mixture([binomial(10**6, 0.5), binomial(10**6, 0.25)], [0.5, 0.5])
    assert both.log_pmf(10**6) == pytest.approx(10**6 * math.log(0.5) - math.log(2), rel=1e-12)
    for weights, message in (([0.5, 0.6], "weights add up to 1.1, not to 1"), ([-1, 2], "holds -1")):
        with pytest.raises(ValueError, match=message):
            mixture([die(2), die(3)], weights)


def test_the_largest_of_wide_tails():
    for one, other in ((300, 700), (700, 700), (1, 900)):
        exact = [n @ die(6, exact=True) for n in (one, other)]
        counts = [dict(zip(x.support.tolist(), x._weights.counts.tolist(), strict=True)) for x in exact]
        truth, below = {}, [0, 0]
        for value in range(min(one, other), 6 * max(one, other) + 1):
            f, g = (c.get(value, 0) for c in counts)
            ways = f * (below[1] + g) + below[0] * g
            below = [below[0] + f, below[1] + g]
            if ways:
                truth[value] = Fraction(ways, 6 ** (one + other))
        assert_tails(maximum([one @ die(6), other @ die(6)]), truth)


def test_quantiles_in_both_tails_against_exact_sums():
    levels = [10.0**-k for k in (1, 2, 9, 16, 40, 100, 300)] + [0.05, 0.25, 0.5, 0.9, 0.975, 1 - 1e-9]
    levels += [
        Fraction(1, 6**40),
        1 - Fraction(1, 10**30),
        0,
        1,
        Fraction(1, 10**700),
        1 - Fraction(1, 6**80),
    ]
    for copies, faces in ((1, 10), (7, 2), (80, 6), (500, 4)):
        exact, floats = copies @ die(faces, exact=True), copies @ die(faces)
        total, below, sums = faces**copies, 0, []
        for count in exact._weights.counts.tolist():
            below += count
            sums.append(below)
        assert below == exact._weights.total == total
        for level in levels:
            wanted = Fraction(str(level)) if isinstance(level, float) else Fraction(level)
            value = copies + next(i for i, s in enumerate(sums) if s >= wanted * total)
            assert (exact.quantile(level), floats.quantile(level)) == (value, value), (copies, faces, level)
    wide = scipy.stats.poisson(100)
    for level in (1e-300, 1e-40, 1e-16, 1e-3, 0.3, 0.999):
        assert poisson(100.0, lost_mass=1e-305).quantile(level) == wide.ppf(level), level
    assert die(6).interval(Fraction(2, 3)) == (1, 5)


def test_moments_of_any_scale_and_of_a_single_value():
    for by in (10**160, 1e-200, Fraction(1, 3), 1, 10**307):
        for one in (
            die(6),
            die(6, exact=True),
            Pmf([0.9, 0, 0.1]),
            Pmf([Fraction(9, 10), 0, Fraction(1, 10)]),
        ):
            scaled = one.scale(by)
            assert scaled.std() == pytest.approx(one.std() * float(by), rel=1e-14)
            assert scaled.skewness() == pytest.approx(one.skewness(), rel=1e-12, abs=1e-12)
            assert scaled.kurtosis() == pytest.approx(one.kurtosis(), rel=1e-12)
            assert "std" in repr(scaled) or by == 10**160 or by == 10**307
    with pytest.raises(OverflowError, match=r"the variance is about 2.92e320, beyond all floats"):
        die(6).scale(10**160).var()
    assert die(6, exact=True).scale(10**160).var() == Fraction(35, 12) * 10**320
    assert die(3).skewness() == 0
    assert die(2).kurtosis() == pytest.approx(-2)
    for value in (0, 3, 1e300):
        assert degenerate(value).std() == 0
        assert math.isnan(degenerate(value).skewness())
        assert math.isnan(degenerate(value).kurtosis())


def test_distributions_of_scipy_at_any_place_and_kind():
    for place in (-2.7, 0.5, 3, Fraction(1, 4), np.float64(1e9)):
        for family in (
            lambda loc: scipy.stats.binom(5, 0.5, loc=loc),
            lambda loc: scipy.stats.betabinom(5, 2, 3, loc=loc),
            lambda loc: scipy.stats.skellam(5, 3, loc=loc),
            lambda loc: scipy.stats.randint(2, 9, loc=loc),
            lambda loc: scipy.stats.poisson_binom([0.1, 0.5, 0.9], loc=loc),
        ):
            moved, still = (Pmf.from_scipy(family(loc)) for loc in (float(place), 0))
            assert moved == still.shift(float(place))
    far = Pmf.from_scipy(scipy.stats.randint(2**62, 2**62 + 9))
    assert far.support.tolist() == list(range(2**62, 2**62 + 9))
    for a, b, n in ((1, 1, 9), (3, 70, 1000), (12, 2, 10**6)):
        assert_logarithms(
            Pmf.from_scipy(scipy.stats.betabinom(n, a, b)),
            lambda k, a=a, b=b, n=n: (
                ln_comb(k + a - 1, k) + ln_comb(n - k + b - 1, n - k) - ln_comb(n + a + b - 1, n)
            ),
        )
    for alpha in (11, 40, 170):
        assert_logarithms(
            Pmf.from_scipy(scipy.stats.yulesimon(alpha)),
            lambda k, a=alpha: (
                Decimal(a).ln() + ln_factorial(k - 1) + ln_factorial(a) - ln_factorial(k + a)
            ),
        )
    for fall in (0.01, 0.51, 3.0):
        for made, stop in ((scipy.stats.planck(fall), None), (scipy.stats.boltzmann(fall, 40), 40)):
            part = 1 - (-Decimal(fall)).exp()
            whole = part if stop is None else part / (1 - (-Decimal(fall) * stop).exp())
            assert_logarithms(Pmf.from_scipy(made), lambda k, f=fall, w=whole: w.ln() - k * Decimal(f))
    with pytest.raises(ArithmeticError, match="more than accuracy=1e-09; pass accuracy= with"):
        Pmf.from_scipy(scipy.stats.nhypergeom(10**7, 10**6, 10**5))
    for wrong in (scipy.stats.poisson, scipy.stats.norm(), scipy.stats.binom, 3):
        with pytest.raises(TypeError, match="no parameters yet; pass|is no frozen discrete distribution"):
            Pmf.from_scipy(wrong)


def test_numbers_of_every_type():
    assert bernoulli(np.float32(0.1)).pmf(1) == float(np.float32(0.1))
    assert bernoulli(np.int64(1)).to_dict() == {1: 1}
    assert binomial(5, np.int64(1)).to_dict() == {5: 1.0}
    assert geometric(np.float16(0.5)).pmf(2) == pytest.approx(0.25)
    assert die(6, accuracy=np.float32(1e-6)).accuracy == pytest.approx(1e-6)
    assert poisson(Fraction(5, 2)) == poisson(2.5) == poisson(np.float32(2.5))
    assert Pmf([0.5, 0.5], step=np.float32(0.1)).step == (Fraction(1, 10),)
    assert mixture([die(2), die(3)], np.float32([0.25, 0.75])) == mixture([die(2), die(3)], [0.25, 0.75])


LONG = 10**5000


@pytest.mark.parametrize(
    "call",
    [
        lambda: poisson(LONG),
        lambda: poisson(Fraction(LONG, 3)),
        lambda: die(6).quantile(LONG),
        lambda: Pmf([0.5, 0.5], step=-LONG),
        lambda: -LONG @ die(6),
        lambda: bernoulli(Fraction(LONG, 7)),
        lambda: Pmf([0.5, 0.5], start=[LONG, 1]),
        lambda: die(6).truncate(LONG),
        lambda: mixture([die(6)], [LONG]),
        lambda: geometric(LONG),
        lambda: Pmf([LONG, -LONG]),
        lambda: poisson(3, lost_mass=LONG),
        lambda: die(6, accuracy=LONG),
        lambda: poisson_binomial([LONG]),
        lambda: Pmf.parse(LONG),
        lambda: compound(LONG, die(6)),
        lambda: maximum([LONG]),
        lambda: binomial(LONG, Fraction(1, LONG)),
    ],
)
def test_long_numbers_are_named_shortly(call):
    with pytest.raises(
        (ValueError, TypeError), match="accepted|pass |not to 1|negative|no value|no frozen"
    ) as caught:
        call()
    assert len(str(caught.value)) < 300
