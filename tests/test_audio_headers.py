"""Sound files whose headers are wrong, unusual or lie: what they may cost, and what is said of them."""

import contextlib
import re
import struct
import subprocess
import sys
import warnings
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from fftconv import audio
from fftconv.audio import codecs, drawing, files, io
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
    """That is 1 GiB for the largest of a small file, of 2**23; here a quarter of it, to save time."""
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


@pytest.mark.parametrize("library", ["soxr", "SciPy"])
def test_no_sample_rate_makes_a_conversion_beyond_the_limit(tmp_path, monkeypatch, library):
    """Every file is converted within the limit, to as many frames as it lasts, or refused; advice works."""
    monkeypatch.setattr(io, "_SAMPLES_OF_ANY_FILE", 2**16)
    monkeypatch.setattr(io, "_MOST_STEPS", 2**11)
    if library == "SciPy":
        monkeypatch.setitem(sys.modules, "soxr", None)
    path = tmp_path / "a.wav"
    for rate in (*RATES, 44100):
        write_wav(path, np.ones((30, 2), np.int16), 0, stated=rate)
        for wanted in (1, 8000, 44100, 47999, 192_000):
            try:
                converted = audio.read(path, sample_rate=wanted, resample=True)[0]
            except ValueError as refused:
                message = str(refused)
                known = rf"^sample_rate={wanted} is not accepted for .*a.wav, of {rate} Hz: (it|SciPy) "
                assert re.search(known, message)
                advised = re.search("pass at most ([0-9]+)$", message)
                if advised and library == "soxr":
                    audio.read(path, sample_rate=int(advised[1]), resample=True)
            else:
                assert converted.size <= 2**16 + 2
                assert abs(len(converted) - 30 * wanted / rate) <= 1


# ------------------------------------------------------------------------------------ formats and subtypes

# The largest error of a sample where it is known; for other codecs that of the whole, relative to a tone.
STEPS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "DWVW_16": 15, "DWVW_24": 23}
EXACT = {subtype: 0.5001 * 2.0 ** (1 - bits) for subtype, bits in STEPS.items()}
EXACT |= {"FLOAT": 2.0**-25, "DOUBLE": 0, "ULAW": 0.017, "ALAW": 0.017}
# Frames of a block, of which a file has whole ones. AIFF files have an even number of bytes.
BLOCKS = {"IMA_ADPCM": 4089, "MS_ADPCM": 4084, "GSM610": 640, "G721_32": 120}
BLOCKS |= dict.fromkeys(("NMS_ADPCM_16", "NMS_ADPCM_24", "NMS_ADPCM_32"), 160)
OF_AIFF = dict.fromkeys(("PCM_S8", "PCM_U8", "ULAW", "ALAW"), 2) | {"IMA_ADPCM": 64}


def subtypes_of(suffix):
    soundfile = pytest.importorskip("soundfile")
    return ["OPUS"] if suffix == ".opus" else list(soundfile.available_subtypes(codecs.FORMATS[suffix]))


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff"])
def test_every_subtype_comes_back_or_is_refused_before_the_file(tmp_path, suffix, channels):
    path = tmp_path / f"a{suffix}"
    for subtype in subtypes_of(suffix):
        for frames in (1, 159, 5000):
            tone = 0.5 * np.sin(2 * np.pi * 440 / 8000 * np.arange(frames))
            signal = np.repeat(tone[:, None], channels, axis=1)
            try:
                audio.write(path, signal, 48000, subtype=subtype)
            except ValueError as refused:
                known = re.search(r"can store this as (.*)|formats that can: (.*)", str(refused))
                assert not list(tmp_path.iterdir())
                for other in known[1].split(", ") if known[1] else []:
                    audio.write(path, signal, 48000, subtype=other)
                for other in known[2].split(", ") if known[2] else []:
                    audio.write(tmp_path / f"b{other}", signal, 48000)
                for made in tmp_path.iterdir():
                    made.unlink()
                break
            again = audio.read(path)[0]
            about = audio.info(path)
            block = (OF_AIFF if suffix == ".aiff" else BLOCKS).get(subtype, 1)
            assert frames <= len(again) < frames + block
            assert (about.frames, about.channels, about.subtype) == (len(again), channels, subtype)
            if subtype in EXACT:
                assert np.abs(again[:frames] - signal).max() <= EXACT[subtype], subtype
            elif frames == 5000:
                error = np.sqrt(((again[500:4500] - signal[500:4500]) ** 2).mean()) / np.sqrt(0.125)
                assert error < 0.07, (subtype, error)
            path.unlink()


