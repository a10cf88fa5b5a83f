"""Dice notation and `fftconv dist`: counted against every throw, printed to the last digit."""

import itertools
import math
import operator
import re
from collections import Counter
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fftconv.cli.main import run
from fftconv.probability import Pmf

COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "≥": operator.ge,
    "≤": operator.le,
}


def throws(count, sides, kept=lambda faces: faces):
    """Every throw of these dice: how often each sum of those that are kept."""
    return Counter(
        sum(kept(sorted(faces))) for faces in itertools.product(range(1, sides + 1), repeat=count)
    )


def chances(counts):
    total = sum(counts.values())
    return {value: Fraction(count, total) for value, count in sorted(counts.items())}


def test_kept_and_dropped_dice_against_every_throw():
    for count, sides in itertools.product(range(1, 6), range(1, 7)):
        if sides**count > 2000:
            continue
        for many in range(1, count + 1):
            kinds = {"kh": lambda faces, n=many: faces[-n:], "kl": lambda faces, n=many: faces[:n]}
            if many < count:
                kinds["dl"] = lambda faces, n=many: faces[n:]
                kinds["dh"] = lambda faces, n=many: faces[: len(faces) - n]
            for kind, kept in kinds.items():
                expected = chances(throws(count, sides, kept))
                notation = f"{count}d{sides}{kind}{many}"
                assert Pmf.parse(notation, exact=True).to_dict() == expected, notation
                floats = Pmf.parse(notation)
                assert floats.support.tolist() == list(expected)
                assert all(abs(floats.pmf(v) / float(p) - 1) < 1e-12 for v, p in expected.items())


def test_many_kept_dice_by_other_counts():
    """The mean of the highest is a sum of order statistics; keeping and dropping share the total."""
    high, low = (Pmf.parse(f"40d100{kind}20", exact=True) for kind in ("kh", "kl"))
    chosen = Fraction(0)
    for place in range(21, 41):  # of 40 in order
        for value in range(1, 101):
            below = Fraction(value - 1, 100)
            chosen += sum(
                math.comb(40, i) * below**i * (1 - below) ** (40 - i) for i in range(place)
            )  # P(the value at this place is at least so much)
    assert high.mean() == chosen
    assert high.mean() + low.mean() == 40 * Fraction(101, 2)
    assert sum(high.to_dict().values()) == 1
    top = Pmf.parse("1000d6kh1", exact=True)
    assert top.to_dict() == {v: Fraction(v**1000 - (v - 1) ** 1000, 6**1000) for v in range(1, 7)}
    assert Pmf.parse("9d8kh9", exact=True) == Pmf.parse("9d8", exact=True)


@st.composite
def terms(draw):
    """A text of dice and numbers, and the chances of its values by nested loops."""
    text, table = "", {0: Fraction(1)}
    for place in range(draw(st.integers(1, 3))):
        sign = draw(st.sampled_from(["+", "-", " - ", " + "] if place else ["", "-", "+", " -"]))
        factor = draw(st.integers(-1, 3))
        if draw(st.booleans()):
            number = draw(st.integers(0, 12))
            term, values = str(number), {number: Fraction(1)}
        else:
            count, sides = draw(st.integers(1, 3)), draw(st.integers(1, 5))
            kind = draw(st.sampled_from(["", "kh", "KL", "k", "kl2", "dh"]))
            many = 2 if kind.endswith("2") else 1
            if many > count or (kind == "dh" and count == 1):
                kind = ""
            kept = {
                "": lambda faces: faces,
                "kh": lambda faces: faces[-1:],
                "k": lambda faces: faces[-1:],
                "KL": lambda faces: faces[:1],
                "kl2": lambda faces: faces[:2],
                "dh": lambda faces: faces[:-1],
            }[kind]
            shown = "" if count == 1 and draw(st.booleans()) else str(count)
            letter, space = draw(st.sampled_from("dD")), draw(st.sampled_from(["", " "]))
            term, values = f"{shown}{letter}{sides}{space}{kind}", chances(throws(count, sides, kept))
        if factor >= 0:
            term = draw(st.sampled_from([f"{term}*{factor}", f"{factor} x {term}"]))
            values = chances_times(values, factor)
        text += sign + term
        new = {}
        for (a, p), (b, q) in itertools.product(table.items(), values.items()):
            value = a - b if "-" in sign else a + b
            new[value] = new.get(value, 0) + p * q
        table = new
    return text, table


