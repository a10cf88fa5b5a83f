"""Sound files: what is written is read again, nothing is lost half-way, and headers are not believed."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

import fftconv
from fftconv import audio
from fftconv.audio import codecs, files, responses
from fftconv.cli import audio as cli
from fftconv.cli.main import run

SAMPLES = Path(__file__).parents[1] / "samples"
SCIPY_FILES = sorted(Path(scipy.io.__file__).parent.glob("tests/data/*.wav"))
RNG = np.random.default_rng(5)


def left_behind(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".fftconv")]


# ---------------------------------------------------------------------------------------- there and back


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_wav_keeps_every_bit(tmp_path, backend, subtype, channels):
    if (subtype, backend) == ("PCM_24", "SciPy"):
        with pytest.raises(
            ValueError, match=r"subtype='PCM_24' is not accepted .* or install soundfile with: pip"
        ):
            audio.write(tmp_path / "a.wav", [0.0], 8000, subtype=subtype)
        return
    bits = {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}.get(subtype)
    if bits:
        signal = RNG.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (300, channels)) / 2.0 ** (bits - 1)
    else:
        signal = RNG.normal(0, 3, (300, channels)).astype("float32").astype(float)
    audio.write(tmp_path / "a.wav", signal, 44100, subtype=subtype)
    again, about = audio.read_with_metadata(tmp_path / "a.wav")
    np.testing.assert_array_equal(again, signal)
    assert (about.sample_rate, about.channels, about.frames) == (44100, channels, 300)
    assert about.format.startswith("WAV")
    assert about.subtype == subtype


@pytest.mark.parametrize("suffix", [".flac", ".aiff", ".aif"])
def test_other_formats_without_loss(tmp_path, suffix):
    signal = RNG.integers(-(2**23), 2**23, (500, 2)) / 2.0**23
    audio.write(tmp_path / f"a{suffix}", signal, 48000, subtype="PCM_24")
    np.testing.assert_array_equal(audio.read(tmp_path / f"a{suffix}")[0], signal)


@pytest.mark.parametrize("suffix", [".ogg", ".mp3", ".opus"])
def test_formats_with_loss_sound_alike(tmp_path, suffix):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)
    audio.write(tmp_path / f"a{suffix}", np.stack([tone, tone], axis=1), 48000)
    again, rate = audio.read(tmp_path / f"a{suffix}")
    assert rate == 48000
    assert again.shape[1] == 2
    assert abs(len(again) - 48000) < 3000
    assert np.abs(again[5000:40000]).max() == pytest.approx(0.5, abs=0.05)


def test_integers_round_half_to_even_and_saturate_once(tmp_path, backend):
    levels = np.array([-2, -1, -0.5 / 32768, 0.5 / 32768, 1.5 / 32768, 2.5 / 32768, 32767.4 / 32768, 1, 2])
    with pytest.warns(UserWarning, match="a.wav: 3 of 9 samples were beyond full scale and clipped"):
        audio.write(tmp_path / "a.wav", levels, 8000)
    stored = wavfile.read(tmp_path / "a.wav")[1]
    assert stored.tolist() == [-32768, -32768, 0, 0, 2, 2, 32767, 32767, 32767]
    audio.write(tmp_path / "b.wav", levels, 8000, headroom=6.0)
    assert np.abs(audio.read(tmp_path / "b.wav")[0]).max() == pytest.approx(10 ** (-6 / 20), abs=1e-4)
    audio.write(tmp_path / "c.wav", levels, 8000, subtype="DOUBLE")
    np.testing.assert_array_equal(audio.read(tmp_path / "c.wav")[0][:, 0], levels)


def test_integer_arrays_are_at_full_scale(tmp_path, backend):
    for kind, subtype in ((np.int16, "PCM_16"), (np.int32, "PCM_32")):
        ends = np.array([np.iinfo(kind).min, -1, 0, 1, np.iinfo(kind).max], kind)
        audio.write(tmp_path / "a.wav", ends, 8000, subtype=subtype)
        np.testing.assert_array_equal(wavfile.read(tmp_path / "a.wav")[1], ends)


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".opus", ".mp3", ".wav", ".aiff"])
def test_a_full_disk_leaves_what_was_there(tmp_path, suffix):
    """Encoders write their last data when they are closed, and say nothing if that fails."""
    source, target = tmp_path / "a.wav", tmp_path / f"b{suffix}"
    audio.write(source, RNG.uniform(-0.5, 0.5, (30_000, 2)), 48000)
    audio.filter_file(source, target, [1.0])
    before = target.read_bytes()
    code = (
        "import resource, signal, sys; from fftconv import audio;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2);"
        "audio.filter_file(sys.argv[1], sys.argv[2], [1.0])"
    )
    for limit in (1, 3000, len(before) // 2, len(before) - 1500):
        command = [sys.executable, "-P", "-c", code, str(source), str(target), str(limit)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 1, limit
        assert re.search("(OSError|ValueError): .*b" + suffix, done.stderr), done.stderr
        assert target.read_bytes() == before
        assert not left_behind(tmp_path)


def test_every_format_becomes_every_other(tmp_path):
    for first in codecs.FORMATS:
        audio.write(tmp_path / f"a{first}", RNG.uniform(-0.5, 0.5, 5000), 48000)
        for second in codecs.FORMATS:
            report = audio.filter_file(tmp_path / f"a{first}", tmp_path / f"b{second}", [1.0])
            assert audio.info(tmp_path / f"b{second}").frames == report.frames == 5000


def test_damaged_files_are_told_of(tmp_path):
    path = tmp_path / "a.mp3"
    audio.write(path, RNG.uniform(-0.5, 0.5, 50_000), 48000)
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.warns(
        UserWarning, match="a.mp3 is damaged: its header promises 50000 frames, and [0-9]+ can"
    ):
        frames = len(audio.read(path)[0])
    assert 0 < frames < 50_000
    with pytest.warns(UserWarning, match=f"50000 frames, and {frames} can"):
        assert audio.filter_file(path, tmp_path / "b.wav", [1.0]).frames == frames


@pytest.mark.parametrize("odd", [np.nan, np.inf])
@pytest.mark.parametrize("place", [10, 150_000])
def test_headroom_is_of_what_is_finite(tmp_path, odd, place):
    sound = np.full(200_000, 0.25)
    sound[place] = odd
    audio.write(tmp_path / "a.wav", sound, 8000, subtype="FLOAT")
    report = audio.filter_file(tmp_path / "a.wav", tmp_path / "b.wav", [1.0], headroom=0.0)
    assert report.gain == 4
    audio.write(tmp_path / "c.wav", sound, 8000, subtype="FLOAT", headroom=0.0)
    for name in ("b.wav", "c.wav"):
        scaled = audio.read(tmp_path / name)[0][:, 0]
        np.testing.assert_array_equal(np.delete(scaled, place), 1)
        np.testing.assert_equal(scaled[place], odd)
    audio.write(tmp_path / "d.wav", [5e-324] * 5, 8000, headroom=0.0, subtype="DOUBLE")
    assert audio.read(tmp_path / "d.wav")[0].tolist() == [[5e-324]] * 5


def test_tags_beyond_ascii_are_not_garbled(tmp_path):
    about = audio.AudioMetadata(8000, 1, 3, "WAV", "PCM_16", {"title": "T é", "artist": "Nobody"})
    audio.write(tmp_path / "a.mp3", np.zeros(3000), 48000, metadata=about)
    assert audio.info(tmp_path / "a.mp3").tags == {"artist": "Nobody"}


def test_tags_are_kept(tmp_path):
    tags = {"title": "Round", "artist": "Nobody", "comment": "ü"}
    about = audio.AudioMetadata(8000, 1, 3, "WAV", "PCM_24", tags)
    for suffix in (".wav", ".flac", ".ogg"):
        first = tmp_path / f"a{suffix}"
        audio.write(first, np.zeros(3000), 8000, metadata=about)
        assert audio.info(first).tags == tags, suffix
        audio.filter_file(first, tmp_path / "b.flac", audio.smooth, width=3)
        assert tags.items() <= audio.info(tmp_path / "b.flac").tags.items()
    assert audio.info(tmp_path / "a.flac").subtype == "PCM_24"


def test_a_file_beyond_4_gib_becomes_rf64(tmp_path):
    with open(tmp_path / "x", "wb") as file:
        about = audio.AudioMetadata(48000, 2, 2**31, "WAV", "PCM_16")
        writer = codecs.open_writer(file, Path("x"), about)
        writer.write(np.zeros((4, 2)))
        writer.close()
    assert (tmp_path / "x").read_bytes()[:4] == b"RF64"
    assert audio.read(tmp_path / "x")[0].shape == (4, 2)


def test_sample_rates_that_differ_are_converted_only_on_request(tmp_path, monkeypatch):
    tone = np.sin(2 * np.pi * 100 * np.arange(4000) / 8000)
    audio.write(tmp_path / "a.wav", 0.5 * tone, 8000)
    with pytest.raises(ValueError, match="a.wav has 8000 Hz and 44100 Hz are wanted; pass resample=True"):
        audio.read(tmp_path / "a.wav", sample_rate=44100)
    wanted = 0.5 * np.sin(2 * np.pi * 100 * np.arange(22050) / 44100)
    for library in ("soxr", "SciPy"):
        if library == "SciPy":
            monkeypatch.setitem(sys.modules, "soxr", None)
        converted, rate = audio.read(tmp_path / "a.wav", sample_rate=44100, resample=True)
        assert (rate, converted.shape) == (44100, (22050, 1))
        assert np.abs(converted[2000:-2000, 0] - wanted[2000:-2000]).max() < 1e-3
    assert audio.read(tmp_path / "a.wav", sample_rate=8000)[1] == 8000


# ------------------------------------------------------------------------------------------- odd headers


@pytest.mark.parametrize("path", SCIPY_FILES, ids=lambda path: path.stem[5:])
def test_the_files_of_scipys_own_tests(path, backend):
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            samples, about = audio.read_with_metadata(path)
        assert bool(said) == ("early-eof" in path.name and "no-data" not in path.name)
    except ValueError:
        # What is left out has no samples, or samples that this library does not know.
        assert any(
            word in path.name for word in ("no-data", "bit", "incomplete", "ulaw", "early", "inconsistent")
        )
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            rate, expected = wavfile.read(path)
        except ValueError:
            return  # µ-law, which SciPy does not know
    assert about.sample_rate == rate
    expected = expected.reshape(len(expected), -1)
    if expected.dtype.kind in "iu":
        half = 2.0 ** (8 * expected.itemsize - 1)
        expected = (expected.astype(float) - (half if expected.dtype.kind == "u" else 0)) / half
    np.testing.assert_array_equal(samples[: len(expected)], expected[: len(samples)])
    assert abs(len(samples) - len(expected)) <= ("early" in path.name or "incomplete" in path.name)


# Runs in a process that may not take more than a gigabyte, nor long.
MUTATE = """
import random, resource, sys, pathlib
sys.path[:0] = [{tests!r}]
from fftconv import audio
from fftconv.audio import codecs
if {without}:
    codecs.soundfile = None
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
rng, target = random.Random({seed}), pathlib.Path({target!r})
read = refused = 0
for path in map(pathlib.Path, {paths!r}):
    whole = path.read_bytes()[:20_000]
    for turn in range({turns}):
        data = bytearray(whole)
        if turn % 3 == 0:
            data = data[: rng.randrange(len(data))]
        for _ in range(rng.randint(1, 6)):
            if not data:
                break
            place = rng.randrange(min(len(data), 80))
            data[place : place + 4] = rng.choice(
                [bytes(4), b"\\xff" * 4, b"\\xff\\xff\\xff\\x7f", rng.randbytes(4), rng.randbytes(1)]
            )
        target.write_bytes(data)
        try:
            signal, about = audio.read_with_metadata(target)
            assert signal.shape[1] == about.channels and signal.size <= 64 * (len(data) + 64), signal.shape
            read += 1
        except (ValueError, OSError) as error:
            assert target.name in str(error), error
            refused += 1
