"""The impulse response of each effect, and how its output lies beside the input."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from fftconv import kernels
from fftconv._arguments import read_array
from fftconv._checks import (
    check_choice,
    check_count,
    check_finite,
    in_digits,
    is_whole,
    read_numbers,
    read_scalar,
    shown,
)
from fftconv._names import check_name
from fftconv._savitzky_golay import savitzky_golay

Array = np.ndarray[Any, np.dtype[Any]]
Window = Literal["moving_average", "hann", "gaussian", "exponential", "savitzky_golay"]
Band = Literal["lowpass", "highpass", "bandpass", "bandstop"]
Edge = Literal["zero", "nearest", "reflect", "mirror"]

WINDOWS = ("moving_average", "hann", "gaussian", "exponential", "savitzky_golay")
BANDS = ("lowpass", "highpass", "bandpass", "bandstop")
EDGES = ("zero", "nearest", "reflect", "mirror")

MOST_TAPS = 2**26
TAPS_OF_WIDTH = {"gaussian": 4, "exponential": 28}  # at most
_RESAMPLING_REACH = 96  # of the filter that resamples taps, in samples of the lower rate
_RESAMPLING_BETA = 14.47  # of its Kaiser window: images are 140 dB down
_RESAMPLING_CUTOFF = 0.95  # of half of the lower rate; 0.9 is passed whole, 1 not at all
_HAMMING_WIDTH = 3.3  # of the transition of a Hamming window, in sample rates over taps
_FWHM = 2 * math.sqrt(2 * math.log(2))  # full width at half maximum of a Gaussian, in standard deviations
_SMALLEST_WEIGHT = 1e-6  # at which an exponential is cut off


@dataclass(frozen=True, slots=True)
class KernelLimit:
    """The most taps that a kernel may have, in all channels together.

    A file limits it further, so that a wrong sample rate in its header cannot cost much; the message names
    the file then. See `fftconv.audio.files.kernel_limit`.
    """

    numbers: int = MOST_TAPS
    channels: int = 1
    path: Path | None = None
    sample_rate: int = 0

    @property
    def taps(self) -> int:
        """The most taps in each channel."""
        return self.numbers // self.channels

    def check(self, what: str, taps: float, cure: str, *, sample_rate: float | None = None) -> None:
        """Refuse a parameter that needs more taps, because of the sample rate if one is given."""
        if not taps <= self.taps:
            sound = f"{self.path}, of {self.sample_rate} Hz: " if self.path else ""
            rate = f" at sample_rate={sample_rate:.12g}" if sample_rate and not sound else ""
            each = f" in each of {in_digits(self.channels)} channels" if self.channels > 1 else ""
            raise ValueError(
                f"{sound}{what}{rate} needs {taps:.12g} taps, more than {self.taps}{each}; {cure}"
            )

    def longest(self, taps_of_sample: int) -> str:
        """Say how long something may be, if each of its samples needs `taps_of_sample` taps."""
        samples = self.taps // taps_of_sample
        # 0.99: a rounded number of seconds is not too large
        seconds = f", {0.99 * samples / self.sample_rate:.3g} s" if self.sample_rate else ""
        return f"at most {samples} samples{seconds}"


NO_FILE = KernelLimit()


@dataclass(frozen=True, slots=True)
class Response:
    """Taps, (m,), (m, channels) or (m, channels, outputs), `dilation` samples apart.

    Outputs come `advance` samples earlier than the definition says. With a tail there are as many more as
    the taps reach back; without one as many as samples.
    """

    taps: Array
    dilation: int = 1
    advance: int = 0
    tail: bool = True
    boundary: Edge = "zero"

    @property
    def reach(self) -> int:
        """Samples that the response goes back."""
        return (len(self.taps) - 1) * self.dilation

    def dense(self) -> Array:
        """The taps with the zeros between them."""
        if self.dilation == 1:
            return self.taps
        taps = np.zeros((self.reach + 1, *self.taps.shape[1:]), self.taps.dtype)
        taps[:: self.dilation] = self.taps
        return taps


def smoothing(
    *,
    width: float,
    window: Window = "moving_average",
    order: int = 2,
    causal: bool = False,
    boundary: Edge = "reflect",
    limit: KernelLimit = NO_FILE,
) -> Response:
    """See `fftconv.audio.smooth`."""
    check_choice("window", window, WINDOWS)
    check_name("boundary", boundary, EDGES)
    width = read_scalar("width", width)
    samples = check_positive("width", width, "samples")
    taps_of_width = TAPS_OF_WIDTH.get(window, 1)
    limit.check(
        f"a width of {samples:.12g} samples is not accepted for {window}: it",
        samples * taps_of_width,
        f"pass a width of {limit.longest(taps_of_width)}",
    )
    taps = _SMOOTHERS[window](int(width) if is_whole(width) else samples, order, causal)
    return Response(taps, advance=0 if causal else (len(taps) - 1) // 2, tail=False, boundary=boundary)


def _moving_average(width: float, order: int, causal: bool) -> Array:
    return kernels.moving_average(check_count("width", width))


def _hann(width: float, order: int, causal: bool) -> Array:
    size = check_count("width", width)
    places = np.arange(1, size + 1) / (size + 1)
    taps = np.sin(np.pi * places) ** 2
    return np.asarray(taps / taps.sum())


def _gaussian(width: float, order: int, causal: bool) -> Array:
    return kernels.gaussian(width / _FWHM)


def _exponential(width: float, order: int, causal: bool) -> Array:
    past = kernels.exponential(-math.expm1(-1 / width), math.ceil(-width * math.log(_SMALLEST_WEIGHT)))
    if causal:
        return past
    taps = np.concatenate([past[:0:-1], past])
    return np.asarray(taps / taps.sum())


def _savitzky_golay(width: float, order: int, causal: bool) -> Array:
    return savitzky_golay(check_count("width", width), order)


_SMOOTHERS = {
    "moving_average": _moving_average,
    "hann": _hann,
    "gaussian": _gaussian,
    "exponential": _exponential,
    "savitzky_golay": _savitzky_golay,
}


def echoes(
    *,
    sample_rate: float,
    delay: float,
    decay: float,
    repeats: int = 1,
    mix: float = 1.0,
    limit: KernelLimit = NO_FILE,
) -> Response:
    """See `fftconv.audio.echo`."""
    apart = check_positive("delay", delay, "seconds") * check_positive("sample_rate", sample_rate, "Hz")
    count = check_count("repeats", repeats, 0)
    if not apart >= 0.5:
        raise ValueError(
            f"delay={delay!r} s with sample_rate={float(sample_rate):g} is {apart:g} samples; accepted is "
            f"1 sample to {limit.taps} samples in all {shown(count)} repeats"
        )
    limit.check(
        f"delay={delay!r} s with repeats={shown(count)}",
        apart * min(max(count, 1), 4 * MOST_TAPS),
        f"pass a delay of {limit.longest(max(count, 1))}, or fewer repeats",
        sample_rate=sample_rate,
    )
    taps = kernels.echo(1, decay, count) * _share(mix)
    taps[0] = 1
    return Response(taps, dilation=max(round(apart), 1))


def reverberation(
    *,
    impulse_response: ArrayLike,
    mix: float = 0.3,
    sample_rate: float | None = None,
    response_rate: float | None = None,
    limit: KernelLimit = NO_FILE,
) -> Response:
    """See `fftconv.audio.reverb`."""
    taps = read_array("impulse_response", impulse_response)
    if taps.dtype.kind not in "biuf":
        raise TypeError(f"impulse_response has dtype {taps.dtype}; accepted are real numbers")
    if taps.ndim > 3 or (taps.ndim == 3 and taps.shape[1] != taps.shape[2]):
        raise ValueError(
            f"impulse_response has shape {taps.shape}; accepted are (taps,), (taps, channels) and "
            "(taps, channels, channels)"
        )
    if taps.ndim == 2 and taps.shape[1] == 1:  # as `read` has it: one for all channels
        taps = taps[:, 0]
    advance = 0
    if sample_rate is not None:
        sample_rate = check_positive("sample_rate", sample_rate, "Hz")
    if response_rate is not None:
        if sample_rate is None:
            raise ValueError(
                f"response_rate={response_rate!r} needs a rate to convert to; pass sample_rate, that of "
                "the signal, too"
            )
        taps, advance = resample_taps(taps, response_rate, sample_rate, limit)
    share = _share(mix)
    taps = share * (taps if taps.dtype == np.float32 else taps.astype(np.float64))
    taps[advance] += (1 - share) * (np.eye(taps.shape[1]) if taps.ndim == 3 else 1)
    return Response(taps, advance=advance)


def resample_taps(
    taps: Array, response_rate: float, sample_rate: float, limit: KernelLimit = NO_FILE
) -> tuple[Array, int]:
    """Return taps for another sample rate, and how many of them lie before time 0.

    A sample becomes a pulse that begins before it, so taps near time 0 have a part before 0: without it a
    click at the start loses a quarter of its level. The sum of the taps, which is the gain at low
    frequencies, stays within 1e-6.
    """
    from scipy.signal import firwin, upfirdn

    ratio = Fraction(sample_rate) / Fraction(check_positive("response_rate", response_rate, "Hz"))
    if ratio == 1:
        return taps, 0
    up, down = ratio.numerator, ratio.denominator
    longest = max(up, down)
    what = (
        f"a response of {len(taps)} taps at a rate of {float(response_rate):.12g} Hz cannot be converted "
        f"to {float(sample_rate):.12g} Hz: it"
    )
    cure = "pass a response of that rate"
    channels = max(limit.channels, taps.size // max(len(taps), 1))
    length = len(taps) * ratio + Fraction(2 * _RESAMPLING_REACH * longest, down)
    replace(limit, channels=channels).check(what, math.ceil(length), cure)
    most = min(2 * limit.numbers, MOST_TAPS)  # of a filter that is gone when the taps are there
    replace(limit, numbers=most, channels=1).check(what, 2 * _RESAMPLING_REACH * longest, cure)
    advance = math.ceil(Fraction(_RESAMPLING_REACH * longest, down))
    middle = advance * down  # of the filter, so that tap `advance` is the one at time 0
    lowpass = firwin(2 * middle + 1, _RESAMPLING_CUTOFF / longest, window=("kaiser", _RESAMPLING_BETA))
    return np.asarray(upfirdn(down * lowpass, taps.astype(np.float64), up, down, axis=0)), advance


def band_filter(
    *,
    sample_rate: float,
    cutoff: float | tuple[float, float],
    band: Band = "lowpass",
    transition: float | None = None,
    causal: bool = False,
    limit: KernelLimit = NO_FILE,
) -> Response:
    """See `fftconv.audio.fir`."""
    from scipy.signal import firwin

    check_choice("band", band, BANDS)
    sample_rate = check_positive("sample_rate", sample_rate, "Hz")
    half = sample_rate / 2
    wanted = 1 if band in ("lowpass", "highpass") else 2
    pair = "a frequency" if wanted == 1 else "two frequencies, the lower first,"
    accepted = f"{pair} between 0 and {half:g} Hz, half of sample_rate, for band={band!r}"
    edges = np.array(read_numbers("cutoff", cutoff, wanted, accepted))
    if not ((edges > 0) & (edges < half)).all() or (np.diff(edges) <= 0).any():
        raise ValueError(f"cutoff={cutoff!r} is not accepted; pass {accepted}")
    room = [edges[0], half - edges[-1], *np.diff(edges)]
    width = float(min(room)) / 2 if transition is None else check_positive("transition", transition, "Hz")
    half_taps = float(_HAMMING_WIDTH / 2 * (sample_rate / width)) if width else math.inf
    least = 1.01 * _HAMMING_WIDTH * sample_rate / (limit.taps - 2)  # 1.01: digits that are not shown
    what = f"the default transition of {width:g} Hz" if transition is None else f"transition={width:g} Hz"
    cure = f"pass a wider one, transition={least:.3g} or more"
    limit.check(what, 2 * half_taps + 1, cure, sample_rate=sample_rate)
    taps = 2 * math.ceil(half_taps) + 1
    response = firwin(taps, edges, pass_zero=band, fs=sample_rate)
    return Response(np.asarray(response), advance=0 if causal else taps // 2, tail=causal)


def own_kernel(kernel: ArrayLike, name: str = "kernel") -> Response:
    """Taps of somebody's own, with their tail."""
    return Response(read_array(name, kernel))


def check_positive(name: str, value: float, unit: str) -> float:
    number = check_finite(name, value)
    if not number > 0:
        raise ValueError(f"{name}={shown(value)} is not accepted; pass {unit}, above 0")
    return number


def _share(mix: float) -> float:
    share = check_finite("mix", mix)
    if not 0 <= share <= 1:
        raise ValueError(f"mix={mix!r} is not accepted; pass a number from 0, the sound as it was, to 1")
    return share