def chances_times(values, factor):
    made = {}
    for value, chance in values.items():
        made[value * factor] = made.get(value * factor, 0) + chance
    return made


@settings(max_examples=80, deadline=None)
@given(terms(), terms(), st.sampled_from(sorted(COMPARE)))
def test_any_notation_against_nested_loops(one, other, sign):
    (left, p), (right, q) = one, other
    assert Pmf.parse(left, exact=True).to_dict() == dict(sorted(p.items()))
    yes = sum(a * b for (x, a), (y, b) in itertools.product(p.items(), q.items()) if COMPARE[sign](x, y))
    question = f"{left} {sign} {right}"
    assert Pmf.parse(question, exact=True).pmf(1) == yes
    found = Pmf.parse(question)
    assert found.pmf(1) == pytest.approx(float(yes), rel=1e-9, abs=0)
    assert found.pmf(0) == pytest.approx(float(1 - yes), rel=1e-9, abs=0)


def test_short_forms():
    assert Pmf.parse("d%") == Pmf.parse("1D100")
    assert Pmf.parse("4d6kh") == Pmf.parse("4d6k1") == Pmf.parse("4d6 KH 1")
    assert Pmf.parse("\t2 d 6 * 3 ", exact=True) == Pmf.parse("3×2d6", exact=True)
    assert Pmf.parse("−d6+10", exact=True).support.tolist() == [4, 5, 6, 7, 8, 9]
    assert Pmf.parse("0*d6+2").to_dict() == {2: 1.0}
    assert Pmf.parse("0d6").to_dict() == {0: 1.0}
    assert Pmf.parse("1000d6 >= 6000").log_pmf(1) == pytest.approx(-1000 * math.log(6), rel=1e-12)


@pytest.mark.parametrize(
    ("notation", "message"),
    [
        ("2d6kh3", "'2d6 >>> kh3': 3 of 2 dice cannot be kept"),
        ("2d6kl0", "'2d6 >>> kl0': 0 of 2 dice cannot be kept"),
        ("2d6dl2", "'2d6 >>> dl2': 2 of 2 dice cannot be dropped, as one has to be left"),
        ("2d6*1d4", r"'2d6\* >>> 1d4': dice are multiplied with whole numbers only"),
        ("3*(2d6+1)", r"'3\* >>> .2d6\+1.': brackets are not accepted"),
        ("2d6/2", "'2d6 >>> /2': dice are not divided"),
        ("1.5d6", "'1 >>> .5d6': only whole numbers"),
        ("2d", "'2d >>> ': expected the sides of the die"),
        ("d0", "'d >>> 0': a die has at least one side"),
        ("2d6kh1kh1", "'2d6kh1 >>> kh1': expected . or -"),
        ("2d6 >= ", "expected a whole number or dice"),
        ("2 > d6 > 1", "expected the end, after one comparison"),
        ("--d6", "'- >>> -d6': expected a whole number or dice"),
        ("kh3", "' >>> kh3': expected a whole number or dice"),
        ("d6 d6", "'d6  >>> d6': expected . or -"),
        ("²d6", "' >>> ²d6': expected"),
        ("1" * 2000 + "d6", "a number has at most 1000 digits"),
        ("+".join(["d6"] * 2000), "at most 1000 terms"),
        ("9" * 900 + "d6", "needs 5.00e900 lattice points, accepted are 67108864"),
        ("9" * 900 + "d6kh5", "needs 1.00e900 dice, accepted are 67108864"),
        ("9" * 900 + "d6kh" + "9" * 890, "needs 1.00e900 dice, accepted are 67108864"),
        ("100d1000kh50", "'100d1000kh50' needs 614100000 steps, accepted are 67108864"),
        ("2d10000000kh1", "lattice points of exact numbers"),
    ],
)
def test_what_cannot_be_read_is_marked(notation, message):
    with pytest.raises(ValueError, match=message):
        Pmf.parse(notation)