def test_another_reader_finds_the_same_integers(tmp_path):
    """Of Python's own: the `wave` module."""
    for subtype, width in (("PCM_16", 2), ("PCM_24", 3), ("PCM_32", 4)):
        whole = np.random.default_rng(width).integers(
            -(2 ** (8 * width - 1)), 2 ** (8 * width - 1), (99, 2)
        )
        pytest.importorskip("soundfile")
        audio.write(tmp_path / "a.wav", whole / 2.0 ** (8 * width - 1), 44100, subtype=subtype)
        with wave.open(str(tmp_path / "a.wav")) as file:
            content = file.readframes(99)
        wide = np.frombuffer(content, "u1").reshape(-1, width)
        found = [int.from_bytes(sample.tobytes(), "little", signed=True) for sample in wide]
        assert found == whole.ravel().tolist()


@pytest.mark.parametrize("frames", [1, 5000])
def test_a_codec_of_blocks_is_filtered_from_file_to_file(tmp_path, frames):
    """Twice, for the headroom: these cannot be read but from the beginning."""
    for suffix, blocks in ((".wav", BLOCKS), (".aiff", OF_AIFF | {"GSM610": 1, "DWVW_16": 1})):
        for subtype in blocks:
            first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
            tone = 0.25 * np.sin(2 * np.pi * 440 / 8000 * np.arange(frames))
            audio.write(first, tone, 8000, subtype=subtype)
            before = audio.read(first)[0]
            report = audio.filter_file(first, second, [1.0], headroom=6.0)
            assert report.frames == len(before)
            assert audio.info(second).subtype == subtype
            peak = np.abs(audio.read(second)[0]).max()
            assert frames == 1 or peak == pytest.approx(10 ** (-6 / 20), abs=0.08), subtype


def test_a_full_disk_is_told_of_whatever_the_padding(tmp_path):
    """A file that ends within its last block is read as a whole one by its decoder."""
    pytest.importorskip("soundfile")
    targets = []
    for suffix, subtypes in ((".wav", BLOCKS), (".aiff", ("IMA_ADPCM", "GSM610", "PCM_S8"))):
        for subtype in subtypes:
            targets += [str(tmp_path / f"{subtype}{suffix}"), subtype]
            audio.write(targets[-2], np.linspace(-0.5, 0.5, 5001), 8000, subtype=subtype)
    code = (
        "import os, resource, sys, numpy as np; from fftconv import audio\n"
        "signal = np.linspace(-0.5, 0.5, 5001)\n"
        "for target, subtype in zip(sys.argv[1::2], sys.argv[2::2]):\n"
        "    before, files = open(target, 'rb').read(), os.listdir(os.path.dirname(target))\n"
        "    size = len(before)\n"
        "    for limit in (1, 30, size // 2, size - 100, size - 9, size - 2, size - 1):\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))\n"
        "        try:\n"
        "            audio.write(target, signal, 8000, subtype=subtype)\n"
        "            sys.exit(f'{target}: {limit} of {size} bytes were enough')\n"
        "        except OSError as error:\n"
        "            assert error.filename == target, error\n"
        "        assert open(target, 'rb').read() == before\n"
        "        assert os.listdir(os.path.dirname(target)) == files\n"
    )
    command = [sys.executable, "-P", "-c", code, *targets]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:]


def test_rates_and_channels_that_a_format_does_not_hold_are_refused_before_the_work(tmp_path, monkeypatch):
    """Vorbis with more than 200 kHz or 255 channels crashes its library."""
    pytest.importorskip("soundfile")
    monkeypatch.setattr(files._Work, "run", None)
    for rate, channels, suffixes in (
        (200_001, 1, [".ogg", ".mp3", ".opus"]),
        (700_000, 2, [".flac", ".ogg", ".mp3", ".opus"]),
        (2_000_000_000, 1, [".flac", ".ogg", ".mp3", ".opus", ".aiff"]),
        (1, 1, [".mp3", ".opus"]),
        (48000, 256, [".flac", ".ogg", ".mp3", ".opus"]),
        (48000, 9, [".flac", ".mp3"]),
    ):
        write_wav(tmp_path / "a.wav", np.ones((3, channels), np.int16), 0, stated=rate)
        for suffix in suffixes:
            wanted = (
                rf"b{suffix} cannot be written .* {rate} Hz and {channels} channels?: .*; formats that can"
            )
            with pytest.raises(ValueError, match=wanted):
                audio.filter_file(tmp_path / "a.wav", tmp_path / f"b{suffix}", [1.0])


