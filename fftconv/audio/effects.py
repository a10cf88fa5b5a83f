"""Effects on arrays: each takes the response of `responses` and convolves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import read_array
from fftconv._checks import Seed, check_count, make_generator
from fftconv._matching import check_threshold, match_scores, read_numbers
from fftconv.audio import responses
from fftconv.audio.responses import MOST_TAPS, Band, Edge, KernelLimit, Response, Window, check_positive
from fftconv.convolution import convolve

Array = np.ndarray[Any, np.dtype[Any]]


def smooth(
    signal: ArrayLike,
    width: float,
    *,
    window: Window = "moving_average",
    order: int = 2,
    causal: bool = False,
    boundary: Edge = "reflect",
) -> Array:
    r"""Smooth along time.

    .. math:: y[n] = \sum_i w[i] \, x[n - i], \qquad \sum_i w[i] = 1

    Parameters
    ----------
    signal : array_like, shape (frames,) or (frames, channels)
        Samples.
    width : float
        In samples: taps of "moving_average", "hann" (without its zeros) and "savitzky_golay" (odd); full
        width at half maximum of "gaussian"; time constant of "exponential", after which a weight is 1/e.
    window : {"moving_average", "hann", "gaussian", "exponential", "savitzky_golay"}
        Shape of the weights w.
    order : int, default 2
        Of the polynomial that "savitzky_golay" fits: peaks keep their height.
    causal : bool, default False
        False: w lies around each sample, and nothing moves (zero phase; "exponential" has two sides then).
        True: only the past counts, and symmetric windows delay by (taps - 1) / 2.
    boundary : {"reflect", "mirror", "nearest", "zero"}
        What stands beyond the ends, as in `fftconv.convolve`.

    Returns
    -------
    numpy.ndarray, shape of the signal
        float32 for float32, otherwise float64.

    Raises
    ------
    ValueError
        If a number or a choice is not accepted.

    References
    ----------
    A. Savitzky, M. J. E. Golay, Anal. Chem. 36 (1964) 1627-1639.

    Examples
    --------
    >>> from fftconv import audio
    >>> audio.smooth([10, 9, 10, 9, 10, 1, 10, 9, 10, 8], 3).round(2)
    array([9.67, 9.67, 9.33, 9.67, 6.67, 7.  , 6.67, 9.67, 9.  , 8.67])
    """
    response = responses.smoothing(
        width=width, window=window, order=order, causal=causal, boundary=boundary
    )
    return apply(signal, response)


def echo(
    signal: ArrayLike, sample_rate: float, delay: float, decay: float, *, repeats: int = 1, mix: float = 1.0
) -> Array:
    r"""The sound and later, quieter copies of it.

    .. math:: y[n] = x[n] + \text{mix} \sum_{r=1}^{R} g^r \, x[n - r D]

    Parameters
    ----------
    signal : array_like, shape (frames,) or (frames, channels)
        Samples.
    sample_rate : float
        Frames per second.
    delay : float
        Seconds between copies; D samples, rounded.
    decay : float
        g, the loudness of each copy relative to the one before.
    repeats : int, default 1
        Copies R.
    mix : float, default 1
        How much of the copies is added, from 0 to 1.

    Returns
    -------
    numpy.ndarray, shape (frames + R D,) or (frames + R D, channels)
        With the tail. It costs its copies, not their distance.

    Raises
    ------
    ValueError
        If a number is not accepted.

    Examples
    --------
    >>> from fftconv import audio
    >>> audio.echo([4.0, 2.0], sample_rate=1000, delay=0.003, decay=0.5, repeats=2)
    array([4. , 2. , 0. , 2. , 1. , 0. , 1. , 0.5])
    """
    return apply(
        signal,
        responses.echoes(sample_rate=sample_rate, delay=delay, decay=decay, repeats=repeats, mix=mix),
    )


def reverb(
    signal: ArrayLike,
    impulse_response: ArrayLike,
    *,
    mix: float = 0.3,
    sample_rate: float | None = None,
    response_rate: float | None = None,
) -> Array:
    r"""The sound as it is in another room.

    .. math:: y[n] = (1 - \text{mix}) \, x[n] + \text{mix} \sum_i h[i] \, x[n - i]

    Parameters
    ----------
    signal : array_like, shape (frames,) or (frames, channels)
        Samples.
    impulse_response : array_like
        What the room makes of a click, h: shape (taps,) for all channels, (taps, channels), or
        (taps, channels, channels) from each channel to each; (taps, 1), as `read` gives a mono one, is for
        all too. `decaying_noise` makes one up.
    mix : float, default 0.3
        Share of the room, from 0 to 1.
    sample_rate : float, optional
        Frames per second of the signal. Only a response of another rate needs it.
    response_rate : float, optional
        Frames per second of the response; by default those of the signal. A response of another rate is
        converted, and its level at low frequencies stays.

    Returns
    -------
    numpy.ndarray, shape (frames + taps - 1,) or (frames + taps - 1, channels)
        With the tail. The first frame belongs to the first frame of the signal. A converted response has
        as many taps as it lasts at the new rate, and up to 97 samples of the lower rate more.

    Raises
    ------
    ValueError
        If the response has other channels than the signal, or a number is not accepted.

    Examples
    --------
    >>> from fftconv import audio
    >>> audio.reverb([4.0, 2.0], [1.0, 0.0, 0.5], mix=0.5)
    array([4. , 2. , 1. , 0.5])

    A response that was recorded at another rate:

    >>> room, rate = audio.read("samples/room.wav")
    >>> clap = [0.0] * 300 + [1.0]
    >>> heard = audio.reverb(clap, room, mix=1, sample_rate=48000, response_rate=rate)
    >>> round(float(heard.sum() / room.sum()), 3)
    1.0
    """
    return apply(
        signal,
        responses.reverberation(
            impulse_response=impulse_response,
            mix=mix,
            sample_rate=sample_rate,
            response_rate=response_rate,
        ),
    )


def decaying_noise(
    sample_rate: float, decay_time: float = 1.5, *, channels: int = 1, seed: Seed = 0
) -> Array:
    r"""An impulse response made up: noise that decays exponentially, like the sound of a large hall.

    .. math:: h[n] \propto \epsilon[n] \, 10^{-3 n / (T f)}

    Parameters
    ----------
    sample_rate : float
        f, frames per second.
    decay_time : float, default 1.5
        T, seconds until it is 60 dB quieter; its length.
    channels : int, default 1
        Different noise for each.
    seed : int, numpy.random.Generator or SeedSequence, or None, default 0
        Of the noise; the same gives the same, None other noise each time.

    Returns
    -------
    numpy.ndarray of float64, shape (taps,) or (taps, channels)
        Each channel with sum of squares 1, so that noise keeps its loudness.

    References
    ----------
    J. A. Moorer, "About this reverberation business", Computer Music Journal 3(2), 1979, 13-28.

    Examples
    --------
    >>> from fftconv import audio
    >>> audio.decaying_noise(8000, 0.5, channels=2).shape
    (4000, 2)
    """
    seconds = check_positive("decay_time", decay_time, "seconds")
    length = seconds * check_positive("sample_rate", sample_rate, "Hz")
    count = check_count("channels", channels)
    if not length > 0.5:
        raise ValueError(
            f"decay_time={decay_time!r} s with sample_rate={float(sample_rate):g} is {length:g} samples; "
            "accepted is 1 sample or more"
        )
    limit = KernelLimit(MOST_TAPS, count)
    cure = f"pass a decay_time of {limit.longest(1)}, or fewer channels"
    limit.check(f"decay_time={decay_time!r} s", length, cure, sample_rate=float(sample_rate))
    taps = round(length)
    noise = make_generator("seed", seed).normal(size=(taps, count))
    noise *= 10.0 ** (-3 * np.arange(taps) / taps)[:, None]
    noise /= np.sqrt((noise**2).sum(axis=0))
    return noise[:, 0] if count == 1 else noise


def fir(
    signal: ArrayLike,
    sample_rate: float,
    cutoff: float | tuple[float, float],
    *,
    band: Band = "lowpass",
    transition: float | None = None,
    causal: bool = False,
) -> Array:
    """Let a band of frequencies through, by a filter of linear phase.

    The taps are those of the windowed ideal response, `scipy.signal.firwin` with a Hamming window: 53 dB of
    attenuation.

    Parameters
    ----------
    signal : array_like, shape (frames,) or (frames, channels)
        Samples.
    sample_rate : float
        Frames per second.
    cutoff : float or (float, float)
        Hz at which half of the amplitude is left; two for a band.
    band : {"lowpass", "highpass", "bandpass", "bandstop"}
        What is let through.
    transition : float, optional
        Hz from pass band to stop band: the narrower, the more taps. By default half the distance from a
        cutoff to what is next to it: 0, half of the sample rate, or the other cutoff.
    causal : bool, default False
        False: nothing is delayed, and the result is as long as the signal. True: delayed by half of the
        taps, with the tail, as a live filter does.

    Returns
    -------
    numpy.ndarray
        float32 for float32, otherwise float64.

    Raises
    ------
    ValueError
        If a frequency or a choice is not accepted.

    References
    ----------
    A. V. Oppenheim, R. W. Schafer, Discrete-Time Signal Processing, 3rd ed., 2010, section 7.5.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import audio
    >>> t = np.arange(8000) / 8000
    >>> low, high = np.sin(2 * np.pi * 100 * t), np.sin(2 * np.pi * 2000 * t)
    >>> kept = audio.fir(low + high, 8000, 500)
    >>> bool(abs(kept - low)[200:-200].max() < 0.01)
    True
    """
    return apply(
        signal,
        responses.band_filter(
            sample_rate=sample_rate, cutoff=cutoff, band=band, transition=transition, causal=causal
        ),
    )


class Detection(NamedTuple):
    """Where a template was found."""

    time: float
    """Seconds from the beginning to its first sample."""
    score: float
    """From the threshold to 1, which is the template itself at any loudness."""


def detect(
    signal: ArrayLike, template: ArrayLike, sample_rate: float, *, threshold: float = 0.7
) -> list[Detection]:
    r"""Find where a sound is in another, however loud.

    .. math:: r[n] = \frac{\sum_i \hat t[i] \, x[n + i]}
              {\lVert \hat t \rVert \, \lVert x_n - \bar x_n \rVert}

    with :math:`\hat t = t - \bar t` and x_n the samples under the template: the matched filter, normalised
    to lie between -1 and 1. Where the signal is flat, r is 0.

    Parameters
    ----------
    signal : array_like, shape (frames,) or (frames, channels)
        Samples; channels are averaged.
    template : array_like, shape (taps,) or (taps, channels)
        What to look for; not longer than the signal, and not flat.
    sample_rate : float
        Frames per second of both.
    threshold : float, default 0.7
        Least score, above 0.

    Returns
    -------
    list of Detection
        In order of time. Of several within half a template the best is kept.

    Raises
    ------
    ValueError
        If the template is flat or longer than the signal, or a number is not accepted.

    References
    ----------
    J. P. Lewis, "Fast normalized cross-correlation", Vision Interface (1995) 120-123.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import audio
    >>> x = np.zeros(1000)
    >>> x[300:304], x[700:704] = [1, 2, -1, 3], [2, 4, -2, 6]
    >>> [found.time for found in audio.detect(x, [1, 2, -1, 3], 1000)]
    [0.3, 0.7]
    """
    from scipy.signal import find_peaks

    rate = check_positive("sample_rate", sample_rate, "Hz")
    least = check_threshold(threshold)
    samples, wanted = _mono("signal", signal), _mono("template", template)
    if wanted.size > samples.size:
        raise ValueError(
            f"template has {wanted.size} samples and the signal {samples.size}; pass a shorter one"
        )
    scores = match_scores(samples, wanted, np.ones(wanted.size))
    scores = np.concatenate([[-np.inf], scores, [-np.inf]])  # so that ends can be peaks
    peaks, found = find_peaks(scores, height=least, distance=max(wanted.size // 2, 1))
    return [
        Detection(int(place - 1) / rate, float(score))
        for place, score in zip(peaks, found["peak_heights"], strict=True)
    ]


def _mono(name: str, values: ArrayLike) -> Array:
    array = read_numbers(name, values, {1: "(frames,)", 2: "(frames, channels)"})
    return np.asarray(array.reshape(len(array), -1).mean(axis=1))


def apply(signal: ArrayLike, response: Response) -> Array:
    """The signal convolved with a response, in the place that this wants."""
    samples = read_array("signal", signal)
    if samples.ndim not in (1, 2):
        raise ValueError(f"signal has shape {samples.shape}; accepted are (frames,) and (frames, channels)")
    taps = response.taps
    if samples.dtype == np.float32:
        taps = taps.astype(np.float32)
    channels = samples.shape[1] if samples.ndim == 2 else 1
    check_channels(response, channels)
    frames = samples.reshape(len(samples), channels)
    centred = not response.tail and response.advance == response.reach // 2
    options: dict[str, Any] = {
        "mode": "same" if centred else "full",
        "boundary": response.boundary,
        "axes": 0,
        "dilation": response.dilation,
    }
    if taps.ndim == 3:
        result = sum(convolve(frames[:, i, None], taps[:, i], **options) for i in range(channels))
    else:
        result = convolve(frames, taps, **options)
    whole = np.asarray(result)
    if not centred:
        start = response.advance
        whole = whole[start:] if response.tail else whole[start : start + len(frames)]
    return whole[:, 0] if samples.ndim == 1 and whole.shape[1] == 1 else whole


def check_channels(response: Response, channels: int) -> None:
    """Refuse taps for another number of channels."""
    if response.taps.ndim > 1 and response.taps.shape[1] != channels:
        raise ValueError(
            f"the kernel has {response.taps.shape[1]} channels and the signal {channels}; pass one for all "
            "channels, of shape (taps,), or as many as the signal has"
        )
