"""Sound files whose headers are wrong, unusual or lie: what they may cost, and what is said of them."""

import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from fftconv import audio
from fftconv.audio import codecs, files
from fftconv.cli.main import run

RATES = (1, 2, 7, 1000, 8000, 48000, 192_000, 768_000, 10_000_000, 44_000_000, 2_000_000_000, 2**31 - 1)
COMMANDS = {
    "fir": ["--cutoff", "0.3"],
    "fir of a given transition": ["--cutoff", "0.3", "--transition", "0.01"],
    "smooth": ["--width", "0.5"],
    "smooth, hann": ["--width", "0.1", "--window", "hann"],
    "smooth, gaussian": ["--width", "0.1", "--window", "gaussian", "--boundary", "mirror"],
    "smooth, exponential": ["--width", "0.1", "--window", "exponential"],
    "echo": ["--delay", "1", "--decay", "0.5", "--repeats", "3"],
    "reverb": [],
    "reverb by a recorded room": ["--response", "room.wav", "--resample"],
}


@pytest.fixture(params=["soundfile", "SciPy"])
def backend(request, monkeypatch):
    """Run a test with and without soundfile."""
    if request.param == "SciPy":
        monkeypatch.setattr(codecs, "soundfile", None)
    else:
        pytest.importorskip("soundfile")
    return request.param


def write_wav(path, samples, rate, stated=None):
    """Write a WAV file whose header states another sample rate."""
    wavfile.write(path, rate if stated is None else 8000, samples)
    if stated is not None:
        content = bytearray(path.read_bytes())
        block = samples.dtype.itemsize * (samples.shape[1] if samples.ndim == 2 else 1)
        content[24:32] = stated.to_bytes(4, "little") + (stated * block % 2**32).to_bytes(4, "little")
        path.write_bytes(content)


# ------------------------------------------------------------------------------------- rates and their cost


@pytest.mark.parametrize("channels", [1, 2, 64])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_sample_rate_makes_a_kernel_beyond_the_limit(tmp_path, monkeypatch, capsys, command, channels):
    """Every rate is filtered by a kernel within the limit, or refused before there are any taps."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "_TAPS_FOR_ANY_FILE", 2**15)
    largest = []
    real = files.StreamingConvolver

    def watched(taps, **options):
        largest.append(taps.shape[0] * options["channels"])
        return real(taps, **options)

    monkeypatch.setattr(files, "StreamingConvolver", watched)
    write_wav(Path("room.wav"), np.array([20000, 5000, 300], np.int16), 8000)
    for rate in RATES:
        write_wav(Path("a.wav"), np.ones((40, channels), np.int16), 0, stated=rate)
        effect = command.split()[0].strip(",")
        arguments = [effect, "a.wav", "-o", "b.wav", *COMMANDS[command]]
        largest.clear()
        code = run(["audio", *arguments])
        said = capsys.readouterr().err
        if code == 0:
            assert largest
            assert largest[0] <= 2**15 + 2 * channels, (rate, largest)
        else:
            assert not largest
            known = f"a.wav, of {rate} Hz: .* needs [0-9.e+]+ taps, more than [0-9]+.*; pass "
            too_low = "is 0.3 samples|between 0 and 0.5 Hz"
            assert re.search(known if rate > 2 else f"{known}|{too_low}", said), said
            assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("effect", "options"),
    [
        (audio.fir, {"cutoff": 500}),
        (audio.fir, {"cutoff": 500, "transition": 1}),
        (audio.smooth, {"width": 2**22, "window": "exponential", "boundary": "zero"}),
        (audio.smooth, {"width": 2**22, "window": "gaussian", "boundary": "zero"}),
        (audio.echo, {"delay": 1, "decay": 0.5, "repeats": 2}),
    ],
)
def test_what_is_advised_for_too_many_taps_works(tmp_path, monkeypatch, effect, options):
    monkeypatch.setattr(files, "_TAPS_FOR_ANY_FILE", 2**17)
    source, target = tmp_path / "a.wav", tmp_path / "b.wav"
    write_wav(source, np.ones((40, 2), np.int16), 0, stated=2**30)
    with pytest.raises(ValueError, match=r"a.wav, of 1073741824 Hz: .* taps, more than 65536") as caught:
        audio.filter_file(source, target, effect, **options)
    advice = re.search(
        r"pass a wider one, (transition)=(\S+) or more|"
        r"pass a (width|delay) of at most ([0-9]+) samples, (\S+) s",
        str(caught.value),
    )
    cutoff, transition, name, samples, seconds = advice.groups()
    better = {"transition": transition} if cutoff else {name: samples if name == "width" else seconds}
    report = audio.filter_file(
        source, target, effect, **options | {name: float(value) for name, value in better.items()}
    )
    assert report.frames >= 40


def test_a_large_file_may_have_a_larger_kernel(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_TAPS_FOR_ANY_FILE", 1000)
    for frames, accepted in ((400, False), (4000, True)):
        write_wav(tmp_path / "a.wav", np.ones(frames, np.int16), 8000)
        if accepted:
            audio.filter_file(tmp_path / "a.wav", tmp_path / "b.wav", audio.echo, delay=1, decay=0.5)
        else:
            with pytest.raises(ValueError, match=r"needs 8000 taps, more than 16"):
                audio.filter_file(tmp_path / "a.wav", tmp_path / "b.wav", audio.echo, delay=1, decay=0.5)


def test_a_kernel_takes_128_bytes_a_tap_and_channel_at_most(tmp_path):
    """The largest for a small file, 2**23 of them, 1 GiB: a quarter, to save time, in a process with so much."""
    write_wav(tmp_path / "a.wav", np.ones((400, 2), np.int16), 0, stated=2_000_000_000)
    code = (
        "import resource, sys; from fftconv import audio; import soundfile, scipy.signal;"
        "audio.filter_file(sys.argv[1], sys.argv[2], [1.0]);"
        "audio.files._TAPS_FOR_ANY_FILE = 2**21;"
        "taken = next(int(each.split()[1]) for each in open('/proc/self/status') if 'VmSize' in each);"
        "resource.setrlimit(resource.RLIMIT_AS, ((taken << 10) + 2**28,) * 2);"
        "audio.filter_file(sys.argv[1], sys.argv[2], audio.fir, cutoff=50000, transition=6400)"
    )
    command = [sys.executable, "-P", "-c", code, str(tmp_path / "a.wav"), str(tmp_path / "b.wav")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:]