def printed(capsys, *arguments):
    assert run(["dist", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def rounded(chance, digits):
    """A fraction in scientific notation, rounded to so many digits by integers alone."""
    power = 0
    while chance * 10**-power >= 10:
        power += 1
    while chance * 10**-power < 1:
        power -= 1
    with localcontext() as context:
        context.prec = 100
        scaled = chance * Fraction(10) ** (digits - 1 - power)
        return Decimal(round(scaled)) * Decimal(10) ** (power + 1 - digits)


def test_tails_beyond_all_floats_to_the_last_digit(capsys):
    assert printed(capsys, "1000d6", "--at-least", "6000")[-1] == "at least 6000: 7.06e-779"
    ways = {}
    for count, least in [(n, least) for n in (5, 388, 450) for least in range(6 * n - 9, 6 * n + 1)]:
        if count not in ways:
            ways[count] = [math.comb(t + count - 1, count - 1) for t in range(10)]  # below 6 under the top
            for t in range(6, 10):  # inclusion and exclusion
                ways[count][t] -= count * math.comb(t - 6 + count - 1, count - 1)
        truth = Fraction(sum(ways[count][: 6 * count - least + 1]), 6**count)
        name, number = printed(capsys, f"{count}d6", "--at-least", str(least))[-1].split(": ")
        assert name == f"at least {least}"
        digits = 10 if truth > Fraction(1, 2**1000) else 3
        assert Decimal(number) == rounded(truth, digits), (count, least, number)


def test_sure_and_impossible(capsys):
    lines = printed(capsys, "3d6", "--at-least", "3", "--at-least", "18.5", "--at-least", "-1e30")
    assert lines[-3:] == ["at least 3: 1", "at least 18.5: 0", "at least -1e30: 1"]


def test_exact_holds_for_all_that_is_printed_and_written(capsys, tmp_path):
    table = tmp_path / "table.csv"
    lines = printed(capsys, "2d6", "--exact", "--at-least", "9", "--at-least", "7/2", "--csv", str(table))
    assert [line.split()[:2] for line in lines[:11]] == [
        [str(value), str(Fraction(6 - abs(value - 7), 36))] for value in range(2, 13)
    ]
    assert lines[11:] == [
        "mean 7, standard deviation sqrt(35/6)",
        "at least 9: 5/18",
        "at least 7/2: 11/12",
    ]
    assert table.read_text().splitlines()[1:3] == ["2,1/36", "3,1/18"]
    assert printed(capsys, "d2", "--exact")[-1] == "mean 3/2, standard deviation 1/2"
    assert printed(capsys, "2d6 >= 9", "--exact") == ["2d6 >= 9: 5/18"]
    *rows, left, _ = printed(capsys, "10d6", "--exact")
    missing = re.fullmatch(r"left out: (\d+) values in rows below 1/20000, (\S+) in all", left)
    shown = [re.fullmatch(r" *(\d+)(?: to (\d+))? +(\S+)(?: .*)?", row) for row in rows]
    assert sum((Fraction(row[3]) for row in shown), Fraction(missing[2])) == 1
    assert sum(int(row[2] or row[1]) - int(row[1]) + 1 for row in shown) + int(missing[1]) == 51
    assert len(printed(capsys, "20000d6kh1", "--exact")[0]) > 2 * 15000  # digits


@pytest.mark.parametrize("notation", ["1000d6", "300d6", "100d20+100", "d20*7+20d2", "500d100kh3", "d1000"])
def test_no_row_reads_zero(capsys, notation):
    lines = printed(capsys, notation)
    assert not any(re.search(r" 0\.0000( |$)", line) for line in lines if not line.startswith("left out"))
    assert len(lines) <= 43
    assert max(map(len, lines)) <= 80
    left = [line for line in lines if line.startswith("left out")]
    variable = Pmf.parse(notation)
    rows = [line for line in lines if not line.startswith(("left out", "mean"))]
    shown = sum(float(re.match(r" *\d+(?: to \d+)? +(\S+)", row)[1]) for row in rows)
    missing = float(left[0].split()[-3]) if left else 0.0
    assert shown + missing == pytest.approx(1, abs=5e-5 * (len(rows) + 1))
    assert variable.support[-1] >= int(re.match(r" *(?:\d+ to )?(\d+)", rows[-1])[1])


def test_short_tables_show_small_probabilities(capsys, tmp_path):
    assert printed(capsys, "6d6")[0].split() == ["6", "2.1e-05"]
    rare = tmp_path / "rare.csv"
    rare.write_text("0,1\n1,1e-500\n")
    assert run(["dist", "sum", str(rare), "--exact"]) == 1
    assert "probabilities add up to 1 +" in capsys.readouterr().err


def test_a_table_of_tails_can_be_read_again(capsys, tmp_path):
    table = tmp_path / "table.csv"
    printed(capsys, "450d6", "--csv", str(table))
    rows = dict(line.split(",") for line in table.read_text().splitlines()[1:])
    assert abs(Fraction(rows["450"]) * 6**450 - 1) < Fraction(1, 10**9)
    assert printed(capsys, "sum", str(table))[-1] == printed(capsys, "450d6")[-1]


@pytest.mark.parametrize(
    "arguments", [["-d6+10"], ["--", "-d6+10"], [" -1d6+10"], ["-1D6 + 10", "--at-least", "-3"]]
)
def test_a_leading_minus(capsys, arguments):
    lines = printed(capsys, *arguments)
    assert [line.split()[0] for line in lines[:6]] == ["4", "5", "6", "7", "8", "9"]
    if "--at-least" in arguments:
        assert lines[-1] == "at least -3: 1"


def test_minus_before_kept_dice_is_no_request_for_help(capsys):
    assert printed(capsys, "-4d6kh3")[0].split()[0] == "-18"
    assert run(["dist", "-h"]) == 0
    assert "4d6kh3" in capsys.readouterr().out
    assert run(["dist", "-x"]) == 2
    assert "-x" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["2d6", "9"], 2, "expected one text of dice, got 2; put it in quotes"),
        (["2d6*1d4"], 1, "dice are multiplied with whole numbers only"),
        (["1000000000d6"], 1, "'1000000000d6' needs 5000000001 lattice points, accepted are 67108864"),
        (["d6", "--csv", "no/such/a.csv"], 1, "folder no/such does not exist; create it first"),
        (["d6", "--at-least", "nan"], 2, "'nan' is no number"),
        (["d6", "--at-least", "1e400"], 2, "'1e400' is no number"),
        (["d6", "--at-least", "1e-999999999"], 2, "'1e-999999999' is no number"),
    ],
)
def test_command_line_complaints(capsys, arguments, code, message):
    assert run(["dist", *arguments]) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_tails_and_fractions_survive_a_file(capsys, tmp_path):
    table, again = tmp_path / "table.csv", tmp_path / "again.csv"
    for notation, level in (("450d6", "2700"), ("450d6", "450"), ("1000d6", "5990"), ("3d6*7-4", "100")):
        here = printed(capsys, notation, "--at-least", level, "--csv", str(table))
        there = printed(capsys, "sum", str(table), "--at-least", level, "--csv", str(again))
        assert there == here
        assert table.read_text() == again.read_text() or notation != "3d6*7-4"
    assert printed(capsys, "450d6", "--at-least", "2700")[-1] == "at least 2700: 6.79e-351"
    thirds = tmp_path / "thirds.csv"
    thirds.write_text("value,probability\n1/3,1/7\n \n0.5,2/7\n,\n-2/3,4/7\n")
    lines = printed(capsys, "sum", str(thirds), str(thirds), "--exact", "--csv", str(table))
    rows = [tuple(map(Fraction, line.split(","))) for line in table.read_text().splitlines()[1:]]
    one = {Fraction(1, 3): Fraction(1, 7), Fraction(1, 2): Fraction(2, 7), Fraction(-2, 3): Fraction(4, 7)}
    truth = {}
    for (a, p), (b, q) in itertools.product(one.items(), repeat=2):
        truth[a + b] = truth.get(a + b, 0) + p * q
    assert rows == sorted(truth.items())
    assert [tuple(map(Fraction, line.split()[:2])) for line in lines[: len(rows)]] == rows
    assert printed(capsys, "sum", str(table), "--exact")[:-1] == lines[:-1]
    printed(capsys, "sum", str(thirds), "--csv", str(table))
    assert [line.split(",")[0] for line in table.read_text().splitlines()[1:]] == ["-2/3", "1/3", "0.5"]
    assert printed(capsys, "sum", str(table)) == printed(capsys, "sum", str(thirds))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1,0.5\n2,0.4\n", "rows.csv: probabilities add up to 0.9, not to 1"),
        (b"1,1.5\n2,-0.5\n", "rows.csv: line 2 has the probability -0.5, below 0"),
        (b"a,b\n\n \n1,x\n", "rows.csv: line 4 is '1,x', expected a value and its probability"),
        (b"1,0\n", "rows.csv: probabilities add up to 0.0, not to 1"),
        (b"\xff\xfe1\x00,\x001\x00", "rows.csv: is no text in UTF-8"),
        (b"caf\xe9,b\n1,1\n", "rows.csv: is no text in UTF-8"),
        (b" \n,\n", "rows.csv: holds no values"),
        (b"0,0.5\n1e-9,0.25\n1,0.25\n", "rows.csv: weights needs 1000000001 lattice points"),
    ],
)
def test_complaints_about_files_name_them(capsys, tmp_path, text, message):
    rows = tmp_path / "rows.csv"
    rows.write_bytes(text)
    for more in ([], ["--exact"]):
        assert run(["dist", "sum", str(rows), *more]) == 1
        captured = capsys.readouterr()
        assert (
            message.replace("0.9,", "9/10," if more else "0.9,").replace("0.0,", "0," if more else "0.0,")
            in captured.err
        )
        assert "normalise" not in captured.err
        assert captured.out == ""
        assert captured.err.count("\n") == 1


