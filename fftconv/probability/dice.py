"""Dice notation: "3d6+2d8-1"."""

from __future__ import annotations

import re

from fftconv.probability.builders import degenerate, die
from fftconv.probability.pmf import Pmf, sum_independent

_TERM = re.compile(r"\s*([+-]?)\s*(?:(\d*)[dD](\d+|%)|(\d+))\s*")
_MOST_DICE = 100_000


def parse_dice(notation: str, *, exact: bool, accuracy: float) -> Pmf:
    """See `Pmf.parse`."""
    if not isinstance(notation, str):
        raise TypeError(f"notation={notation!r} is not accepted; pass a text such as '3d6+2d8-1'")
    terms: list[Pmf] = []
    position = 0
    while position < len(notation) or not terms:
        term = _TERM.match(notation, position)
        if term is None or (terms and not term[1]):
            raise ValueError(_complaint(notation, position, "expected +, - or dice such as 3d6"))
        sign, count, sides, number = term.groups()
        if number is not None:
            variable = degenerate(int(number), exact=exact, accuracy=accuracy)
        else:
            faces = 100 if sides == "%" else int(sides)
            copies = int(count) if count else 1
            if not faces or copies > _MOST_DICE:
                wrong = "a die has at least one side" if not faces else f"at most {_MOST_DICE} dice"
                raise ValueError(_complaint(notation, term.start(3) if not faces else term.start(2), wrong))
            variable = copies @ die(faces, exact=exact, accuracy=accuracy)
        terms.append(-variable if sign == "-" else variable)
        position = term.end()
    return sum_independent(terms)


def _complaint(notation: str, position: int, what: str) -> str:
    marked = f"{notation[:position]} >>> {notation[position:]}"
    return f"notation {notation!r} cannot be read at the mark, {marked!r}: {what}"