print(read, refused)
"""


@pytest.mark.parametrize("without", [False, True])
def test_headers_are_not_believed(tmp_path, without):
    paths = [str(path) for path in SCIPY_FILES if path.stat().st_size > 100][:12]
    if not without:
        for suffix in (".flac", ".aiff", ".ogg", ".mp3"):
            path = tmp_path / f"a{suffix}"
            audio.write(path, RNG.uniform(-0.5, 0.5, 4000), 44100)
            paths.append(str(path))
    code = MUTATE.format(
        tests=str(Path(__file__).parent),
        without=without,
        seed=1,
        target=str(tmp_path / "mutated.wav"),
        paths=paths,
        turns=60,
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    read, refused = map(int, done.stdout.split())
    assert read > 20
    assert refused > 50


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not a sound at all" * 50, bytes(5000)])
def test_what_is_no_sound_is_refused_with_the_formats_there_are(tmp_path, backend, content):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="a.wav is not a sound file that can be read; accepted are WAV"):
        audio.read(path)


def test_files_without_samples_are_refused(tmp_path, backend):
    wavfile.write(tmp_path / "a.wav", 8000, np.empty((0, 2), np.int16))
    with pytest.raises(ValueError, match=r"a.wav (holds no samples|is not a sound file)"):
        audio.read(tmp_path / "a.wav")
    with pytest.raises(ValueError, match=r"a.wav (holds no samples|is not a sound file)"):
        audio.filter_file(tmp_path / "a.wav", tmp_path / "b.wav", [1.0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav"]


# ------------------------------------------------------------------------------------- from file to file


@pytest.fixture
def small_blocks(monkeypatch):
    """So that short files have many of them."""
    monkeypatch.setattr(files, "BLOCK", 128)
    real = files.blocks_of
    monkeypatch.setattr(files, "blocks_of", lambda reader: real(reader, 100))


EFFECTS = [
    (audio.smooth, {"width": 7}, 0),
    (audio.smooth, {"width": 500, "boundary": "mirror"}, 0),
    (audio.smooth, {"width": 3000, "window": "hann"}, 0),
    (audio.smooth, {"width": 900, "boundary": "nearest", "causal": True}, 0),
    (audio.smooth, {"width": 50.0, "window": "exponential", "boundary": "zero"}, 0),
    (audio.echo, {"delay": 0.05, "decay": 0.5, "repeats": 3}, 1),
    (audio.reverb, {"impulse_response": RNG.normal(size=700), "mix": 0.4}, 0),
    (audio.reverb, {"impulse_response": RNG.normal(size=(300, 2, 2)), "mix": 0.4}, 0),
    (audio.fir, {"cutoff": 300.0}, 1),
    (audio.fir, {"cutoff": (300.0, 900.0), "band": "bandpass", "causal": True}, 1),
    (audio.smooth, {"width": 1}, 0),
]


@pytest.mark.parametrize("frames", [1, 99, 777, 2345])
@pytest.mark.parametrize(("effect", "parameters", "rated"), EFFECTS)
def test_a_file_comes_out_as_its_array(tmp_path, small_blocks, effect, parameters, rated, frames):
    sound = RNG.normal(0, 0.1, (frames, 2))
    audio.write(tmp_path / "a.wav", sound, 4000, subtype="DOUBLE")
    report = audio.filter_file(tmp_path / "a.wav", tmp_path / "b.wav", effect, **parameters)
    expected = effect(sound, *[4000] * rated, **parameters)
    result, rate = audio.read(tmp_path / "b.wav")
    np.testing.assert_allclose(result, expected, atol=1e-12)
    assert (rate, report.frames, report.clipped, report.gain) == (4000, len(expected), 0, 1)
    assert audio.info(tmp_path / "b.wav").subtype == "DOUBLE"
    assert not left_behind(tmp_path)


def test_own_taps_and_more_channels(tmp_path, backend):
    wavfile.write(tmp_path / "a.wav", 8000, np.array([8192, 16384], np.int16))
    report = audio.filter_file(
        tmp_path / "a.wav", tmp_path / "b.wav", np.array([[[1.0, 0.5]], [[0, 0.25]]])
    )
    assert (report.channels, report.frames) == (2, 3)
    assert wavfile.read(tmp_path / "b.wav")[1].tolist() == [[8192, 4096], [16384, 10240], [0, 4096]]


def test_headroom_scales_and_clipping_is_counted(tmp_path, backend):
    audio.write(tmp_path / "a.wav", [0.5, -0.9, 0.25], 8000)
    report = audio.filter_file(tmp_path / "a.wav", tmp_path / "b.wav", [2.0])
    assert (report.clipped, report.gain) == (2, 1)
    seen = []
    report = audio.filter_file(
        tmp_path / "a.wav",
        tmp_path / "c.wav",
        [2.0],
        headroom=20.0,
        on_progress=lambda *now: seen.append(now),
    )
    assert (report.clipped, report.gain) == (0, pytest.approx(0.1 / 1.8, rel=1e-4))
    assert np.abs(audio.read(tmp_path / "c.wav")[0]).max() == pytest.approx(0.1, abs=1e-4)
    assert seen[-1] == (6, 6)
    audio.write(tmp_path / "silent.wav", np.zeros(10), 8000)
    assert audio.filter_file(tmp_path / "silent.wav", tmp_path / "d.wav", [2.0], headroom=0.0).gain == 1


def test_the_whole_signal_goes_through_whatever_blocks_there_are(tmp_path, small_blocks):
    @given(st.integers(1, 900), st.integers(1, 400), st.sampled_from(responses.EDGES), st.booleans())
    def run(frames, width, boundary, causal):
        sound = np.random.default_rng(frames).normal(0, 0.1, (frames, 1))
        audio.write(tmp_path / "a.wav", sound, 4000, subtype="DOUBLE")
        options = {"width": width, "boundary": boundary, "causal": causal}
        audio.filter_file(tmp_path / "a.wav", tmp_path / "b.wav", audio.smooth, **options)
        np.testing.assert_allclose(
            audio.read(tmp_path / "b.wav")[0], audio.smooth(sound, **options), atol=1e-12
        )

    run()


def test_memory_does_not_grow_with_the_file(tmp_path):
    """Peak memory of a process that filters half a minute, and one that filters eight."""
    peaks = []
    code = (
        "import sys; from fftconv import audio;"
        "audio.filter_file(*sys.argv[1:], audio.reverb, impulse_response=audio.decaying_noise(48000, 2.0));"
        "print(*(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))"
    )
    for minutes in (0.5, 8):
        source = tmp_path / f"{minutes}.wav"
        noise = RNG.integers(-3000, 3000, (int(minutes * 60 * 48000), 2)).astype(np.int16)
        wavfile.write(source, 48000, noise)
        command = [sys.executable, "-P", "-c", code, str(source), str(tmp_path / "out.wav")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1024)
        source.unlink()
    assert peaks[1] < peaks[0] + 20  # MiB, where the longer file alone has 88, and 352 as float64
    assert peaks[1] < 200


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(tmp_path, how):
    wavfile.write(tmp_path / "a.wav", 48000, RNG.integers(-99, 99, 20_000_000).astype(np.int16))
    (tmp_path / "b.flac").write_bytes(b"as it was")
    command = [sys.executable, "-P", "-c", "from fftconv.cli import main; main()", "audio", "reverb"]
    process = subprocess.Popen(
        [*command, "a.wav", "-o", "b.flac"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    for _ in range(600):
        if left_behind(tmp_path) or process.poll() is not None:
            break
        time.sleep(0.02)
    assert left_behind(tmp_path)
    process.send_signal(how)
    assert "interrupted" in process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert (tmp_path / "b.flac").read_bytes() == b"as it was"
    assert not left_behind(tmp_path)


def test_what_goes_wrong_leaves_the_target_as_it_was(tmp_path):
    sound = np.full(3000, 0.5)
    sound[2000] = np.nan
    audio.write(tmp_path / "a.wav", sound, 8000, subtype="FLOAT")
    (tmp_path / "b.wav").write_bytes(b"as it was")
    with pytest.raises(ValueError, match="the result holds NaN, which PCM_16 cannot store"):
        audio.filter_file(tmp_path / "a.wav", tmp_path / "b.wav", [1.0], subtype="PCM_16")
    assert (tmp_path / "b.wav").read_bytes() == b"as it was"
    audio.filter_file(tmp_path / "a.wav", tmp_path / "b.wav", np.ones(10))
    assert np.flatnonzero(np.isnan(audio.read(tmp_path / "b.wav")[0])).tolist() == list(range(2000, 2010))
    assert not left_behind(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("a.wav", "a.wav", [1.0]), ValueError, "the output a.wav is the input"),
        (("a.wav", "none/b.wav", [1.0]), FileNotFoundError, "folder none does not exist; create it first"),
        (
            ("a.wav", "b.xyz", [1.0]),
            ValueError,
            "names no format that can be written; accepted are .wav, .flac",
        ),
        (("none.wav", "b.wav", [1.0]), FileNotFoundError, "none.wav"),
        (
            ("a.wav", "b.wav", max),
            TypeError,
            "pass one of smooth, echo, reverb, fir, or the taps of a kernel",
        ),
        (("a.wav", "b.wav", audio.echo), TypeError, "echo needs delay; its parameters are delay, decay"),
        (("a.wav", "b.wav", np.ones((3, 2))), ValueError, "the kernel has 2 channels and the signal 1"),
        (("a.wav", "folder.wav", [1.0]), IsADirectoryError, "folder.wav is a folder"),
    ],
)
def test_files_that_cannot_be_are_refused_before_the_work(tmp_path, monkeypatch, arguments, kind, message):
    monkeypatch.chdir(tmp_path)
    audio.write("a.wav", [0.5, 0.25], 8000)
    Path("folder.wav").mkdir()
    with pytest.raises(kind) as caught:
        audio.filter_file(*arguments)
    assert message in str(caught.value)
    assert sorted(os.listdir()) == ["a.wav", "folder.wav"]


def test_a_target_that_cannot_be_written_is_named(tmp_path, monkeypatch, capsys):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied", str(tmp_path / ".fftconv-x.part"))

    monkeypatch.setattr("fftconv._files.os.open", refuse)
    target = tmp_path / "b.wav"
    with pytest.raises(PermissionError) as caught:
        audio.filter_file(SAMPLES / "room.wav", target, [1.0])
    assert caught.value.filename == str(target)
    assert run(["audio", "smooth", str(SAMPLES / "room.wav"), "-o", str(target)]) == 1
    assert capsys.readouterr().err == f"fftconv: {target}: cannot be written, Permission denied\n"


@pytest.mark.parametrize("name", ["sample_rate", "signal", "loudness"])
def test_parameters_that_an_effect_does_not_take(tmp_path, name):
    with pytest.raises(TypeError, match=f"smooth does not take {name}; its parameters are width, window"):
        audio.filter_file(SAMPLES / "room.wav", tmp_path / "b.wav", audio.smooth, width=3, **{name: 5})
    with pytest.raises(TypeError, match=f"taps of a kernel take no {name}"):
        audio.filter_file(SAMPLES / "room.wav", tmp_path / "b.wav", [1.0], **{name: 5})


def test_rates_and_channels_out_of_range(tmp_path, backend):
    for rate, channels in ((2**40, 1), (2**33, 1), (8000, 70_000)):
        with pytest.raises(ValueError, match="a.wav cannot be written as WAV|^sample_rate="):
            audio.write(tmp_path / "a.wav", np.zeros((2, channels)), rate)


def test_other_bad_input(tmp_path):
    target = tmp_path / "a.wav"
    for call, kind, message in [
        (lambda: audio.write(target, [0.5], 8000, headroom=-1), ValueError, "headroom=-1 is not accepted"),
        (lambda: audio.write(target, np.zeros((1, 1, 1)), 8000), ValueError, "signal has shape (1, 1, 1)"),
        (lambda: audio.write(target, [1j], 8000), TypeError, "signal has dtype complex128"),
        (lambda: audio.write(target, [0.5], 0), ValueError, "sample_rate=0"),
        (lambda: audio.write(target, [0.5], 8000, subtype="PCM_12"), ValueError, "WAV has PCM_16, PCM_24"),
        (lambda: audio.write(target, [0.5], 8000, metadata=5), TypeError, "metadata is a int"),
        (
            lambda: audio.write(tmp_path / "a.mp3", [0.5], 12345),
            ValueError,
            "a.mp3 cannot be written as MP3",
        ),
        (lambda: audio.write(target, [np.nan], 8000), ValueError, 'pass subtype="FLOAT"'),
        (lambda: audio.read(tmp_path), OSError, str(tmp_path)),
    ]:
        with pytest.raises(kind) as caught:
            call()
        assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_without_soundfile_other_formats_say_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "a.flac"
    audio.write(path, [0.5], 8000)
    monkeypatch.setattr(codecs, "soundfile", None)
    with pytest.raises(
        ValueError, match=r"accepted are WAV; for other formats install soundfile with: pip install"
    ):
        audio.read(path)
    with pytest.raises(
        ValueError, match=r"b.flac cannot be written with SciPy alone, which knows .wav; install"
    ):
        audio.write(tmp_path / "b.flac", [0.5], 8000)


# --------------------------------------------------------------------------------------------- from a shell


@pytest.fixture
def melody(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return str(SAMPLES / "melody.wav")


def test_echo_from_a_shell(melody, capsys):
    command = ["audio", "echo", melody, "-o", "out.flac", "--delay", "0.3", "--decay", "0.5"]
    assert run([*command, "--repeats", "2", "--plot", "levels.png"]) == 0
    printed = capsys.readouterr()
    assert "out.flac: 0:06.600, mono at 22050 Hz, 3 taps one by one" in printed.out
    assert printed.err == ""
    sound, rate = audio.read(melody)
    expected = audio.echo(sound, rate, 0.3, 0.5, repeats=2)
    np.testing.assert_allclose(audio.read("out.flac")[0], expected, atol=0.5001 / 32768)
    from PIL import Image

    with Image.open("levels.png") as picture:
        assert picture.size == (1080, 660)
        assert len(picture.getcolors(2**24)) > 1000


def test_the_other_effects_from_a_shell(melody, capsys):
    room = str(SAMPLES / "room.wav")
    for arguments, expected in [
        (["smooth", "--width", "0.001"], lambda x, rate: audio.smooth(x, 22)),
        (
            ["smooth", "--window", "savitzky_golay", "--width", "0.001", "--order", "3"],
            lambda x, rate: audio.smooth(x, 23, window="savitzky_golay", order=3),
        ),
        (
            ["smooth", "--window", "gaussian", "--causal", "--boundary", "zero"],
            lambda x, rate: audio.smooth(x, 22.05, window="gaussian", causal=True, boundary="zero"),
        ),
        (
            ["reverb", "--response", room, "--mix", "0.1"],
            lambda x, rate: audio.reverb(x, audio.read(room)[0], mix=0.1),
        ),
        (
            ["reverb", "--decay-time", "0.5", "--mix", "0.2"],
            lambda x, rate: audio.reverb(x, audio.decaying_noise(rate, 0.5), mix=0.2),
        ),
        (["fir", "--cutoff", "500"], lambda x, rate: audio.fir(x, rate, 500)),
        (
            ["fir", "--band", "bandpass", "--cutoff", "900", "--cutoff", "300"],
            lambda x, rate: audio.fir(x, rate, (300, 900), band="bandpass"),
        ),
    ]:
        effect, *options = arguments
        assert run(["audio", effect, melody, "-o", "out.wav", "--subtype", "DOUBLE", *options]) == 0
        np.testing.assert_allclose(
            audio.read("out.wav")[0], expected(*audio.read(melody)), atol=1e-12, err_msg=str(arguments)
        )
    assert capsys.readouterr().err == ""


def test_clipping_and_scaling_from_a_shell(melody, capsys):
    loud = ["audio", "echo", melody, "-o", "out.wav", "--delay", "0.1", "--decay", "3"]
    assert run(loud) == 0
    assert (
        "samples of out.wav were beyond full scale and clipped; use --normalize" in capsys.readouterr().err
    )
    assert run([*loud, "--normalize"]) == 0
    printed = capsys.readouterr()
    assert ", times 0." in printed.out
    assert printed.err == ""
    assert np.abs(audio.read("out.wav")[0]).max() == pytest.approx(1, abs=1e-4)


def test_several_sounds_into_a_folder(melody, tmp_path, capsys):
    Path("out").mkdir()
    Path("bad.wav").write_bytes(b"nothing")
    assert run(["audio", "smooth", melody, "bad.wav", "-o", "out"]) == 1
    printed = capsys.readouterr()
    assert "1 of 2 files written" in printed.out
    assert "bad.wav is not a sound file" in printed.err
    assert os.listdir("out") == ["melody.wav"]


def test_a_folder_for_sounds_is_made(melody):
    assert run(["audio", "smooth", melody, "missing.wav", "-o", "new"]) == 1
    assert os.listdir("new") == ["melody.wav"]


def test_info_from_a_shell(melody, capsys):
    tagged = audio.AudioMetadata(8000, 2, 3, "FLAC", "PCM_24", {"title": "Round"})
    audio.write("a.flac", np.zeros((8000, 2)), 8000, metadata=tagged)
    assert run(["audio", "info", melody, "a.flac", "none.wav"]) == 1
    printed = capsys.readouterr()
    assert "melody.wav: WAV PCM_16, 22050 Hz, mono, 132300 frames, 0:06.000" in printed.out
    assert "a.flac: FLAC PCM_24, 8000 Hz, stereo, 8000 frames, 0:01.000\n  title: Round\n" in printed.out
    assert "none.wav: No such file or directory" in printed.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["reverb", "--response", "other.wav"],
            1,
            "other.wav has 8000 Hz and 22050 Hz are wanted; pass --resample",
        ),
        (["reverb", "--response", "x", "--decay-time", "1"], 2, "give one of them"),
        (["smooth", "--order", "3"], 2, "--order belongs to --window savitzky_golay"),
        (["smooth", "--normalize", "--headroom", "3"], 2, "--normalize is --headroom 0; give one of them"),
        (
            ["fir", "--cutoff", "500", "--band", "bandpass"],
            2,
            "--band bandpass takes two, --cutoff LOWER --cutoff UPPER; 1 are given",
        ),
        (["reverb", "--resample"], 2, "--resample is for a --response; give one"),
        (
            ["smooth", "--window", "savitzky_golay", "--width", "1e-5"],
            1,
            "--width 1e-05 seconds are 1 samples at 22050",
        ),
        (
            ["smooth", "--window", "savitzky_golay", "--width", "1", "--order", "3000"],
            1,
            "--width 1 seconds are 22051 samples at 22050 Hz, too many for a polynomial of order 3000",
        ),
        (["fir", "--cutoff", "500", "--plot", "a.xyz"], 1, "a.xyz has the suffix '.xyz'; accepted are"),
        (["fir", "--cutoff", "500", "--plot", "none/a.png"], 1, "folder none does not exist"),
        (["fir", "--cutoff", "50000"], 1, "between 0 and 11025 Hz"),
        (["echo", "--delay", "0.1"], 2, "--decay"),
    ],
)
def test_commands_that_are_wrong(melody, capsys, arguments, code, message):
    audio.write("other.wav", np.zeros(100), 8000)
    effect, *options = arguments
    assert run(["audio", effect, melody, "-o", "out.wav", *options]) == code
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not Path("out.wav").exists()


@pytest.mark.parametrize("place", [0, 100, 479])
@pytest.mark.parametrize("rates", list(itertools.permutations([44100, 48000, 96000], 2)))
def test_a_response_of_another_rate_is_resampled_on_request(tmp_path, monkeypatch, capsys, rates, place):
    monkeypatch.chdir(tmp_path)
    sound, click = np.zeros(1000), np.zeros(480)
    sound[400], click[place] = 0.5, 1
    audio.write("in.wav", sound, rates[0], subtype="DOUBLE")
    audio.write("click.wav", click, rates[1], subtype="DOUBLE")
    command = ["audio", "reverb", "in.wav", "-o", "out.wav", "--response", "click.wav", "--mix", "1"]
    assert run(command) == 1
    assert "are wanted; pass --resample" in capsys.readouterr().err
    assert run([*command, "--resample"]) == 0
    heard, rate = audio.read("out.wav")
    assert rate == rates[0]
    for frequency in (0, 100, 1000):
        later = 400 + place * rates[0] / rates[1]
        level = np.exp(2j * np.pi * frequency / rate * (later - np.arange(len(heard)))) @ heard[:, 0]
        assert level == pytest.approx(0.5, abs=5e-5)


@pytest.mark.parametrize("frames", [1, 100, 65536, 65537, 150_000])
def test_a_file_is_filtered_by_a_response_of_another_rate_as_an_array_is(tmp_path, frames):
    sound = 0.1 * np.random.default_rng(frames).normal(size=(frames, 2))
    room = audio.decaying_noise(44100, 0.1, channels=2)
    audio.write(tmp_path / "in.wav", sound, 96000, subtype="DOUBLE")
    report = audio.filter_file(
        tmp_path / "in.wav",
        tmp_path / "out.wav",
        audio.reverb,
        impulse_response=room,
        response_rate=44100,
        mix=0.7,
    )
    expected = audio.reverb(sound, room, mix=0.7, sample_rate=96000, response_rate=44100)
    assert report.frames == len(expected)
    np.testing.assert_allclose(audio.read(tmp_path / "out.wav")[0], expected, atol=1e-12)


def test_the_command_offers_what_there_is():
    assert (cli.WINDOWS, cli.BANDS) == (responses.WINDOWS, responses.BANDS)
    assert set(cli.BOUNDARIES) == set(responses.EDGES)


def test_importing_fftconv_takes_no_sound_library():
    code = "import sys, fftconv.cli.main; print({'soundfile', 'soxr', 'scipy.signal'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert fftconv.audio is audio
