"""Effects on sounds: each is the sum of its docstring, in the place that this says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fftconv import audio, kernels
from fftconv._matching import match_scores
from fftconv.audio import responses

RNG = np.random.default_rng(11)
F = [10, 9, 10, 9, 10, 1, 10, 9, 10, 8]


def by_definition(x, taps, at, extended):
    """The sum over taps i of taps[i] x[at + n - i], where `extended` says what x is anywhere."""
    return [sum(tap * extended(at + n - i) for i, tap in enumerate(taps)) for n in range(len(x))]


def test_a_moving_average_of_f_takes_in_the_dip():
    smoothed = audio.smooth(F, 3)
    assert smoothed[1:-1].tolist() == pytest.approx([sum(F[n - 1 : n + 2]) / 3 for n in range(1, 9)])
    assert smoothed[4:7].round(2).tolist() == [6.67, 7.0, 6.67]
    causal = audio.smooth(F, 3, causal=True, boundary="nearest")
    assert causal[2:].tolist() == pytest.approx([sum(F[n - 2 : n + 1]) / 3 for n in range(2, 10)])
    assert causal[0] == pytest.approx(10)


@pytest.mark.parametrize("window", responses.WINDOWS)
def test_a_noisy_sine_comes_nearer_to_the_sine(window):
    t = np.arange(2000) / 2000
    sine = np.sin(2 * np.pi * 2 * t)
    noisy = sine + np.random.default_rng(3).normal(0, 0.3, t.size)
    before, after = (
        np.abs(noisy - sine).mean(),
        np.abs(audio.smooth(noisy, 41, window=window) - sine).mean(),
    )
    assert after < 0.35 * before


@pytest.mark.parametrize("boundary", responses.EDGES)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    ("window", "width"),
    [("moving_average", 4), ("hann", 5), ("gaussian", 3.0), ("exponential", 1.5), ("savitzky_golay", 5)],
)
def test_smoothing_is_its_sum_at_every_sample(window, width, causal, boundary):
    x = RNG.normal(size=30)
    response = responses.smoothing(width=width, window=window, causal=causal, boundary=boundary)
    modes = {"zero": "constant", "nearest": "edge", "reflect": "symmetric", "mirror": "reflect"}
    reach = len(response.taps)
    padded = np.pad(x, reach, mode=modes[boundary])
    at = 0 if causal else (reach - 1) // 2
    expected = by_definition(x, response.taps, at, lambda place: padded[place + reach])
    result = audio.smooth(x, width, window=window, causal=causal, boundary=boundary)
    np.testing.assert_allclose(result, expected, atol=1e-12)
    assert response.taps.sum() == pytest.approx(1)


def test_zero_phase_windows_are_symmetric_and_have_the_width_they_say():
    for window in responses.WINDOWS:
        taps = responses.smoothing(width=31, window=window).taps
        np.testing.assert_allclose(taps, taps[::-1], atol=1e-15)
    gaussian = responses.smoothing(width=20, window="gaussian").taps
    middle = len(gaussian) // 2
    assert gaussian[middle + 10] / gaussian[middle] == pytest.approx(0.5)
    past = responses.smoothing(width=20, window="exponential", causal=True).taps
    assert past[20] / past[0] == pytest.approx(np.exp(-1))


def test_savitzky_golay_keeps_polynomials():
    t = np.linspace(-1, 1, 50)
    curve = 3 * t**2 - t + 0.5
    smoothed = audio.smooth(curve, 9, window="savitzky_golay", order=2)
    np.testing.assert_allclose(smoothed[4:-4], curve[4:-4], atol=1e-12)


@pytest.mark.parametrize("kind", [float, np.float32, np.int16])
def test_kinds_and_channels_stay(kind):
    x = (100 * RNG.normal(size=(40, 2))).astype(kind)
    result = audio.smooth(x, 3)
    assert result.shape == x.shape
    assert result.dtype == (np.float32 if kind is np.float32 else np.float64)
    np.testing.assert_allclose(result[:, 1], audio.smooth(x[:, 1], 3), rtol=1e-6)


# ------------------------------------------------------------------------------------------------- echo


def test_an_impulse_gives_the_spikes():
    impulse = np.zeros(50)
    impulse[0] = 1
    heard = audio.echo(impulse, 100, delay=0.2, decay=-0.5, repeats=3, mix=0.5)
    expected = np.zeros(50 + 60)
    expected[[0, 20, 40, 60]] = [1, -0.25, 0.125, -0.0625]
    np.testing.assert_array_equal(heard, expected)


@given(
    st.integers(1, 60),
    st.integers(1, 40),
    st.integers(0, 4),
    st.floats(-1, 1),
    st.floats(0, 1),
    st.integers(1, 3),
)
def test_an_echo_is_the_sound_and_copies_of_it(frames, delay, repeats, decay, mix, channels):
    x = np.random.default_rng(frames).normal(size=(frames, channels))
    expected = np.zeros((frames + repeats * delay, channels))
    expected[:frames] = x
    for copy in range(1, repeats + 1):
        expected[copy * delay : copy * delay + frames] += mix * decay**copy * x
    heard = audio.echo(x, 1000, delay / 1000, decay, repeats=repeats, mix=mix)
    np.testing.assert_allclose(heard, expected, atol=1e-12)


def test_an_echo_costs_its_copies_and_not_their_distance():
    response = responses.echoes(sample_rate=48000, delay=2.0, decay=0.5, repeats=3)
    assert (response.taps.size, response.dilation, response.reach) == (4, 96000, 288000)
    np.testing.assert_array_equal(response.dense(), kernels.echo(96000, 0.5, 3))


# ----------------------------------------------------------------------------------------------- reverb


def test_reverb_mixes_the_room_in():
    x, room = RNG.normal(size=(80, 2)), RNG.normal(size=20)
    wet = np.stack([np.convolve(x[:, c], room) for c in range(2)], axis=1)
    wet[:80] = 0.75 * x + 0.25 * wet[:80]
    wet[80:] *= 0.25
    np.testing.assert_allclose(audio.reverb(x, room, mix=0.25), wet, atol=1e-12)
    np.testing.assert_allclose(audio.reverb(x, room, mix=0)[:80], x, atol=1e-12)


def test_responses_are_mixed_in_full_precision():
    assert audio.reverb([1.0, 0], np.array([0, 0.1], np.float16), mix=0.3)[0] == 0.7
    stereo = RNG.normal(size=(30, 2))
    room = RNG.normal(size=(5, 1))
    np.testing.assert_array_equal(audio.reverb(stereo, room), audio.reverb(stereo, room[:, 0]))
    assert audio.smooth(np.ones(10), np.uint8(255), window="hann").tolist() == pytest.approx([1] * 10)


def test_true_stereo_leads_from_each_channel_to_each():
    x, room = RNG.normal(size=(50, 2)), RNG.normal(size=(9, 2, 2))
    heard = audio.reverb(x, room, mix=1.0)
    for out in range(2):
        expected = sum(np.convolve(x[:, i], room[:, i, out]) for i in range(2))
        np.testing.assert_allclose(heard[:, out], expected, atol=1e-12)
    half = audio.reverb(x, room, mix=0.5)
    np.testing.assert_allclose(half[:50] * 2 - heard[:50], x, atol=1e-12)


RATES = [(44100, 48000), (48000, 44100), (44100, 96000), (96000, 44100), (48000, 96000), (96000, 48000)]


def response_at(sound, frequency, rate):
    """The Fourier sum of the definition."""
    return np.exp(-2j * np.pi * frequency / rate * np.arange(len(sound))) @ sound


@given(
    st.sampled_from([*RATES, (44100, 44100), (8000, 11025), (22050.5, 44101)]),
    st.integers(1, 2000),
    st.sampled_from(["first", "second", "last", "any"]),
    st.integers(0, 10**6),
    st.sampled_from([np.float32, np.float64]),
)
def test_a_click_of_another_rate_keeps_its_level_and_its_time(rates, taps, where, seed, kind):
    response_rate, sample_rate = rates
    place = {"first": 0, "second": min(1, taps - 1), "last": taps - 1}.get(where, seed % taps)
    click = np.zeros(taps)
    click[place] = 1
    sound = np.zeros(1000, kind)
    sound[400] = 1  # so that what comes before it lies inside
    heard = audio.reverb(sound, click, mix=1, sample_rate=sample_rate, response_rate=response_rate)
    assert heard.dtype == kind
    for frequency in (0, 20, 200, 3000):
        later = 400 + place / response_rate * sample_rate
        expected = np.exp(-2j * np.pi * frequency / sample_rate * later)
        found = response_at(heard, frequency, sample_rate)
        assert found == pytest.approx(expected, abs=2e-6 if kind is np.float32 else 1e-7)


def test_a_response_of_another_rate_keeps_low_frequencies_and_the_dry_sound():
    room = audio.decaying_noise(96000, 0.05, channels=2, seed=3)
    x = RNG.normal(size=(3000, 2))
    rates = {"sample_rate": 44100, "response_rate": 96000}
    np.testing.assert_allclose(audio.reverb(x, room, mix=0, **rates)[:3000], x, atol=1e-12)
    wet = audio.reverb(x, room, mix=1, **rates)
    half = audio.reverb(x, room, mix=0.5, **rates)
    np.testing.assert_allclose(half[:3000], 0.5 * (x + wet[:3000]), atol=1e-12)
    across = np.stack([room, room[:, ::-1]], axis=2)  # from channel 0 to the left, and so on
    crossed = audio.reverb(x, across, mix=1, **rates)
    sides = [audio.reverb(x[:, c], room[:, c], mix=1, **rates) for c in (0, 1)]
    np.testing.assert_allclose(crossed[:, 0], sides[0] + sides[1], atol=1e-12)
    x[:500] = 0  # for what a converted response gives before the first frame is not there
    wet = audio.reverb(x, room, mix=1, **rates)
    for frequency in (0, 50, 1000):
        gain = response_at(wet[:, 0], frequency, 44100) / response_at(x[:, 0], frequency, 44100)
        assert gain == pytest.approx(response_at(room[:, 0], frequency, 96000), rel=1e-3)


def test_made_up_rooms_decay_by_60_decibels():
    room = audio.decaying_noise(8000, 2.0, channels=2)
    assert room.shape == (16000, 2)
    np.testing.assert_allclose((room**2).sum(axis=0), 1)
    start, end = (10 * np.log10((part**2).mean()) for part in (room[:1600], room[-1600:]))
    assert start - end == pytest.approx(60 * 0.9, abs=1.5)
    np.testing.assert_array_equal(room, audio.decaying_noise(8000, 2.0, channels=2))
    assert abs(np.corrcoef(room.T)[0, 1]) < 0.1


# -------------------------------------------------------------------------------------------------- fir


@pytest.mark.parametrize(
    ("band", "cutoff", "kept"),
    [
        ("lowpass", 500, (100, 300)),
        ("highpass", 1500, (2000, 3000)),
        ("bandpass", (200, 1000), (600,)),
        ("bandstop", (200, 1000), (50, 2000)),
    ],
)
def test_bands_pass_and_stop(band, cutoff, kept):
    t = np.arange(8000) / 8000
    for frequency in (50, 100, 300, 600, 2000, 3000):
        tone = np.sin(2 * np.pi * frequency * t)
        heard = audio.fir(tone, 8000, cutoff, band=band, transition=150)
        assert heard.shape == tone.shape
        level = np.abs(heard[1000:-1000]).max()
        inside = {"lowpass": frequency < 500, "highpass": frequency > 1500}.get(band)
        inside = (200 < frequency < 1000) == (band == "bandpass") if inside is None else inside
        assert (frequency in kept) <= inside
        assert level == pytest.approx(1, abs=0.01) if inside else level < 0.01


def test_a_causal_filter_delays_by_half_of_its_taps():
    tone = np.sin(2 * np.pi * 40 * np.arange(4000) / 8000)
    live = audio.fir(tone, 8000, 500, causal=True)
    centred = audio.fir(tone, 8000, 500)
    delay = (live.size - tone.size) // 2
    assert delay > 10
    np.testing.assert_allclose(live[delay : delay + 4000], centred, atol=1e-12)
    impulse = audio.fir([1.0], 8000, 500, causal=True)
    np.testing.assert_allclose(impulse, impulse[::-1], atol=1e-15)


# ------------------------------------------------------------------------------------------------- detect


@given(st.integers(0, 900), st.floats(0.01, 50), st.floats(-5, 5), st.integers(3, 80))
def test_a_template_is_found_where_it_is_at_any_loudness(place, gain, offset, size):
    rng = np.random.default_rng(size)
    template = rng.normal(size=size)
    signal = np.full(1000, offset)
    signal[place : place + size] += gain * template[: 1000 - place]
    found = audio.detect(signal, template, 500, threshold=0.98)
    if place + size <= 1000:
        assert [hit.time for hit in found] == [place / 500]
        assert found[0].score == pytest.approx(1)


def test_scores_are_correlations_and_flat_is_nothing():
    signal, template = RNG.normal(size=200) + 1e3, RNG.normal(size=20)
    signal[50:100] = 1e3
    scores = match_scores(signal, template, np.ones(20))
    for n in (*range(40), *range(100, 181)):
        assert scores[n] == pytest.approx(np.corrcoef(signal[n : n + 20], template)[0, 1], abs=1e-7)
    assert (scores[50:81] == 0).all()
    assert np.abs(scores).max() <= 1
    assert audio.detect(np.ones(50), template, 100) == []
    assert audio.detect(signal, -signal[120:140], 100, threshold=0.99) == []


@pytest.mark.parametrize(("quiet", "level"), [(1e-9, 0), (1e-14, 0), (1e-3, 1e4)])
def test_quiet_copies_beside_loud_sounds_and_high_levels(quiet, level):
    template = RNG.normal(size=50)
    signal = np.zeros(40_000)
    signal[:20_000] = RNG.normal(size=20_000)
    signal[30_000:30_050] = quiet * template
    found = audio.detect(signal + level, template, 1000, threshold=0.9)
    assert [hit.time for hit in found] == [30.0]
    assert np.abs(match_scores(signal + level, template, np.ones(50))[20_050:29_900]).max() == 0


def test_of_near_hits_the_best_is_kept():
    t = np.arange(1000)
    ping = np.sin(2 * np.pi * t[:100] / 20)
    signal = np.zeros(1000)
    signal[300:400] = ping
    assert len(audio.detect(signal, ping, 1000, threshold=0.8)) == 1
    stereo = np.stack([signal, signal], axis=1)
    assert audio.detect(stereo, ping, 1000)[0].time == 0.3


# ------------------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: audio.smooth(F, 0), ValueError, "width=0 is not accepted"),
        (lambda: audio.smooth(F, 2.5), TypeError, "width=2.5"),
        (lambda: audio.smooth(F, 4, window="savitzky_golay"), ValueError, "pass an odd width and an order"),
        (lambda: audio.smooth(F, 3, window="boxcar"), ValueError, "window='boxcar' is not accepted"),
        (lambda: audio.smooth(F, 3, boundary="wrap"), ValueError, "boundary='wrap' is not accepted"),
        (lambda: audio.smooth(np.ones((2, 2, 2)), 3), ValueError, "signal has shape (2, 2, 2)"),
        (lambda: audio.smooth([], 3), ValueError, "signal is empty"),
        (lambda: audio.smooth(F, 2**24, window="exponential"), ValueError, "not accepted for exponential"),
        (lambda: audio.smooth(F, 5, window="savitzky_golay", order=2.5), TypeError, "order=2.5"),
        (lambda: audio.echo(F, 8000, 0, 0.5), ValueError, "delay=0 is not accepted; pass seconds, above 0"),
        (lambda: audio.echo(F, 8000, 1e-9, 0.5), ValueError, "8e-06 samples; accepted is 1 sample to"),
        (
            lambda: audio.echo(F, 8000, 1e4, 0.5),
            ValueError,
            "delay=10000.0 s with repeats=1 at sample_rate=8000 needs 80000000 taps, more than 67108864",
        ),
        (lambda: audio.echo(F, 0, 0.1, 0.5), ValueError, "sample_rate=0 is not accepted; pass Hz"),
        (lambda: audio.echo(F, 8000, 0.1, 0.5, mix=2), ValueError, "mix=2 is not accepted"),
        (lambda: audio.echo(F, 8000, 0.1, np.nan), ValueError, "decay=nan"),
        (
            lambda: audio.reverb(F, np.ones((3, 2))),
            ValueError,
            "the kernel has 2 channels and the signal 1",
        ),
        (lambda: audio.reverb(F, [1j]), TypeError, "impulse_response has dtype complex128"),
        (lambda: audio.reverb(F, np.ones((3, 2, 1))), ValueError, "impulse_response has shape (3, 2, 1)"),
        (
            lambda: audio.reverb(F, F, response_rate=48000),
            ValueError,
            "response_rate=48000 needs a rate to convert to; pass sample_rate",
        ),
        (
            lambda: audio.reverb(F, F, sample_rate=44100, response_rate=0),
            ValueError,
            "response_rate=0 is not accepted; pass Hz, above 0",
        ),
        (
            lambda: audio.reverb(F, F, sample_rate=44100, response_rate=1e-4),
            ValueError,
            "a response of 10 taps at a rate of 0.0001 Hz cannot be converted to 44100 Hz: it needs",
        ),
        (lambda: audio.decaying_noise(8000, 1e-9), ValueError, "is 8e-06 samples"),
        (lambda: audio.fir(F, 8000, 4000), ValueError, "pass a frequency between 0 and 4000 Hz"),
        (
            lambda: audio.fir(F, 8000, 400, band="bandpass"),
            ValueError,
            "pass two frequencies, the lower first",
        ),
        (lambda: audio.fir(F, 8000, (900, 400), band="bandpass"), ValueError, "the lower first"),
        (lambda: audio.fir(F, 8000, 400, transition=1e-9), ValueError, "pass a wider one"),
        (lambda: audio.detect(F, np.ones(3), 8), ValueError, "template is flat"),
        (
            lambda: audio.detect(F, np.arange(30), 8),
            ValueError,
            "template has 30 samples and the signal 10",
        ),
        (lambda: audio.detect([1, np.nan], [1], 8), ValueError, "signal holds NaN or infinity"),
        (lambda: audio.detect(F, F[:3], 8, threshold=0), ValueError, "threshold=0 is not accepted"),
    ],
)
def test_what_is_refused_says_what_to_pass(call, kind, message):
    with pytest.raises(kind) as caught:
        call()
    assert message in str(caught.value)