@pytest.mark.parametrize(
    "rate", [1, 7, 11_025, 65_535, 99_999, 655_350, 2**24 + 1, 2**30 - 1, 2**30, 2**31 - 1]
)
def test_a_file_states_the_rate_that_was_asked_for(tmp_path, backend, rate):
    written = 0
    for suffix in codecs.FORMATS if backend == "soundfile" else [".wav"]:
        with contextlib.suppress(ValueError):  # that the format does not hold
            audio.write(tmp_path / f"a{suffix}", [0.25], rate)
            assert audio.info(tmp_path / f"a{suffix}").sample_rate == rate
            written += 1
    assert written


def test_a_codec_of_the_source_that_cannot_hold_the_result_is_replaced(tmp_path):
    pytest.importorskip("soundfile")
    audio.write(tmp_path / "a.wav", np.zeros(640), 8000, subtype="GSM610")
    report = audio.filter_file(tmp_path / "a.wav", tmp_path / "b.wav", np.ones((1, 1, 2)))
    assert (report.channels, audio.info(tmp_path / "b.wav").subtype) == (2, "PCM_16")


# ----------------------------------------------------------------------------------------- unknown lengths

SOUND = np.random.default_rng(3).integers(-30000, 30000, 2501).astype("<i2")
TAG = b"INFOISFT" + struct.pack("<I", 6) + b"Lavf1\0"


def chunk(name, content, size=None, padded=True):
    stated = len(content) if size is None else size
    return name + struct.pack("<I", stated) + content + bytes(len(content) % 2 * padded)


def form(rate=8000, channels=1, bits=16, tag=1, block=None, mask=None):
    block = channels * -(-bits // 8) if block is None else block
    if mask is not None:
        tag = 0xFFFE
    numbers = tag, channels, rate % 2**32, rate * block % 2**32, block % 2**16, bits
    more = b""
    if mask is not None:
        more = struct.pack("<HHIH", 22, bits, mask, 1) + bytes.fromhex("000000001000800000aa00389b71")
    return chunk(b"fmt ", struct.pack("<HHIIHH", *numbers) + more)


def riff(*chunks, size=None):
    content = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content) if size is None else size) + content


