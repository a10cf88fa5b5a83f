"""Checks of single values that a caller passed; `_arguments` reads arrays, and what goes with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from numbers import Number
from typing import Any

import numpy as np

from fftconv._arrays import check_array_kind

Seed = int | np.random.Generator | np.random.SeedSequence | np.random.BitGenerator | None

_MOST_WORKERS = 1024
MOST_TAPS = 10**8  # of one kernel; beyond it a parameter is a mistake, not a wish
MOST_SAMPLES = 2**32  # made of far fewer: beyond it a parameter is a mistake
_MOST = 2**63  # which sizes and steps are below
_ONLY_INTEGERS = {int}


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, which truth values are not, nor timedelta64, an integer to NumPy."""
    return type(value) is int or (
        isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64))
    )


def is_number(value: Any) -> bool:
    """Whether it is a number of any kind, as `is_whole` has it."""
    return isinstance(value, (Number, np.number)) and not isinstance(value, (bool, np.timedelta64))


def read_scalar(name: str, value: Any) -> Any:
    """Return the value, or what an array without axes holds, if nothing is lost by that."""
    kind = type(value)
    if kind is int or kind is float or kind is str:
        return value
    check_array_kind(name, value)
    return value[()] if _is_scalar(value) else value


def check_workers(workers: Any) -> int | None:
    """A number of threads, or None."""
    if workers is None:
        return None
    workers = read_scalar("workers", workers)
    if not is_whole(workers) or not 1 <= workers <= _MOST_WORKERS:
        raise ValueError(
            f"workers={shown(workers)} is not accepted; pass 1 to {_MOST_WORKERS} threads, or None"
        )
    return int(workers)


def check_choice(name: str, value: Any, accepted: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in accepted:
        raise ValueError(
            f"{name}={shown(value)} is not accepted; choose one of "
            + ", ".join(repr(choice) for choice in accepted)
        )


def check_text(name: str, value: Any) -> None:
    """Refuse what is no text."""
    if not isinstance(value, str):
        raise TypeError(f"{name}={shown(value)} is not accepted; pass a text")


def check_finite(name: str, value: Any) -> float:
    """A finite real number, as one of Python: small types of NumPy overflow in what follows."""
    value = read_scalar(name, value)
    if not is_whole(value) and not isinstance(value, (float, np.floating)):
        raise TypeError(f"{name}={shown(value)} is not accepted; pass a number")
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond all floats
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name}={shown(value)} is not accepted; pass a finite number")
    return number


def read_chance(name: str, value: Any) -> int | float | Fraction:
    """A number from 0 to 1, as one of Python."""
    value = read_scalar(name, value)
    if isinstance(value, Fraction) and 0 <= value <= 1:
        return value
    if not (is_whole(value) or isinstance(value, (float, np.floating))) or not 0 <= value <= 1:
        raise ValueError(f"{name}={shown(value)} is not accepted; pass a probability from 0 to 1")
    return int(value) if is_whole(value) else float(value)


def check_count(name: str, value: Any, least: int | None = 1) -> int:
    """A whole number, from `least` on if there is such a number, as one of Python."""
    value = read_scalar(name, value)
    if not is_whole(value):
        raise TypeError(f"{name}={shown(value)} is not accepted; pass a whole number")
    if least is not None and value < least:
        raise ValueError(f"{name}={shown(value)} is not accepted; pass a whole number from {least}")
    return int(value)


def shown(value: Any) -> str:
    """A value in an error; of whole numbers that have hundreds of digits the first three."""
    if type(value) is int:
        return in_digits(value)
    if type(value) in (tuple, list) and any(type(item) is int and abs(item) >= 10**20 for item in value):
        inside = ", ".join(map(shown, value))
        return f"[{inside}]" if type(value) is list else f"({inside}{',' * (len(value) == 1)})"
    try:
        return repr(value)
    except ValueError:  # Python refuses to write integers of more than 4300 digits
        if isinstance(value, Fraction):
            return f"{in_digits(value.numerator)}/{in_digits(value.denominator)}"
        return f"a {type(value).__name__} of long numbers"


def check_taps(name: str, value: Any, taps: float, cure: str = "pass less") -> None:
    """Refuse kernels of so many taps that a parameter must be a mistake."""
    if taps > MOST_TAPS:
        many = in_digits(taps) if isinstance(taps, int) and taps > 10**300 else f"{taps:.3g}"
        raise ValueError(f"{name}={shown(value)} is not accepted: it makes a kernel of {many} taps; {cure}")


def check_growth(name: str, value: Any, before: int, after: int) -> None:
    """Refuse a parameter that makes very many samples of far fewer."""
    if after > MOST_SAMPLES and after > 4 * before:
        raise ValueError(
            f"{name}={shown(value)} is not accepted: it makes {in_digits(after)} samples of "
            f"{in_digits(before)}; pass less"
        )


def scaled(name: str, factor: float, taps: Any) -> Any:
    """Taps times a number that a caller chose, if floats hold them."""
    with np.errstate(over="ignore"):
        result = factor * taps
    if not np.isfinite(result).all():
        raise ValueError(
            f"{name}={factor!r} is not accepted: it makes taps beyond the range of float64; pass less"
        )
    return result


def make_generator(name: str, seed: Seed) -> np.random.Generator:
    """Return a generator of random numbers, made of a seed, or the one that was passed."""
    if not isinstance(seed, bool):
        try:
            return np.random.default_rng(seed)
        except (TypeError, ValueError):
            pass
    refusal = ValueError if is_whole(seed) else TypeError
    raise refusal(
        f"{name}={shown(seed)} is not accepted; pass a whole number from 0, a numpy.random.Generator or "
        f"SeedSequence, or None"
    )


