"""Dice notation: "3d6+2d8-1", "4d6kh3", "2d6*3", "2d20kh1 >= 15".

comparison = sum [ (">=" | "<=" | ">" | "<" | "=" | "!=") sum ]
sum        = ["+" | "-"] product { ("+" | "-") product }
product    = factor { ("*" | "x") ["+" | "-"] factor }, with dice in one factor at most
factor     = number | [number] "d" (number | "%") [ ("k" | "kh" | "kl" | "dh" | "dl") [number] ]
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from fftconv._checks import in_digits, shown
from fftconv.probability.builders import degenerate, die
from fftconv.probability.exact import to_scaled
from fftconv.probability.extremes import check_highest, highest_dice
from fftconv.probability.lattice import (
    check_size,
)
from fftconv.probability.pmf import Pmf, sum_independent

_TOKENS = {
    "number": r"[0-9]+",
    "keep": r"k[hl]?|d[hl]",
    "die": r"d",
    "percent": r"%",
    "sign": r"[-+−–]",
    "times": r"[*x×]",
    "comparison": r">=|=>|<=|=<|==|!=|[≥≤≠<>=]",
}
_TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _TOKENS.items()), re.IGNORECASE)
_SPELLED = {"=>": ">=", "≥": ">=", "=<": "<=", "≤": "<=", "==": "=", "≠": "!="}
_EXPECTED = "a whole number or dice, such as 3d6, d%, 4d6kh3"
_MOST_DIGITS = 1000
_MOST_TERMS = 1000


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


class _Dice(NamedTuple):
    """The highest or the lowest `kept` of several dice; `shown` is the notation that the reader typed."""

    thrown: int
    sides: int
    kept: int
    is_high: bool
    shown: str


class _Product(NamedTuple):
    """A whole number, or dice times a whole number that is not 0."""

    factor: int
    dice: _Dice | None


class _Sum(NamedTuple):
    """A whole number and dice, of which equal ones are one term."""

    constant: int
    terms: list[tuple[_Dice, int, int]]  # dice, their factor and how often they are thrown


def parse_dice(notation: str, *, exact: bool, accuracy: float) -> Pmf:
    """See `Pmf.parse`."""
    if not isinstance(notation, str):
        raise TypeError(f"notation={shown(notation)} is not accepted; pass a text such as '3d6+2d8-1'")
    return _Reader(notation, exact, accuracy).read()


def is_comparison(notation: str) -> bool:
    """Whether the distribution of this notation is that of a question, 1 for yes and 0 for no."""
    return any(token.kind == "comparison" for token in _tokens(notation))


def _tokens(notation: str) -> Iterator[_Token]:
    position = 0
    while position < len(notation):
        if notation[position].isspace():
            position += 1
            continue
        found = _TOKEN.match(notation, position)
        if found is None:
            raise _complaint(notation, position, _reason(notation[position]))
        if found.lastgroup == "number" and len(found[0]) > _MOST_DIGITS:
            raise _complaint(notation, position, f"a number has at most {_MOST_DIGITS} digits")
        yield _Token(str(found.lastgroup), found[0].lower(), position)
        position = found.end()


def _reason(letter: str) -> str:
    if letter in "()[]{}":
        return "brackets are not accepted; write 2d6*3+3 for 3*(2d6+1)"
    if letter in ".,":
        return "only whole numbers are accepted"
    if letter in "/÷":
        return "dice are not divided; only their distribution can be scaled by a fraction"
    return f"expected {_EXPECTED}, or one of + - * >= <= > < = !="


def _complaint(notation: str, position: int, what: str) -> ValueError:
    before, after = notation[max(position - 30, 0) : position], notation[position : position + 30]
    marked = f"{before} >>> {after}"
    return ValueError(f"notation {shortly(notation)!r} cannot be read at the mark, {shown(marked)}: {what}")


def shortly(notation: str) -> str:
    return notation if len(notation) <= 60 else notation[:60] + "..."


class _Reader:
    """Reads one notation from left to right; every method consumes the tokens of its rule."""

    def __init__(self, notation: str, exact: bool, accuracy: float) -> None:
        self.notation, self.exact, self.accuracy = notation, exact, accuracy
        self.tokens = list(_tokens(notation))
        self.at = 0

    def read(self) -> Pmf:
        left, comparison = self._sum(), self._take("comparison")
        if comparison is None:
            self._end("+ or -, * or a comparison such as >= 9")
            return self._made([left])[0]
        right = self._sum()
        self._end("the end, after one comparison")
        total, other = self._made([left, right])
        is_number = other.shape == (1,)
        difference = total.shift(-other.start[0]) if is_number else total - other
        return difference._compared(_SPELLED.get(comparison.text, comparison.text))

    def _take(self, *kinds: str) -> _Token | None:
        """The next token, if it is of one of these kinds."""
        if self.at == len(self.tokens) or self.tokens[self.at].kind not in kinds:
            return None
        self.at += 1
        return self.tokens[self.at - 1]

    def _complain(self, what: str, at: int | None = None) -> ValueError:
        index = self.at if at is None else at
        start = self.tokens[index].start if index < len(self.tokens) else len(self.notation)
        return _complaint(self.notation, start, what)

    def _end(self, expected: str) -> None:
        if self.at < len(self.tokens):
            raise self._complain(f"expected {expected}")

    def _sum(self) -> _Sum:
        constant, terms = 0, dict[tuple[int, ...], tuple[_Dice, int, int]]()
        many = 0
        sign = self._take("sign")
        while True:
            first = self.at
            product = self._product()
            factor = product.factor if sign is None or sign.text == "+" else -product.factor
            if product.dice is None:
                constant += factor
            else:
                dice, many = product.dice, many + 1
                is_whole = dice.kept == dice.thrown  # as 2d6 and 3d6 are, which together are 5d6
                key = (factor, dice.sides, *(() if is_whole else (dice.thrown, dice.kept, dice.is_high)))
                known, _, times = terms.get(key, (dice, factor, 0))
                if times and is_whole:
                    count = known.thrown + dice.thrown
                    known = _Dice(count, dice.sides, count, True, repr(f"{in_digits(count)}d{dice.sides}"))
                terms[key] = known, factor, 1 if is_whole else times + 1
            if many > _MOST_TERMS:
                raise self._complain(f"at most {_MOST_TERMS} terms of dice are accepted", first)
            sign = self._take("sign")
            if sign is None:
                return _Sum(constant, list(terms.values()))

    def _product(self) -> _Product:
        result = self._factor()
        while self._take("times"):
            sign, first = self._take("sign"), self.at
            other = self._factor()
            if sign is not None and sign.text != "+":
                other = _Product(-other.factor, other.dice)
            if result.dice is not None and other.dice is not None:
                raise self._complain("dice are multiplied with whole numbers only, not with dice", first)
            dice = result.dice if other.dice is None else other.dice
            factor = result.factor * other.factor
            result = _Product(factor, dice if factor else None)
        return result

    def _factor(self) -> _Product:
        first = self.at
        number = self._take("number")
        if self._take("die") is None:
            if number is None:
                raise self._complain(f"expected {_EXPECTED}")
            return _Product(int(number.text), None)
        sides = self._sides()
        count = 1 if number is None else int(number.text)
        keep = self._take("keep")
        kept = count if keep is None else self._kept(keep, count, self.at - 1)
        last = self.tokens[self.at - 1]
        text = self.notation[self.tokens[first].start : last.start + len(last.text)]
        shown = f"{text if len(text) <= 40 else text[:40] + '...'!r}"
        is_high = kept == count or (keep is not None and keep.text in ("k", "kh", "dl"))
        return _Product(1, _Dice(count, sides, kept, is_high, shown))

    def _sides(self) -> int:
        first = self.at
        sides = self._take("number", "percent")
        if sides is None:
            raise self._complain("expected the sides of the die, a whole number or %")
        if sides.kind == "percent":
            return 100
        if not int(sides.text):
            raise self._complain("a die has at least one side", first)
        return int(sides.text)

    def _kept(self, keep: _Token, count: int, at: int) -> int:
        number = self._take("number")
        many = 1 if number is None else int(number.text)
        if keep.text.startswith("k"):
            if not 1 <= many <= count:
                raise self._complain(f"{in_digits(many)} of {in_digits(count)} dice cannot be kept", at)
            return many
        if not many < count:
            raise self._complain(
                f"{in_digits(many)} of {in_digits(count)} dice cannot be dropped, as one has to be left", at
            )
        return count - many

    def _made(self, sums: list[_Sum]) -> list[Pmf]:
        """The distributions of these sums, if all of their terms together are not too much work."""
        work = sum(self._work(dice) for each in sums for dice, _, _ in each.terms)
        check_size([work], repr(shortly(self.notation)), unit="steps for all of its terms")
        return [self._added(each) for each in sums]

    def _work(self, dice: _Dice) -> int:
        if dice.kept < dice.thrown:
            if self.exact:  # a fraction of a million digits is reduced in minutes
                words = math.ceil(dice.thrown * math.log2(dice.sides)) // 64
                check_size([words**2], dice.shown, unit="steps to reduce each fraction")
            return check_highest(dice.thrown, dice.sides, dice.kept, dice.shown)
        check_size([dice.thrown * (dice.sides - 1) + 1], dice.shown)
        check_size([dice.sides], dice.shown, bits=64 if self.exact else 0)
        return self._die(dice.sides)._check_copies(dice.thrown, dice.shown)

    def _added(self, given: _Sum) -> Pmf:
        if not given.terms:
            return degenerate(given.constant, exact=self.exact, accuracy=self.accuracy)
        each = [(times @ self._thrown(dice)).scale(factor) for dice, factor, times in given.terms]
        return sum_independent(each).shift(given.constant)

    def _die(self, sides: int) -> Pmf:
        return die(sides, exact=self.exact, accuracy=self.accuracy)

    def _thrown(self, dice: _Dice) -> Pmf:
        count, sides, kept = dice.thrown, dice.sides, dice.kept
        if kept == count:
            return count @ self._die(sides)
        ways = highest_dice(count, sides, kept, dice.shown)
        start, step = (Fraction(kept),), (Fraction(1),)
        if self.exact:
            high = Pmf._of(ways, start, step, self.accuracy, 0.0)
        else:
            high = Pmf._of(to_scaled(ways), start, step, self.accuracy, 2.0**-52)
        # The lowest dice are the highest of those that are turned over, where v becomes sides + 1 - v.
        return high if dice.is_high else kept * (sides + 1) - high