def said_of(call, *arguments, **options):
    """The result, and what warnings say; nothing but UserWarning."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        result = call(*arguments, **options)
    assert {each.category for each in given} <= {UserWarning}
    return result, [str(each.message) for each in given]


@pytest.mark.parametrize("whole", [None, 0, 2**32 - 1, 2**31 - 1])
@pytest.mark.parametrize("of_data", [None, 0, 2**32 - 1, 2**31 - 1, 0x7FFFF000, 2**31])
def test_a_stream_that_could_not_go_back_to_its_sizes_is_read(tmp_path, backend, whole, of_data):
    path = tmp_path / "a.wav"
    for before in ([], [chunk(b"LIST", TAG)]):
        path.write_bytes(riff(form(), *before, chunk(b"data", SOUND.tobytes(), of_data), size=whole))
        (again, about), said = said_of(audio.read_with_metadata, path)
        np.testing.assert_array_equal(again[:, 0], SOUND / 2**15)
        assert about.frames == len(SOUND)
        if backend == "soundfile":
            assert about.tags == ({"software": "Lavf1"} if before else {})
        assert [text for text in said if "its data chunk states 0 bytes, and 5002 follow" in text] == (
            said if of_data == 0 else []
        )
        assert len(said) == (of_data == 0)
        report, said = said_of(audio.filter_file, path, tmp_path / "b.wav", [1.0], headroom=0.0)
        assert report.frames == len(SOUND)
        assert any("a.wav is damaged" in text for text in said) == (of_data == 0)


@pytest.mark.parametrize("stated", [0x7F000000, 2**32 - 1 - 36, 0xFFFFF000])
def test_other_sizes_of_streams_are_no_damage(tmp_path, backend, stated):
    path = tmp_path / "a.wav"
    path.write_bytes(riff(form(), chunk(b"data", SOUND.tobytes(), stated), size=2**32 - 1))
    (again, _), said = said_of(audio.read_with_metadata, path)
    np.testing.assert_array_equal(again[:, 0], SOUND / 2**15)
    assert said == []


def test_a_file_that_says_truly_that_it_has_no_samples_is_empty(tmp_path, backend):
    path = tmp_path / "a.wav"
    for after in ([], [chunk(b"LIST", TAG)], [chunk(b"cue ", bytes(4)), chunk(b"LIST", b"adtl1")]):
        path.write_bytes(riff(form(), chunk(b"data", b""), *after))
        with pytest.raises(ValueError, match=r"a\.wav holds no samples"):
            audio.read(path)
    if backend == "soundfile":
        for suffix in (".wav", ".aiff"):
            with codecs.soundfile.SoundFile(tmp_path / f"a{suffix}", "w", 8000, 2):
                pass
            with pytest.raises(ValueError, match=rf"a\{suffix} holds no samples"):
                audio.read(tmp_path / f"a{suffix}")


def flac_of(total, tmp_path):
    """A FLAC file whose header states so many frames, 36 bits of it."""
    path = tmp_path / "a.flac"
    audio.write(path, np.tile(SOUND, 30) / 2**15, 8000)
    content = bytearray(path.read_bytes())
    content[21] = content[21] & 0xF0 | total >> 32
    content[22:26] = struct.pack(">I", total % 2**32)
    content[26:42] = bytes(16)  # the MD5 sum, which is not known either
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("total", [0, 75_030, 80_000, 2**36 - 1])
def test_flac_from_a_pipe_is_read_whole(tmp_path, capsys, total):
    pytest.importorskip("soundfile")
    path, whole = flac_of(total, tmp_path), np.tile(SOUND, 30) / 2**15
    wrong = total not in (0, len(whole))
    promised = rf"a.flac is damaged: its header promises {total} frames, and {len(whole)} can be decoded"
    (again, about), said = said_of(audio.read_with_metadata, path)
    np.testing.assert_array_equal(again[:, 0], whole)
    assert len(said) == wrong
    assert all(re.search(promised, text) for text in said)
    if total != 80_000:
        assert about.frames == said_of(audio.info, path)[0].frames == len(whole)
    seen = []
    report, said = said_of(
        audio.filter_file,
        path,
        tmp_path / "b.wav",
        [1.0],
        headroom=0.0,
        on_progress=lambda *now: seen.append(now),
    )
    assert report.frames == len(whole)
    assert len(said) == wrong
    assert seen[-1][0] == 2 * len(whole)
    if total != 80_000:
        assert seen[-1][1] == 2 * len(whole)
    assert (tmp_path / "b.wav").read_bytes()[:4] == b"RIFF"
    assert said_of(run, ["audio", "info", str(path)])[0] == 0
    assert "8000 Hz, mono, " in capsys.readouterr().out
    with io.opened(path) as reader:
        for frame in (5000, 70_000, 20, 0, 75_029):
            reader.seek(frame)
            np.testing.assert_array_equal(reader.read(9)[:, 0], whole[frame : frame + 9])


@pytest.mark.parametrize("total", [0, 75_030])
def test_a_tag_behind_a_flac_file_is_no_part_of_it(tmp_path, total):
    pytest.importorskip("soundfile")
    path, whole = flac_of(total, tmp_path), np.tile(SOUND, 30) / 2**15
    path.write_bytes(path.read_bytes() + b"TAG" + bytes(125))
    (again, about), said = said_of(audio.read_with_metadata, path)
    np.testing.assert_array_equal(again[:, 0], whole)
    assert about.frames == len(whole)
    # Without a count it cannot be told from a frame that is damaged.
    lost = f"{path} is damaged: what follows its first {len(whole)} frames cannot be decoded"
    assert said == ([] if total else [lost])


@pytest.mark.parametrize("total", [1, 4096, 60_000])
def test_frames_of_flac_that_its_header_does_not_count_are_told_of(tmp_path, total):
    pytest.importorskip("soundfile")
    path = flac_of(total, tmp_path)
    (again, _), said = said_of(audio.read_with_metadata, path)
    np.testing.assert_array_equal(again[:, 0], np.tile(SOUND, 30)[:total] / 2**15)
    assert said == [
        f"{path} is damaged: its header promises {total} frames, and more follow, which are not read"
    ]


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("channels", [1, 2])
def test_mp3_without_a_count_of_its_frames_is_read_whole(tmp_path, mode, channels):
    """As from an encoder that wrote to a pipe; a bit rate at the beginning says nothing of the length."""
    soundfile = pytest.importorskip("soundfile")
    path, frames = tmp_path / "a.mp3", 60_000
    tone = 0.3 * np.sin(np.arange(frames) / 9) * (1 + (np.arange(frames) > frames // 2))
    noise = (
        np.random.default_rng(1).normal(0, 0.1, (frames, channels)) * (np.arange(frames) < 10_000)[:, None]
    )
    with soundfile.SoundFile(path, "w", 44100, channels, format="MP3", bitrate_mode=mode) as file:
        file.write(tone[:, None] + noise)
    (whole, _), said = said_of(audio.read_with_metadata, path)
    assert (len(whole), said) == (frames, [])
    content = path.read_bytes()
    for tag in (b"", b"TAG" + bytes(125)):
        path.write_bytes(content[content.index(content[:2], 100) :] + tag)  # without the frame that counts
        (again, about), said = said_of(audio.read_with_metadata, path)
        assert said == []
        assert about.frames == len(again) == audio.info(path).frames
        delay = 1105  # of encoder and decoder
        np.testing.assert_allclose(again[delay:][3000:frames], whole[3000:], atol=1e-6)
        assert said_of(audio.filter_file, path, tmp_path / "b.wav", [1.0], headroom=0)[0].frames == len(
            again
        )
        with io.opened(path) as reader:
            for frame in (50_000, 20, 0, len(again) - 9):
                reader.seek(frame)
                np.testing.assert_array_equal(reader.read(9), again[frame : frame + 9])


def test_files_of_every_format_are_whole_or_told_of(tmp_path):
    """Where a library finds out: formats without a size or an end look whole when they are cut."""
    soundfile = pytest.importorskip("soundfile")
    noticed = set()
    for name in set(soundfile.available_formats()) - {"RAW", "SD2"}:
        path = tmp_path / f"a.{name.lower()}"
        with contextlib.suppress(soundfile.SoundFileError):  # that hold other rates or channels
            soundfile.write(path, SOUND, 48000 if name == "MP3" else 8000, format=name)
        if not path.exists() or not path.stat().st_size:
            continue
        (samples, _), said = said_of(audio.read_with_metadata, path)
        assert (len(samples), said) == (len(SOUND), []), name
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        try:
            (samples, _), said = said_of(audio.read_with_metadata, path)
        except ValueError as refused:
            said = [str(refused)]
        assert all(each.startswith(f"{path} ") for each in said)
        noticed |= {name} if said else set()
    expected = {"AIFF", "AU", "CAF", "FLAC", "MP3", "OGG", "RF64", "SVX", "W64", "WAV", "WAVEX"}
    assert noticed >= expected & set(soundfile.available_formats())


@pytest.mark.parametrize("subtype", ["GSM610", "G721_32", "IMA_ADPCM", "PCM_16"])
def test_a_reader_goes_to_any_frame(tmp_path, subtype):
    pytest.importorskip("soundfile")
    path = tmp_path / "a.wav"
    audio.write(path, 0.9 * np.sin(np.arange(9000) / 9), 8000, subtype=subtype)
    whole = audio.read(path)[0]
    with io.opened(path) as reader:
        for frame in (100, 8000, 0, 3, 8999, 4096):
            reader.seek(frame)
            np.testing.assert_array_equal(reader.read(20), whole[frame : frame + 20])


@pytest.mark.parametrize("frames", [100, 2049, 30_000, 1_200_000])
def test_a_codec_that_does_not_go_back_is_drawn_alike(tmp_path, frames):
    pytest.importorskip("soundfile")
    noise = np.random.default_rng(1).normal(0, 0.1, frames)
    audio.write(tmp_path / "a.wav", noise, 8000, subtype="G721_32")
    audio.write(tmp_path / "b.wav", audio.read(tmp_path / "a.wav")[0], 8000, subtype="DOUBLE")
    (_, first), (_, second) = (drawing.spectrogram(tmp_path / name) for name in ("a.wav", "b.wav"))
    np.testing.assert_array_equal(first, second)
    assert len(np.unique(first)) > 100


# ------------------------------------------------------------------------------------------- odd chunks


@pytest.mark.parametrize("size", [1, 3, 8, 9, 26, 27])
@pytest.mark.parametrize("name", [b"LIST", b"JUNK", b"bext"])
def test_chunks_of_an_odd_size_with_and_without_padding(tmp_path, backend, name, size):
    path = tmp_path / "a.wav"
    content = (b"INFO" + b"\x01\x02\x03\x04" * 9)[:size]
    data = chunk(b"data", SOUND.tobytes())
    for padded in (True, False):
        odd = chunk(name, content, padded=padded)
        for chunks in ([odd, form(), data], [form(), odd, data], [form(), odd, odd, data]):
            path.write_bytes(riff(*chunks))
            (again, _), said = said_of(audio.read_with_metadata, path)
            np.testing.assert_array_equal(again[:, 0], SOUND / 2**15)
            lacking = f"its {name.decode()} chunk has an odd size and no padding byte"
            assert any(lacking in text for text in said) == (size % 2 and not padded)
            unreadable = "it holds a chunk that cannot be read, and its samples are read alone"
            assert not said or lacking in said[0] or (name, size) == (b"LIST", 9)
            assert any(unreadable in text for text in said) == (
                backend == "soundfile" and (name, size) == (b"LIST", 9)  # which libsndfile refuses
            )


@pytest.mark.parametrize("padding", [0, 1, 32, 65, 255])
def test_any_byte_may_be_the_padding(tmp_path, backend, padding):
    path = tmp_path / "a.wav"
    odd = chunk(b"JUNK", b"abc", padded=False) + bytes([padding])
    for chunks in ([odd, form()], [form(), odd], [form(), odd, chunk(b"LIST", TAG)], [form(), odd, odd]):
        path.write_bytes(riff(*chunks, chunk(b"data", SOUND.tobytes())))
        (again, _), said = said_of(audio.read_with_metadata, path)
        np.testing.assert_array_equal(again[:, 0], SOUND / 2**15)
        assert said == []


@pytest.mark.parametrize("frames", range(14, 64, 7))
def test_silence_does_not_hide_a_lacking_padding(tmp_path, backend, frames):
    """One byte on, "data", its size and zeros read as a name and a small size."""
    path = tmp_path / "a.wav"
    odd = chunk(b"JUNK", b"abc", padded=False)
    path.write_bytes(riff(form(), odd, chunk(b"data", bytes(2 * frames)), chunk(b"LIST", TAG)))
    (again, _), said = said_of(audio.read_with_metadata, path)
    assert again.tolist() == [[0.0]] * frames
    assert said == [f"{path} is damaged: its JUNK chunk has an odd size and no padding byte"]


def test_a_mended_file_keeps_codec_and_tags(tmp_path):
    """Every codec of WAV files, its decoder's work, behind a chunk without padding; AIFF files, too."""
    soundfile = pytest.importorskip("soundfile")
    tone = 0.5 * np.sin(np.arange(9000) / 9)
    for name, order in (("a.wav", "<I"), ("a.aiff", ">I")):
        for subtype in subtypes_of(Path(name).suffix):
            about = audio.AudioMetadata(8000, 1, 0, "WAV", subtype, {"title": "T"})
            if not soundfile.check_format(codecs.FORMATS[Path(name).suffix], subtype):
                continue
            try:
                audio.write(tmp_path / name, tone, 8000, subtype=subtype, metadata=about)
            except ValueError:
                continue
            whole, expected = audio.read_with_metadata(tmp_path / name)
            content = (tmp_path / name).read_bytes()
            odd = b"JUNK" + struct.pack(order, 3) + b"abc"
            (tmp_path / name).write_bytes(content[:12] + odd + content[12:])
            (again, about), said = said_of(audio.read_with_metadata, tmp_path / name)
            np.testing.assert_array_equal(again, whole, err_msg=subtype)
            assert (about.subtype, about.tags) == (subtype, expected.tags)
            assert any("its JUNK chunk has an odd size" in text for text in said), subtype


