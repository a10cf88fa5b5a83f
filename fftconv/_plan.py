"""The plan itself: a value that explains itself to a person, a program and a notebook."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fftconv._engines import DEFINITIONS
from fftconv._engines.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Candidate:
    """One engine as the plan saw it.

    Attributes
    ----------
    method : str
        Name of the engine.
    seconds : float or None
        Predicted time of one call; None if the engine cannot do the work.
    bytes : int or None
        Predicted working memory beyond inputs and output.
    verdict : str
        "chosen", how much slower it is than the chosen one, or why it was refused.
    """

    method: str
    seconds: float | None
    bytes: int | None
    verdict: str


@dataclass(frozen=True, slots=True, repr=False)
class ConvolutionPlan:
    """What a convolution will do, and why. Made by `plan_convolution` and `explain`.

    Attributes
    ----------
    method : str
        The engine that runs.
    reason : str
        Why this one, in a sentence.
    candidates : tuple of Candidate
        Every engine with its predicted seconds and bytes and the verdict on it.
    signal_shape, kernel_shape, output_shape : tuple of int
        The kernel's shape has as many axes as the signal's.
    axes : tuple of int
        The axes convolved.
    mode, boundary : str
        As passed.
    dtype, compute_dtype : numpy.dtype
        Of the result, and of the arithmetic. Integers are computed in float64 where that is exact.
    checks_overflow : bool
        Whether the result is checked against the range of its dtype once it is computed.
    path : str
        The engine's code path; those whose name ends in "core" run in the native core.
    rank : int
        Outer products that a separable kernel is the sum of; 1 for every other engine.
    schedule : Schedule
        What the engine is told: `workers`, `fft_shape`, `fft_provider`, whether a single tile is `folded`
        (its second half transformed as imaginary part), whether tiles of a line are `in_lanes` (as many
        transformed at once as vectors have lanes) and, for integers beyond the reach of one transform,
        the `limbs` that they are split into.
    error_factor : float
        Every output is within this times ``norm(signal) * norm(kernel)`` of the true value
        (Euclidean norms, of the signal with its extension beyond the edges); 0 if exact.
    error_bound : float or None
        That product, where the plan was made from data (by `explain`).
    profile : str
        Where the machine's rates come from.
    weighted : bool
        Whether samples may be missing, so that outputs are divided by the weight of what there is.
    tolerance : float or None
        With ``accuracy="componentwise"``: every output is within this times the sum of the magnitudes that
        define it, sum of abs(x) abs(h) over its window.
    coverage : tuple of (str, int), or None
        How many outputs were certified after a plain transform, have no product other than zero, were
        certified after a tilted transform, and added up directly; if `explain` has found out.
    """

    method: str
    reason: str
    candidates: tuple[Candidate, ...]
    signal_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    axes: tuple[int, ...]
    mode: str
    boundary: str
    dtype: np.dtype[Any]
    compute_dtype: np.dtype[Any]
    checks_overflow: bool
    path: str
    rank: int
    schedule: Schedule
    error_factor: float
    error_bound: float | None
    profile: str
    weighted: bool = False
    tolerance: float | None = None
    coverage: tuple[tuple[str, int], ...] | None = None

    @property
    def is_certified(self) -> bool:
        """Whether outputs of transforms are certified one by one."""
        return self.tolerance is not None and self.fft_shape is not None

    @property
    def workers(self) -> int:
        """Threads that the engine uses."""
        return self.schedule.workers

    @property
    def fft_shape(self) -> tuple[int, ...] | None:
        """Transform length of each convolved axis; None if nothing is transformed."""
        return self.schedule.fft_shape or None

    @property
    def tile_shape(self) -> tuple[int, ...] | None:
        """The same for "overlap_save", whose transforms are of tiles; None for every other engine."""
        return self.fft_shape if self.method == "overlap_save" else None

    @property
    def fft_provider(self) -> str | None:
        """Who transforms, "pyfftw" or "scipy"; None for the native core, or if nothing is transformed."""
        return self.schedule.fft_provider

    @property
    def seconds(self) -> float:
        """Predicted time of one call."""
        predicted = self._chosen.seconds
        assert predicted is not None
        return predicted

    @property
    def bytes(self) -> int:
        """Predicted working memory beyond inputs and output."""
        predicted = self._chosen.bytes
        assert predicted is not None
        return predicted

    @property
    def _chosen(self) -> Candidate:
        return next(item for item in self.candidates if item.method == self.method)

    def facts(self) -> list[tuple[str, str]]:
        """The plan without its candidates, as pairs of a name and a text."""
        arithmetic = f"{self.compute_dtype}"
        if self.dtype.kind in "iu" and self.compute_dtype.kind == "f":
            arithmetic += ", proven exact"
            if (limbs := self.schedule.limbs) is not None:
                arithmetic += f" for {limbs.of_signal} × {limbs.of_kernel} limbs of {limbs.bits} bits"
        elif self.checks_overflow:
            arithmetic += ", result checked for overflow"
        rows = [
            ("method", self.method),
            ("reason", self.reason),
            ("signal", f"{self.signal_shape}, axes {self.axes}"),
            ("kernel", f"{self.kernel_shape}"),
            ("result", f"{self.output_shape} {self.dtype}, mode {self.mode}, {self.boundary}"),
            ("arithmetic", arithmetic),
            ("code path", self.path + (f", rank {self.rank}" if self.method == "separable" else "")),
        ]
        if self.fft_shape is not None:
            what = (
                "one of"
                if self.method != "overlap_save"
                else "one tile, folded, of"
                if self.schedule.folded
                else "tiles, one in each lane of a vector, of"
                if self.schedule.in_lanes
                else "tiles of"
            )
            rows.append(
                ("transform", f"{what} {self.fft_shape} by {self.fft_provider or 'the native core'}")
            )
        rows.append(("threads", f"{self.workers}"))
        if self.error_bound is not None:
            rows.append(("error", _exact_or(f"at most {self.error_bound:.2g}", self.error_bound)))
        else:
            bound = f"at most {self.error_factor:.2g} |signal| |kernel|"
            rows.append(("error", _exact_or(bound, self.error_factor)))
        if self.tolerance is not None:
            rows.append(("", f"and at most {self.tolerance:.2g} of each output's own sum of magnitudes"))
        if self.coverage is not None:
            rows.append(("outputs", ", ".join(f"{count} {step}" for step, count in self.coverage if count)))
        if self.weighted:
            rows.append(
                ("weights", "of what there is, by one more convolution, and one that counts if needed")
            )
        rows.append(("rates", self.profile))
        return rows

    def table(self) -> list[tuple[str, str, str, str]]:
        """The candidates as rows of text: method, predicted time, predicted memory, verdict."""
        return [
            (
                item.method,
                "-" if item.seconds is None else format_seconds(item.seconds),
                "-" if item.bytes is None else format_bytes(item.bytes),
                item.verdict,
            )
            for item in self.candidates
        ]

    def to_dict(self) -> dict[str, Any]:
        """The plan as strings, numbers, lists and dicts, ready for JSON."""
        return {
            "method": self.method,
            "reason": self.reason,
            "candidates": [asdict(item) for item in self.candidates],
            "signal_shape": list(self.signal_shape),
            "kernel_shape": list(self.kernel_shape),
            "output_shape": list(self.output_shape),
            "axes": list(self.axes),
            "mode": self.mode,
            "boundary": self.boundary,
            "dtype": str(self.dtype),
            "compute_dtype": str(self.compute_dtype),
            "checks_overflow": self.checks_overflow,
            "path": self.path,
            "rank": self.rank,
            "fft_shape": None if self.fft_shape is None else list(self.fft_shape),
            "tile_shape": None if self.tile_shape is None else list(self.tile_shape),
            "folded": self.schedule.folded,
            "in_lanes": self.schedule.in_lanes,
            "fft_provider": self.fft_provider,
            "limbs": None if self.schedule.limbs is None else asdict(self.schedule.limbs),
            "workers": self.workers,
            "error_factor": self.error_factor,
            "error_bound": self.error_bound,
            "profile": self.profile,
            "weighted": self.weighted,
            "tolerance": self.tolerance,
            "coverage": None if self.coverage is None else dict(self.coverage),
        }

    def __repr__(self) -> str:
        facts = self.facts()
        label = max(len(name) for name, _ in facts)
        lines = ["ConvolutionPlan", *(f"  {name:<{label}}  {text}" for name, text in facts), ""]
        rows = [("candidate", "time", "memory", "verdict"), *self.table()]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for method, seconds, memory, verdict in rows:
            lines.append(
                f"  {method:<{widths[0]}}  {seconds:>{widths[1]}}  {memory:>{widths[2]}}  {verdict}"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        import html  # for notebooks alone

        facts = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self.facts()
        )
        head = "".join(f"<th>{name}</th>" for name in ("candidate", "time", "memory", "verdict"))
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.table()
        )
        return f"<table>{facts}</table><table><tr>{head}</tr>{body}</table>"


def unit_error(plan: ConvolutionPlan, kernel: np.ndarray[Any, np.dtype[Any]]) -> float:
    """Return how far an output can be from the true one if no sample is larger than 1 in magnitude.

    It is 0 where sums of terms of one sign have rounding errors that are small beside the sums themselves.
    """
    certain = plan.tolerance is not None or plan.method in DEFINITIONS
    if certain and bool((kernel >= 0).all()):
        return 0.0
    samples = math.prod(plan.fft_shape or plan.kernel_shape)  # that an error of the output can come from
    return plan.error_factor * math.sqrt(samples) * float(np.linalg.norm(kernel))


def _exact_or(text: str, error: float) -> str:
    return text if error else "none, exact"


def format_seconds(seconds: float) -> str:
    """Three digits and a unit that a person reads at a glance."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.9995 * size:  # less is rounded to at most 999 of the next unit
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def format_bytes(count: int) -> str:
    """Three digits and a binary unit."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} PiB"


def format_error(error: float) -> str:
    """Two digits, or that there is none."""
    return f"{error:.1e}" if error else "exact"


def format_shape(shape: tuple[int, ...]) -> str:
    """Such as 1 000 000, or 480 × 640."""
    return " × ".join(f"{size:,}".replace(",", "\N{NO-BREAK SPACE}") for size in shape)
