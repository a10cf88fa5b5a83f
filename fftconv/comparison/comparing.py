"""`compare`: every method on the same arrays, measured, and held against what the plan said."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array, Axes, Problem, read_problem
from fftconv._checks import check_choice, check_count, check_finite, read_list
from fftconv._configuration import configuration
from fftconv._engines import ENGINES
from fftconv._geometry import Mode
from fftconv._names import Boundary, Method
from fftconv._plan import ConvolutionPlan, format_bytes, format_error, format_seconds, format_shape
from fftconv._profile import processor
from fftconv.comparison.memory import can_measure, measure_bytes
from fftconv.comparison.peers import PEERS, Unable, prepare_peer, read_peers
from fftconv.comparison.timing import Timing, time_in_turns
from fftconv.convolution import convolve
from fftconv.planning import explain

_DIRECT_PRODUCTS = 3e8  # up to which the reference is added up, in longer floats
_WIDER = {"f": np.float64, "d": np.longdouble, "F": np.complex128, "D": np.clongdouble}
HEAD = ("method", "time", "", "predicted", "memory", "error", "")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One method, or one function of another library.

    Attributes
    ----------
    name : str
        Such as "overlap_save" or "scipy.signal.oaconvolve".
    library : str
        "fftconv", or the other one.
    timing : Timing or None
        Median and quartiles of the seconds of one call; None if it was not run.
    bytes : int or None
        Memory at its peak beyond the arrays that go in and come out; None if it was not measured.
    error : float or None
        Of the output that is furthest off.
    relative_error : float or None
        The same over the largest output.
    predicted_seconds, predicted_bytes : float, int or None
        What the plan said.
    note : str
        Why it was not run, or what is wrong with its result.
    """

    name: str
    library: str
    timing: Timing | None = None
    bytes: int | None = None
    error: float | None = None
    relative_error: float | None = None
    predicted_seconds: float | None = None
    predicted_bytes: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """What `compare` found.

    Attributes
    ----------
    measurements : tuple of Measurement
        Those that ran first, the fastest in front.
    plan : ConvolutionPlan
        What ``convolve(signal, kernel)`` does by itself, with its error bound.
    reference : str
        What the errors are held against.
    machine : dict
        Processor and versions.
    largest : float or None
        Magnitude of the largest output of the reference; None if there is none.
    """

    measurements: tuple[Measurement, ...]
    plan: ConvolutionPlan
    reference: str
    machine: dict[str, str]
    largest: float | None = None

    @property
    def relative_error_bound(self) -> float | None:
        """Return the plan's error bound over the largest output, in the unit of `relative_error`."""
        bound = self.plan.error_bound
        if bound is None or self.largest is None:
            return None
        return bound / (self.largest or 1.0)

    @property
    def ran(self) -> tuple[Measurement, ...]:
        """Those with a time, the fastest first."""
        return tuple(item for item in self.measurements if item.timing is not None)

    @property
    def fastest(self) -> Measurement:
        return self.ran[0]

    @property
    def title(self) -> str:
        """The problem in a line."""
        plan = self.plan
        samples, taps = format_shape(plan.signal_shape), format_shape(plan.kernel_shape)
        return (
            f"{samples} samples with {taps} taps, {plan.dtype}, mode {plan.mode}, boundary {plan.boundary}"
        )

    def rows(self) -> list[tuple[str, ...]]:
        """What ran, as text: method, time, its spread, predicted time, memory, error, note."""
        return [
            (
                item.name + (" (planned)" if item.name == self.plan.method else ""),
                format_seconds(item.timing.median),
                f"± {item.timing.spread:.0%}",
                "-" if item.predicted_seconds is None else format_seconds(item.predicted_seconds),
                "-" if item.bytes is None else format_bytes(item.bytes),
                "-" if item.relative_error is None else format_error(item.relative_error),
                item.note,
            )
            for item in self.measurements
            if item.timing is not None
        ]

    def left_out(self) -> list[str]:
        """What did not run, with the reasons."""
        reasons: dict[str, list[str]] = {}
        for item in self.measurements:
            if item.timing is None:
                reasons.setdefault(item.note, []).append(item.name)
        return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]

    def legend(self) -> list[str]:
        """What the columns mean."""
        bound = self.plan.error_bound
        relative = self.relative_error_bound
        promised = "exact outputs" if not bound else f"errors of at most {bound:.2g}"
        if bound and relative is not None:
            promised = f"errors of at most {relative:.1e} of the largest output"
        if bound and not np.isfinite(bound):
            promised = "the NaN and infinities of the definition"
        return [
            "time: the median of calls, of all methods in turns, with half the interquartile range",
            "memory: at the peak of a call, beyond the arrays that go in and come out",
            f"error: the largest of an output over the largest output; against {self.reference}",
            f"the plan takes {self.plan.method}: {self.plan.reason}; it promises {promised}",
        ]

    def plot(self) -> Any:
        """Draw times with what was predicted, errors, memory, and where methods cross.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from fftconv.comparison.drawing import draw_comparison  # Matplotlib is not always there

        return draw_comparison(self)

    def to_dict(self) -> dict[str, Any]:
        """Strings, numbers, lists and dicts, ready for JSON; NaN and infinity are None."""
        told = {
            "measurements": [dataclasses.asdict(item) for item in self.measurements],
            "plan": self.plan.to_dict(),
            "reference": self.reference,
            "machine": dict(self.machine),
        }
        return dict(_without_nan(told))

    def to_html(self) -> str:
        """A page of its own: the table, the pictures, the plan; nothing is loaded from elsewhere."""
        from fftconv.comparison.report import page_of

        return page_of(self)

    def __repr__(self) -> str:
        rows = [HEAD, *self.rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD) - 1)]
        lines = [f"Comparison of {self.title}"]
        for name, *cells, note in rows:
            padded = (f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
            lines.append(f"  {name:<{widths[0]}}  {'  '.join(padded)}  {note}".rstrip())
        notes = [*self.legend(), *(f"not run: {line}" for line in self.left_out())]
        return "\n".join([*lines, *(f"  {line}" for line in notes)])

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.title)}</p>{self.table_html()}" + "".join(
            f"<div style='font-size:smaller'>{html.escape(line)}</div>"
            for line in (*self.legend(), *(f"not run: {line}" for line in self.left_out()))
        )

    def table_html(self) -> str:
        """The table alone."""
        head = "".join(f"<th>{name}</th>" for name in HEAD)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def compare(
    signal: ArrayLike,
    kernel: ArrayLike,
    *,
    methods: str | Sequence[str] = "all",
    peers: str | Sequence[str] = "installed",
    repeats: int = 7,
    mode: Mode = "full",
    boundary: Boundary = "zero",
    axes: Axes = None,
    workers: int | None = None,
    memory: bool = True,
    max_seconds: float = 5.0,
) -> Comparison:
    r"""Run every method, here and in other libraries, on the same arrays.

    .. math:: \text{error} = \frac{\max_p |y[p] - r[p]|}{\max_p |r[p]|}

    with r the exact result of integers, or that of longer floats.

    Parameters
    ----------
    signal, kernel : array_like
        As in `convolve`.
    methods : "all" or sequence of str, default "all"
        Engines of this package: "direct", "separable", "running_sum", "overlap_save", "fft". Those that
        cannot do it are listed with the reason.
    peers : "installed" or sequence of str, default "installed"
        Other libraries: "numpy", "scipy.signal", "scipy.ndimage", "skimage", "cv2", "PIL", "torch"; ``()``
        for none. They run with their own defaults and threads. Where the kernel is a Gaussian, their
        Gaussian filters run in place of their convolutions, with the same deviations and reach.
    repeats : int, default 7
        Turns that each takes.
    mode, boundary, axes, workers
        As in `convolve`.
    memory : bool, default True
        Also run each in a process of its own, to see how much memory it takes, where the system tells
        (Linux).
    max_seconds : float, default 5
        Methods that are expected to take longer for one call are left out.

    Returns
    -------
    Comparison
        Printed as a table; ``.plot()`` draws it.

    Raises
    ------
    ValueError, TypeError, OverflowError
        As `convolve`, and for a method or a library that is not known; the message lists those that are.
    ImportError
        If a library that was named is not installed.

    Examples
    --------
    >>> import numpy as np, fftconv
    >>> found = fftconv.compare(np.ones(10_000), np.ones(100), peers=["numpy"], memory=False)
    >>> found.plan.method, {item.library for item in found.ran} == {"fftconv", "numpy"}
    ('running_sum', True)
    >>> all(item.relative_error < 1e-12 for item in found.ran)
    True
    """
    repeats = check_count("repeats", repeats)
    limit = check_finite("max_seconds", max_seconds)
    if limit <= 0:
        raise ValueError(f"max_seconds={max_seconds!r} is not accepted; pass seconds, above 0")
    asked = _read_methods(methods)
    others = read_peers(peers)
    options: dict[str, Any] = {"mode": mode, "boundary": boundary, "axes": axes, "workers": workers}
    problem = _problem(signal, kernel, options)
    plan = explain(signal, kernel, **options)
    runners, left_out = _prepare_all((*asked, *others), problem, options, plan, limit)
    if not runners:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items()) or "none was asked for"
        raise ValueError(f"no method can be run ({reasons}); choose others, or raise max_seconds")
    truth, reference = _reference(problem, options)
    results = {}
    for name, run in list(runners.items()):
        try:
            results[name] = run()
        except Exception as error:  # of another library: it is a result, too
            if name in ENGINES:
                raise
            left_out[name] = f"{type(error).__name__}: {error}"
            del runners[name]
    timings = time_in_turns(runners, repeats)
    found: dict[str, int] = {}
    if memory and can_measure():
        found = measure_bytes(list(runners), problem.signal, problem.kernel, options)
    candidates = {item.method: item for item in plan.candidates}
    measurements = []
    for name in (*asked, *others):
        candidate = candidates.get(name)
        item = Measurement(
            name,
            library="fftconv" if name in ENGINES else PEERS[name].library,
            predicted_seconds=candidate.seconds if candidate else None,
            predicted_bytes=candidate.bytes if candidate else None,
            note=left_out.get(name, ""),
        )
        if name in timings:
            furthest, relative, note = _errors(results[name], truth)
            item = dataclasses.replace(
                item,
                timing=timings[name],
                bytes=found.get(name),
                error=furthest,
                relative_error=relative,
                note=", ".join(filter(None, (PEERS[name].note if name in PEERS else "", note))),
            )
        measurements.append(item)
    measurements.sort(key=lambda item: item.timing.median if item.timing else np.inf)
    machine = {"processor": processor(), **configuration()}
    return Comparison(tuple(measurements), plan, reference, machine, _largest(truth))


def prepare(name: str, signal: Array, kernel: Array, options: dict[str, Any]) -> Callable[[], Array]:
    """One method or function of another library, ready to run on these arrays."""
    if name in ENGINES:
        return lambda: np.asarray(convolve(signal, kernel, method=name, **options))  # type: ignore[arg-type]
    return prepare_peer(name, _problem(signal, kernel, options))


def _read_methods(methods: str | Sequence[str]) -> tuple[str, ...]:
    if isinstance(methods, str):
        if methods != "all":
            raise ValueError(
                f"methods={methods!r} is not accepted; pass 'all', or a list of some of "
                f"{', '.join(map(repr, ENGINES))}"
            )
        return tuple(ENGINES)
    asked = read_list("methods", methods, "'all', or a list of methods")
    for name in asked:
        check_choice("methods", name, tuple(ENGINES))
    return asked


def _problem(signal: ArrayLike, kernel: ArrayLike, options: dict[str, Any]) -> Problem:
    """The arrays, checked, and laid beside each other."""
    return read_problem(signal, kernel, **options)


def _prepare_all(
    names: Sequence[str], problem: Problem, options: dict[str, Any], plan: ConvolutionPlan, limit: float
) -> tuple[dict[str, Callable[[], Array]], dict[str, str]]:
    """What can be run, and why the others cannot."""
    candidates = {item.method: item for item in plan.candidates}
    runners: dict[str, Callable[[], Array]] = {}
    left_out: dict[str, str] = {}
    for name in names:
        if name in ENGINES and candidates[name].seconds is None:
            left_out[name] = candidates[name].verdict
            continue
        seconds = candidates[name].seconds if name in ENGINES else PEERS[name].seconds(problem)
        if seconds is not None and seconds > limit:
            left_out[name] = f"left out: about {format_seconds(seconds)} a call"
            continue
        try:
            runners[name] = prepare(name, problem.signal, problem.kernel, options)
        except Unable as reason:
            left_out[name] = str(reason)
    for name in [name for name in runners if name in PEERS]:
        general = PEERS[name].in_place_of
        if runners.pop(general, None):
            left_out[general] = f"{name} does it"
    return runners, left_out


def _reference(problem: Problem, options: dict[str, Any]) -> tuple[Array | None, str]:
    """The result to hold others against, and what it is."""
    signal, kernel, dtype = problem.signal, problem.kernel, problem.options.dtype
    if dtype.kind in "iuO":
        return np.asarray(convolve(signal, kernel, **options)), "the exact result"
    wider = np.dtype(_WIDER.get(dtype.char, dtype))
    if np.finfo(wider).eps >= np.finfo(dtype).eps:
        return None, "nothing: there are no longer floats here"
    products = problem.options.geometry.outputs * problem.options.geometry.taps
    method: Method = "direct" if products <= _DIRECT_PRODUCTS else "fft"
    truth = convolve(signal.astype(wider), kernel.astype(wider), method=method, **options)
    digits = np.finfo(wider).nmant + 1
    return np.asarray(truth), f"{'sums' if method == 'direct' else 'transforms'} in floats of {digits} bits"


@np.errstate(invalid="ignore", over="ignore")
def _errors(result: Array, truth: Array | None) -> tuple[float | None, float | None, str]:
    """Largest error, the same over the largest output, and what else is wrong."""
    if truth is None:
        return None, None, ""
    if result.shape != truth.shape:
        return None, None, f"has shape {result.shape}"
    if truth.dtype.kind in "iuO":
        return _exact_errors(result, truth)
    finite = np.isfinite(truth)
    spoilt = int((np.isfinite(result) != finite).sum())
    both = finite & np.isfinite(result)
    if not both.any():
        return None, None, f"{spoilt} outputs are not finite" if spoilt else ""
    difference = float(np.abs(result[both].astype(truth.dtype) - truth[both]).max())
    largest = float(np.abs(truth[both]).max()) or 1.0
    note = f"{spoilt} outputs are not finite that should be, or the other way round" if spoilt else ""
    return difference, difference / largest, note


def _largest(truth: Array | None) -> float | None:
    """The magnitude of the largest output that is finite."""
    if truth is None or truth.dtype.kind == "O":
        return None
    finite = np.abs(truth[np.isfinite(truth)])
    return float(finite.max(initial=0))


def _exact_errors(result: Array, truth: Array) -> tuple[float | None, float | None, str]:
    """Of integers and objects, in whole numbers and fractions; NaN and infinities are told apart."""
    spoilt = 0
    if result.dtype.kind == "f":
        spoilt = int((~np.isfinite(result)).sum())
        result, truth = result[np.isfinite(result)], truth[np.isfinite(result)]
    if result.dtype.kind == "f" and truth.dtype.kind in "iu" and (abs(result) < 2.0**52).all():
        # Floats hold the difference of both without rounding.
        differences = np.abs(result - truth.astype(float))
        wrong, off = int(np.count_nonzero(differences)), float(differences.max(initial=0))
    elif result.dtype.kind in "iu" and truth.dtype.kind in "iu":
        unequal = result != truth
        wrong, pairs = (
            int(unequal.sum()),
            zip(result[unequal].tolist(), truth[unequal].tolist(), strict=True),
        )
        off = float(max((abs(a - b) for a, b in pairs), default=0))
    else:
        distances = [abs(_exact(a) - _exact(b)) for a, b in zip(result.flat, truth.flat, strict=True)]
        wrong, off = sum(distance != 0 for distance in distances), float(max(distances, default=0))
    largest = float(max((abs(each) for each in truth.ravel().tolist()), default=0)) or 1.0
    notes = [f"{wrong} outputs are not exact"] if wrong else []
    notes += [f"{spoilt} outputs are not finite"] if spoilt else []
    return off, off / largest, ", ".join(notes)


def _exact(number: Any) -> Any:
    """A number that is subtracted without rounding, where there is one."""
    if isinstance(number, np.generic):
        number = number.item()
    return number if isinstance(number, complex) else Fraction(number)


def _without_nan(told: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(told, dict):
        return {name: _without_nan(value) for name, value in told.items()}
    if isinstance(told, (list, tuple)):
        return [_without_nan(value) for value in told]
    return None if isinstance(told, float) and not np.isfinite(told) else told