def test_a_cut_file_gives_the_frames_that_are_there(tmp_path, backend):
    path = tmp_path / "a.wav"
    stereo = SOUND[:2500].reshape(-1, 2)
    whole = riff(form(channels=2), chunk(b"LIST", TAG), chunk(b"data", stereo.tobytes()))
    begin = len(whole) - stereo.nbytes
    for there in (4, 5, 6, 7, 8, 1001, 4000, stereo.nbytes - 1, stereo.nbytes):
        path.write_bytes(whole[: begin + there])
        (again, _), said = said_of(audio.read_with_metadata, path)
        np.testing.assert_array_equal(again, stereo[: there // 4] / 2**15)
        lost = f"its header promises {stereo.nbytes} bytes of samples, and {there} are there"
        assert len(said) == (there < stereo.nbytes)
        assert all(lost in text for text in said)


def test_bytes_behind_the_samples_that_are_no_chunk_are_told_of(tmp_path, backend):
    """As where a recorder stopped before it wrote the last size; zeros and chunks are no samples."""
    path = tmp_path / "a.wav"
    for stated in (2, 1000, 5000):
        path.write_bytes(riff(form(), chunk(b"data", SOUND.tobytes(), stated)))
        (again, _), said = said_of(audio.read_with_metadata, path)
        np.testing.assert_array_equal(again[:, 0], SOUND[: stated // 2] / 2**15)
        rest = 2 * len(SOUND) - stated
        assert said == [f"{path} is damaged: its last {rest} bytes are no chunk and are not read"]
    for before in ([], [chunk(b"LIST", TAG)]):
        path.write_bytes(riff(form(), chunk(b"data", SOUND.tobytes()), *before, b"TAGTitle" + bytes(120)))
        (again, about), said = said_of(audio.read_with_metadata, path)
        assert said == [f"{path} is damaged: its last 128 bytes are no chunk and are not read"]
        assert "TAGT" not in about.chunks
    for rest in (bytes(1), bytes(999), chunk(b"LIST", TAG), b""):
        path.write_bytes(riff(form(), chunk(b"data", SOUND.tobytes()), rest))
        assert said_of(audio.read_with_metadata, path)[1] == []


# --------------------------------------------------------------------------- what is not written again

OTHERS = {
    "bext": chunk(b"bext", bytes(602)),
    "cue": chunk(b"cue ", struct.pack("<I", 1) + bytes(24)),
    "smpl": chunk(b"smpl", bytes(36)),
    "inst": chunk(b"inst", bytes(8)),
    "iXML": chunk(b"iXML", b"<BWFXML/>"),
    "id3": chunk(b"id3 ", b"ID3" + bytes(8)),
    "LIST adtl": chunk(b"LIST", b"adtl" + chunk(b"labl", b"\1\0\0\0intro\0")),
    "INFO IENG": chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Title\0") + chunk(b"IENG", b"Someone\0")),
}


@pytest.mark.parametrize("names", [[], *([name] for name in OTHERS), list(OTHERS)])
@pytest.mark.parametrize("first", [True, False])
def test_chunks_that_are_not_kept_are_named(tmp_path, capsys, names, first):
    pytest.importorskip("soundfile")
    source, target = tmp_path / "a.wav", tmp_path / "b.wav"
    others, data = [OTHERS[name] for name in names], chunk(b"data", SOUND.tobytes())
    filler = [chunk(b"JUNK", bytes(28)), chunk(b"LIST", TAG)]
    source.write_bytes(riff(form(), *filler, *(others if first else []), data, *([] if first else others)))
    (samples, about), said = said_of(audio.read_with_metadata, source)
    assert (about.chunks, said) == (tuple(names), [])
    expected = [f"{target} does not keep what its source holds in {', '.join(names)}"] if names else []
    assert said_of(audio.filter_file, source, target, [1.0])[1] == expected
    assert said_of(audio.write, target, samples, 8000, metadata=about)[1] == expected
    assert said_of(audio.info, target)[0].chunks == ()
    assert said_of(run, ["audio", "info", str(source)])[0] == 0
    assert (f"  also holds: {', '.join(names)}\n" in capsys.readouterr().out) == bool(names)
    assert said_of(run, ["audio", "smooth", str(source), "-o", str(target)])[0] == 0
    assert capsys.readouterr().err == "".join(f"fftconv: warning: {each}\n" for each in expected)


def test_without_soundfile_tags_are_named_too(tmp_path, monkeypatch):
    monkeypatch.setattr(codecs, "soundfile", None)
    source, target = tmp_path / "a.wav", tmp_path / "b.wav"
    source.write_bytes(riff(form(), OTHERS["INFO IENG"], OTHERS["bext"], chunk(b"data", SOUND.tobytes())))
    said = said_of(audio.filter_file, source, target, [1.0])[1]
    assert said == [f"{target} does not keep what its source holds in INFO INAM, INFO IENG, bext"]


def test_chunks_of_aiff_files_that_are_not_kept_are_named(tmp_path):
    pytest.importorskip("soundfile")
    source, target = tmp_path / "a.aiff", tmp_path / "b.aiff"
    about = audio.AudioMetadata(8000, 1, 0, "AIFF", "PCM_16", {"title": "T", "comment": "C"})
    audio.write(source, SOUND / 2**15, 8000, metadata=about)
    assert said_of(audio.filter_file, source, target, [1.0])[1] == []
    source.write_bytes(source.read_bytes() + b"MARK" + struct.pack(">I", 2) + bytes(2))
    said = said_of(audio.filter_file, source, target, [1.0])[1]
    assert said == [f"{target} does not keep what its source holds in MARK"]
    assert audio.info(target).tags == {"title": "T", "comment": "C"}


def mask_in(path):
    content = path.read_bytes()
    place = content.index(b"fmt ") + 8
    tag, mask = struct.unpack_from("<H18xI", content, place)
    return mask if tag == 0xFFFE else 0


@pytest.mark.parametrize("channels", range(1, 10))
def test_the_channel_mask_is_kept_or_named(tmp_path, backend, channels):
    source = tmp_path / "a.wav"
    usual = {1: 0x4, 2: 0x3, 4: 0x33, 6: 0x3F, 8: 0xFF}
    data = chunk(b"data", SOUND[: 10 * channels].tobytes())
    for mask in (0, usual.get(channels, 0x7), 0x60F, 2**31):
        source.write_bytes(riff(form(channels=channels, mask=mask), data))
        (_, about), said = said_of(audio.read_with_metadata, source)
        assert (about.channel_mask, said) == (mask, [])
        for suffix in (".wav", ".flac", ".aiff") if backend == "soundfile" and channels < 9 else (".wav",):
            target = tmp_path / f"b{suffix}"
            said = said_of(audio.filter_file, source, target, [1.0])[1]
            named = [f"{target} does not keep what its source holds in channel mask 0x{mask:x}"]
            if suffix == ".wav" and mask_in(target) == mask:
                assert said == []
                assert mask in (0, usual.get(channels))
            elif said:
                assert said == named
                assert mask_in(target) == 0 if suffix == ".wav" else True
            else:
                assert mask in (0, usual.get(channels))
                assert mask == 0 or channels <= 2 or suffix == ".flac"
        if backend == "soundfile" and mask == usual.get(channels):
            assert mask_in(tmp_path / "b.wav") == mask


# --------------------------------------------------------------------------------------- contradictions


def test_headers_that_make_no_sense_are_refused_or_read_alike(tmp_path, monkeypatch):
    """Seeded: with soundfile and with SciPy there is no other error, and no other sample."""
    pytest.importorskip("soundfile")
    path, random = tmp_path / "a.wav", np.random.default_rng(17)
    content, library = random.bytes(600), codecs.soundfile
    alike = read = refused = 0
    fields = {
        "tag": (1, 1, 1, 3, 3, 6, 7, 2, 0x11, 0x31, 0x55, 0xFFFE, 0),
        "channels": (1, 1, 1, 2, 2, 3, 0, 255, 1024, 65535),
        "bits": (8, 16, 16, 24, 32, 64, 0, 1, 12, 20, 65535),
        "block": (None, None, None, 0, 1, 2, 3, 4, 65535),
        "rate": (8000, 8000, 44100, 0, 2**31 - 1, 2**31, 2**32 - 1),
    }
    for _ in range(700):
        chosen = {name: several[random.integers(len(several))] for name, several in fields.items()}
        mask = 3 if random.random() < 0.2 else None
        path.write_bytes(riff(form(**chosen, mask=mask), chunk(b"data", content)))
        found = []
        for module in (library, None):
            monkeypatch.setattr(codecs, "soundfile", module)
            try:
                (samples, about), _ = said_of(audio.read_with_metadata, path)
                assert 1 <= about.sample_rate < 2**31
                found.append((samples, about.sample_rate))
            except ValueError as why:
                refused += str(why).startswith(f"{path} ")
        read += len(found)
        if len(found) == 2:
            np.testing.assert_array_equal(found[0][0], found[1][0])
            assert found[0][1] == found[1][1]
            alike += 1
    assert alike > 30
    assert read + refused == 1400


def test_a_header_with_two_meanings_is_refused(tmp_path, backend):
    for bits, block in ((16, 4), (16, 1), (24, 4), (20, 4), (12, 1), (8, 2)):
        (tmp_path / "a.wav").write_bytes(riff(form(bits=bits, block=block), chunk(b"data", bytes(48))))
        with pytest.raises(
            ValueError, match=f"a.wav .* blocks of {block} bytes for 1 channels of {bits} bits"
        ):
            audio.read(tmp_path / "a.wav")


def test_a_rate_of_zero_is_refused_by_name(tmp_path, backend):
    write_wav(tmp_path / "a.wav", np.ones(9, np.int16), 0, stated=0)
    with pytest.raises(ValueError, match=r"a\.wav (states a sample rate of 0 Hz|is not a sound file)"):
        audio.info(tmp_path / "a.wav")