def test_values_of_options_are_left_as_they_are(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed(capsys, "-d6+10", "--csv", "-9.csv")
    printed(capsys, "--csv", "-d.csv", "-d6+10")
    printed(capsys, "--csv=-3.csv", "-d6+10")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["-3.csv", "-9.csv", "-d.csv"]
    assert printed(capsys, "--at-least", "-3", "-d6+10")[-1] == "at least -3: 1"


def test_pictures_of_dice(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "a$b$.png"
    picture.with_suffix(".csv").write_text("1,0.5\n2,0.5\n")
    printed(capsys, "sum", str(picture.with_suffix(".csv")), "--plot", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run(["dist", "3d6", "--plot", str(tmp_path / "a.txt")]) == 1
    captured = capsys.readouterr()
    assert "a.txt has the suffix '.txt'; accepted are ." in captured.err
    assert captured.out == ""
    few, many = Pmf.parse("3d6").plot(), Pmf.parse("d100000").plot()
    assert len(few.patches) == 16
    assert len(many.patches) == 1
    tops, edges, _ = many.patches[0].get_data()
    assert len(tops) <= 1000
    assert (edges[0], edges[-1]) == (0.5, 100000.5)
    assert max(tops) == min(tops) == pytest.approx(1e-5)


def test_signs_and_letters():
    assert Pmf.parse("2d6*-1") == Pmf.parse("-2d6") == Pmf.parse("–2d6")
    assert Pmf.parse("-3 x -d4 - 1") == Pmf.parse("3*d4-1")
    assert Pmf.parse("2*+d6") == Pmf.parse("d6*2")
    assert Pmf.parse("4d6k3") == Pmf.parse("4d6kh3")
    assert Pmf.parse("d6+2d6+d6", exact=True) == Pmf.parse("4d6", exact=True)
    with pytest.raises(ValueError, match="expected a whole number or dice"):
        Pmf.parse("2*--d6")