def rounded_up(value: float, digits: int = 3) -> float:
    """Return the least number of so few digits that is not below the value, for a bound in an error."""
    number = Decimal(value)
    unit = Decimal(1).scaleb(number.adjusted() - digits + 1)
    return float(number.quantize(unit, ROUND_CEILING))


def read_list(name: str, value: Any, accepted: str) -> tuple[Any, ...]:
    """The items of anything that has them, but for texts and mappings."""
    check_array_kind(name, value)
    if isinstance(value, Mapping):
        raise TypeError(f"{name} is a {type(value).__name__} and no list; pass list({name}.values())")
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable) or _is_scalar(value):
        raise TypeError(f"{name}={shown(value)} is not accepted; pass {accepted}")
    return tuple(value)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 0


def in_digits(number: int) -> str:
    """A whole number as it is read: all of its digits, or three of them and a power of ten."""
    if abs(number) < 10**20:
        return str(number)
    power, part = divmod(math.log10(abs(number)), 1)
    return f"{'-' if number < 0 else ''}{10**part:.2f}e{power:.0f}"


def axes_in_words(count: int) -> str:
    """Return "1 axis" or "2 axes"."""
    return "1 axis" if count == 1 else f"{count} axes"


def read_items(name: str, value: Any, accepted: str) -> tuple[Any, ...]:
    """The items of a sequence or of an array of one axis, or the value itself as the only item."""
    check_array_kind(name, value)
    if isinstance(value, np.ndarray) and value.ndim < 2:
        return tuple(value) if value.ndim else (value[()],)
    if isinstance(value, (str, bytes, np.ndarray, Set, Mapping)):
        raise TypeError(f"{name}={shown(value)} is not accepted; pass {accepted}")
    return tuple(value) if isinstance(value, Sequence) else (value,)


def read_integers(name: str, value: Any, accepted: str) -> tuple[int, ...]:
    """A whole number or a sequence of them, as a tuple."""
    if type(value) is int and -_MOST < value < _MOST:  # by far the most calls are of this kind, or the next
        return (value,)
    if (
        type(value) is tuple
        and set(map(type, value)) == _ONLY_INTEGERS
        and -_MOST < min(value) <= max(value) < _MOST
    ):
        return value
    items = read_items(name, value, accepted)
    try:
        if not all(map(is_whole, items)):
            raise TypeError
        numbers = tuple(map(int, items))
    except TypeError:
        raise TypeError(f"{name}={shown(value)} is not accepted; pass {accepted}") from None
    if not all(-_MOST < number < _MOST for number in numbers):
        raise ValueError(f"{name}={shown(value)} is not accepted; pass {accepted}, below 2**63")
    return numbers


def read_numbers(name: str, value: Any, count: int | None, accepted: str) -> tuple[float, ...]:
    """A finite number or a sequence of them, as a tuple of `count`; None takes any number but 0."""
    items = read_items(name, value, accepted)
    try:
        numbers = tuple(check_finite(name, item) for item in items)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}={shown(value)} is not accepted; pass {accepted}") from None
    if not items:
        raise TypeError(f"{name}={shown(value)} is not accepted; pass {accepted}")
    if len(numbers) != (count or len(numbers)):
        raise ValueError(f"{name}={shown(value)} has {len(numbers)} numbers; pass {accepted}")
    return numbers


def read_names(name: str, value: Any, count: int) -> tuple[str, ...]:
    """Return a sequence of `count` texts as a tuple."""
    accepted = f"{'two' if count == 2 else count} texts"
    if not isinstance(value, (Sequence, np.ndarray)) or isinstance(value, (str, bytes)):
        raise TypeError(f"{name}={shown(value)} is not accepted; pass {accepted}")
    if len(value) != count:
        raise ValueError(f"{name}={shown(value)} is not accepted; pass {accepted}")
    if not all(isinstance(text, str) for text in value):
        raise TypeError(f"{name}={shown(value)} is not accepted; pass {accepted}")
    return tuple(map(str, value))


def read_steps(name: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """A whole number for each of so many axes; one number, alone or in a sequence, is for all."""
    if type(value) is int and least <= value < _MOST:  # by far the most calls
        return (value,) * count
    accepted = f"a whole number from {least}, or a tuple of {count}, one for each axis"
    steps = read_integers(name, value, accepted)
    if len(steps) == 1:
        steps *= count
    if not steps or len(steps) != count or min(steps) < least:
        raise ValueError(f"{name}={shown(value)} is not accepted; pass {accepted}")
    return steps


def read_sides(name: str, value: Any, count: int | None, least: int = 1) -> tuple[int, ...]:
    """Lengths, one for each of `count` axes, or of any axes; a number alone is for all, or for two."""
    if type(value) is int and least <= value < _MOST:  # by far the most calls
        return (value,) * (count or 2)
    of_axes = "several" if count is None else f"{count} of them"
    accepted = f"a whole number from {least}, or {of_axes}, one for each axis"
    sides = read_integers(name, value, accepted)
    if type(value) is not tuple and not isinstance(value, Sequence) and np.ndim(value) == 0:
        sides *= count or 2
    if not sides or len(sides) != (count or len(sides)) or min(sides) < least:
        raise ValueError(f"{name}={shown(value)} is not accepted; pass {accepted}")
    return sides
