"""Blocks of a signal, however cut, give what the whole gives; nothing else is kept, lost or allocated."""

import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fftconv
from fftconv import StreamingConvolver
from fftconv._engines import stream
from fftconv._partitions import PARTITIONS, partition

pytestmark = pytest.mark.usefixtures("engine")

RNG = np.random.default_rng(7)


def definition(signal, kernel):
    """The sums, in long double: of frames x channels with a kernel of one, two or three axes."""
    channels = signal.shape[1]
    if kernel.ndim == 1:
        kernel = np.stack([kernel] * channels, axis=1)
    if kernel.ndim == 2:
        kernel = kernel[:, :, None] * np.eye(channels)
    x, h = signal.astype(np.longdouble), kernel.astype(np.longdouble)
    return np.stack(
        [sum(np.convolve(x[:, i], h[:, i, o]) for i in range(channels)) for o in range(kernel.shape[2])],
        axis=1,
    )


def in_blocks(convolver, signal, sizes):
    """All outputs of a signal that is cut into blocks of these sizes, over and over."""
    parts, start, turn = [], 0, 0
    while start < len(signal):
        size = sizes[turn % len(sizes)]
        parts.append(convolver.process(signal[start : start + size]))
        start += size
        turn += 1
    return np.concatenate([*parts, convolver.flush()])


def assert_is_the_whole(convolver, signal, kernel, sizes):
    result = in_blocks(convolver, signal, sizes)
    expected = definition(signal, kernel)
    assert result.dtype == convolver.dtype
    assert result.shape == (len(expected) + convolver.latency, expected.shape[1])
    norm = np.linalg.norm(signal.astype(float), axis=0).max()
    assert not result[: convolver.latency].any()
    assert np.abs(result[convolver.latency :] - expected).max() <= convolver.error_bound(norm)


@st.composite
def problems(draw):
    """A convolver, its kernel, a signal, and how that is cut."""
    channels, block = draw(st.integers(1, 3)), draw(st.integers(1, 200))
    taps = draw(st.one_of(st.integers(1, 40), st.integers(1, 1500)))
    shapes = [(taps,), (taps, channels), (taps, channels, draw(st.integers(1, 3)))]
    dtype = draw(st.sampled_from(["float32", "float64"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kernel = rng.normal(size=draw(st.sampled_from(shapes))).astype(dtype)
    convolver = StreamingConvolver(
        kernel,
        block_size=block,
        channels=channels,
        dtype=dtype,
        latency=draw(st.sampled_from([0, block])),
        partitions=draw(st.sampled_from(PARTITIONS)),
    )
    signal = rng.normal(size=(draw(st.integers(1, 3000)), channels)).astype(dtype)
    anyhow = st.lists(st.integers(0, 3 * block), min_size=1, max_size=5).map(lambda sizes: [*sizes, 1])
    return convolver, signal, kernel, draw(st.one_of(st.just([block]), anyhow))


def test_any_cut_gives_the_whole():
    @given(problems())
    def run(problem):
        assert_is_the_whole(*problem)

    run()


@pytest.mark.parametrize("partitions", ["auto", "uniform", "nonuniform"])
@pytest.mark.parametrize("block", [64, 480, 4096])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_kernels_have_segments_of_several_sizes(partitions, block, dtype):
    kernel = RNG.normal(size=30_000).astype(dtype)
    signal = RNG.normal(size=(40_000, 1)).astype(dtype)
    convolver = StreamingConvolver(kernel, block_size=block, dtype=dtype, partitions=partitions)
    assert "blocks" in convolver.partitioning
    result = in_blocks(convolver, signal[:, 0], [block])
    expected = fftconv.convolve(signal[:, 0].astype(float), kernel.astype(float))
    bound = convolver.error_bound(np.linalg.norm(signal.astype(float)))
    assert np.abs(result - expected).max() <= bound
    convolver.process(signal[:1234, 0])
    convolver.reset()
    np.testing.assert_array_equal(in_blocks(convolver, signal[:, 0], [block]), result)


@pytest.mark.parametrize("sizes", [[3000], [700, 1, 2500], [1023, 1, 1023], [5, 400, 619]])
@pytest.mark.parametrize("kernel", [(3000,), (3000, 2), (1500, 2, 2), (300,)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_parts_of_blocks(sizes, kernel, dtype):
    kernel = RNG.normal(size=kernel).astype(dtype)
    convolver = StreamingConvolver(kernel, block_size=1024, channels=2, dtype=dtype, partitions="uniform")
    assert_is_the_whole(convolver, RNG.normal(size=(9000, 2)).astype(dtype), kernel, sizes)


@pytest.mark.parametrize("taps", [1, 2, 300, 511, 512, 513, 5000, 100_000, 3_000_000])
@pytest.mark.parametrize("block", [1, 64, 441, 4096, 2**20])
@pytest.mark.parametrize("how", PARTITIONS)
def test_segments_hold_every_tap_once_and_come_in_time(taps, block, how):
    parts = partition(taps, taps, block, how, 4, stream.lengths())
    place = 0 if parts.segments and parts.segments[0].first == 0 else parts.direct
    for number, segment in enumerate(parts.segments):
        assert segment.first == place
        assert segment.at_once == (number == 0 and segment.first == 0)
        assert segment.at_once or segment.first >= 2 * segment.size
        assert segment.length >= 2 * segment.size
        assert segment.length in stream.lengths()
        place = segment.stop
    assert place >= taps
    if parts.segments:
        assert parts.segments[-1].first < taps
        assert parts.segments[-1].stop < taps + 2 * parts.segments[-1].size


@pytest.mark.parametrize("sizes", [[64], [1000], [1, 7, 300]])
def test_an_echo_costs_its_copies_alone(sizes):
    kernel = fftconv.kernels.echo(3000, 0.5, 4)
    convolver = StreamingConvolver(kernel, block_size=64)
    assert convolver.partitioning == "5 taps one by one"
    assert_is_the_whole(convolver, RNG.normal(size=(20_000, 1)), kernel, sizes)
    assert StreamingConvolver(np.zeros(100_000), block_size=64).process(np.ones(9)).tolist() == [0] * 9


def test_one_axis_in_gives_one_axis_out():
    convolver = StreamingConvolver([1.0, 2.0], block_size=4)
    assert convolver.process([1, 2, 3]).tolist() == [1, 4, 7]
    assert convolver.flush().tolist() == [6]
    assert convolver.process([[1.0]]).tolist() == [[1]]
    assert convolver.flush().tolist() == [[2]]
    stereo = StreamingConvolver(np.ones((2, 1, 2)), block_size=4)
    assert stereo.process([1.0]).tolist() == [[1, 1]]


def test_nothing_in_gives_nothing_out():
    convolver = StreamingConvolver(np.ones(9), block_size=4, latency=4)
    assert convolver.process([]).shape == (0,)
    assert convolver.flush().shape == (0,)


def test_a_latency_delays_by_a_block():
    convolver = StreamingConvolver([1.0, 0.5], block_size=3, latency=3)
    assert convolver.latency == 3
    assert convolver.process([1.0, 2.0, 3.0, 4.0]).tolist() == [0, 0, 0, 1]
    assert convolver.flush().tolist() == [2.5, 4, 5.5, 2]


def test_results_go_where_they_are_wanted():
    convolver = StreamingConvolver([2.0], block_size=4, channels=2)
    block, out = np.ones((4, 2)), np.empty((4, 4))[:, ::2]
    assert convolver.process(block, out=out) is out
    assert (out == 2).all()
    convolver.process(block, out=block)
    assert (block == 2).all()
    delay = StreamingConvolver([0.0, 0.0, 1.0], block_size=4)
    line = np.arange(1.0, 9.0)
    delay.process(line[:6], out=line[2:])
    assert line.tolist() == [1, 2, 0, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_may_lie_anyhow_in_memory(dtype):
    sound = RNG.normal(size=(400, 2)).astype(dtype)
    kernel = RNG.normal(size=70).astype(dtype)
    expected = in_blocks(StreamingConvolver(kernel, block_size=50, channels=2), sound, [50])
    unaligned = np.zeros(sound.nbytes + 1, np.uint8)[1:].view(dtype).reshape(sound.shape)
    unaligned[...] = sound
    sound.flags.writeable = False
    for other in (
        np.asfortranarray(sound),
        sound[::-1].copy()[::-1],
        sound.astype(sound.dtype.newbyteorder()),
        unaligned,
    ):
        convolver = StreamingConvolver(kernel, block_size=50, channels=2)
        np.testing.assert_array_equal(in_blocks(convolver, other, [50]), expected)
        out = np.zeros(400 * 2 * sound.itemsize + 1, np.uint8)[1:].view(dtype).reshape(400, 2)
        convolver.process(other, out=out)
        np.testing.assert_allclose(out, expected[:400], rtol=0, atol=1e-4 if dtype == "float32" else 1e-12)


def test_process_allocates_nothing(engine):
    if engine == "NumPy":
        pytest.skip("NumPy allocates where it adds up the direct taps")
    kernel = RNG.normal(size=(20_000, 2))
    convolver = StreamingConvolver(kernel, block_size=1024, channels=2)
    block, out = RNG.normal(size=(1024, 2)), np.empty((1024, 2))
    convolver.process(block, out=out)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(200):
            convolver.process(block, out=out)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 2048  # a few views; a block has 16 KiB
    assert after - before < 512


# -------------------------------------------------------------------------------- other kernels


def crossfaded(signal, old, new, at, length):
    gain = np.zeros(len(signal))
    gain[at:] = 1
    if length:
        ramp = np.minimum(1, (np.arange(len(signal) - at) + 0.5) / length)
        gain[at:] = ramp
    result = np.zeros(len(signal) + max(len(old), len(new)) - 1)
    for kernel, weight in ((old, 1 - gain), (new, gain)):
        part = np.convolve(signal * weight, kernel)
        result[: len(part)] += part
    return result


@pytest.mark.parametrize("length", [0, 1, 100, 700])
@pytest.mark.parametrize(("old", "new"), [(300, 300), (900, 20), (20, 900)])
def test_another_kernel_fades_in_and_the_old_one_rings_out(length, old, new):
    old, new, signal = RNG.normal(size=old), RNG.normal(size=new), RNG.normal(size=2000)
    convolver = StreamingConvolver(old, block_size=64)
    parts = [convolver.process(signal[:333])]
    convolver.set_kernel(new, crossfade=length)
    parts += [convolver.process(signal[333:1000]), convolver.process(signal[1000:]), convolver.flush()]
    expected = crossfaded(signal, old, new, 333, length)
    result = np.concatenate(parts)
    assert convolver.taps == len(new)
    # The old kernel's tail ends with the signal or before.
    np.testing.assert_allclose(result, expected[: len(result)], atol=1e-11)
    assert np.abs(expected[len(result) :]).max(initial=0) < 1e-11
    np.testing.assert_allclose(in_blocks(convolver, signal, [100]), np.convolve(signal, new), atol=1e-11)


def test_a_crossfade_goes_on_from_where_the_last_one_came_to():
    signal = np.ones(400)
    convolver = StreamingConvolver([1.0], block_size=50)
    levels = [convolver.process(signal[:50])]
    for level in (2.0, 5.0, 3.0):
        convolver.set_kernel([level], crossfade=100)
        levels.append(convolver.process(signal[:50]))
    levels.append(convolver.process(signal[:150]))
    steps = np.diff(np.concatenate(levels))
    assert np.abs(steps).max() < 0.06  # 3.5 from 1.5, in a hundred steps
    assert levels[-1][-1] == 3
    assert levels[1][-1] == pytest.approx(1.5, abs=0.01)


def test_silent_kernels_are_dropped():
    convolver = StreamingConvolver(np.ones(100), block_size=50)
    for _ in range(10):
        convolver.process(np.ones(50))
        convolver.set_kernel(np.ones(100))
    assert len(convolver._voices) <= 4
    for _ in range(3):
        convolver.process(np.ones(50))
    assert len(convolver._voices) == 1


def test_a_kernel_may_change_while_another_thread_goes_on():
    convolver = StreamingConvolver([1.0], block_size=64)
    block, stop, wrong = np.ones(64), threading.Event(), []

    def play():
        while not stop.is_set():
            result = convolver.process(block)
            if not ((result >= 1 - 1e-9) & (result <= 2 + 1e-9)).all():
                wrong.append(result)

    player = threading.Thread(target=play)
    player.start()
    for turn in range(100):
        convolver.set_kernel([1.0 + turn % 2], crossfade=100)
    stop.set()
    player.join()
    assert not wrong


# -------------------------------------------------------------------------------- non-finite


@pytest.mark.parametrize("partitions", PARTITIONS)
@pytest.mark.parametrize("latency", [0, 16])
def test_what_is_not_finite_stays_in_the_windows_that_hold_it(partitions, latency):
    @given(
        st.lists(st.tuples(st.integers(0, 499), st.sampled_from([np.nan, np.inf, -np.inf])), max_size=6),
        st.integers(1, 60),
        st.integers(1, 40),
    )
    def run(holes, taps, size):
        kernel = np.resize([1.0, -2.0, 0.0, 0.5], taps)
        signal = np.random.default_rng(taps).normal(size=500)
        for place, value in holes:
            signal[place] = value
        convolver = StreamingConvolver(kernel, block_size=16, partitions=partitions, latency=latency)
        result = in_blocks(convolver, signal, [size])[latency:]
        np.testing.assert_allclose(result, fftconv.convolve(signal, kernel, method="direct"), atol=1e-11)

    run()


def test_many_infinities_and_channels():
    kernel = RNG.normal(size=(50, 2, 2))
    signal = RNG.normal(size=(600, 2))
    signal[100:200, 0] = np.inf
    signal[150:300:7, 1] = -np.inf
    signal[400, 1] = np.nan
    convolver = StreamingConvolver(kernel, block_size=32, channels=2)
    with np.errstate(invalid="ignore"):  # infinities of both signs meet
        expected = [
            sum(fftconv.convolve(signal[:, i], kernel[:, i, o]) for i in range(2)) for o in range(2)
        ]
        result = in_blocks(convolver, signal, [32, 5])
    np.testing.assert_allclose(result, np.stack(expected, axis=1), atol=1e-11)
    assert np.isfinite(in_blocks(convolver, np.ones((100, 2)), [32])).all()


# -------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"kernel": []}, ValueError, "kernel is empty"),
        ({"kernel": [1.0, np.nan]}, ValueError, "kernel holds a value that is not a finite float64"),
        ({"kernel": [1e300], "dtype": "float32"}, ValueError, "not a finite float32"),
        ({"kernel": [1j]}, TypeError, "kernel has dtype complex128; accepted are real numbers"),
        (
            {"kernel": np.ones((3, 2))},
            ValueError,
            "2 channels, and the signal has channels=1; pass channels=2",
        ),
        ({"kernel": np.ones((3, 1, 1, 1))}, ValueError, "accepted are (taps,), (taps, channels)"),
        ({"block_size": 0}, ValueError, "block_size=0"),
        ({"block_size": 2**21}, ValueError, "block_size=2097152 is not accepted; pass at most 1048576"),
        ({"channels": 0}, ValueError, "channels=0"),
        ({"channels": 10**9}, ValueError, "channels=1000000000 is not accepted; pass at most 1024"),
        (
            {"kernel": np.ones((1, 1, 2000))},
            ValueError,
            "kernel has 2000 outputs; accepted are at most 1024",
        ),
        ({"latency": 5}, ValueError, "latency=5 is not accepted; pass 0 or block_size=8"),
        ({"partitions": "equal"}, ValueError, "partitions='equal' is not accepted"),
        ({"dtype": "int32"}, ValueError, "dtype='int32' is not accepted; pass float32 or float64"),
    ],
)
def test_what_is_refused_says_what_to_pass(arguments, kind, message):
    with pytest.raises(kind) as caught:
        StreamingConvolver(**{"kernel": [1.0], "block_size": 8, **arguments})
    assert message in str(caught.value)


def test_blocks_of_other_kinds_are_refused():
    convolver = StreamingConvolver(np.ones((3, 2)), block_size=8, channels=2)
    with pytest.raises(ValueError, match="block has shape \\(5,\\); accepted is \\(frames, 2\\)"):
        convolver.process(np.ones(5))
    with pytest.raises(TypeError, match="complex128"):
        convolver.process(np.ones((5, 2), complex))
    with pytest.raises(ValueError, match="out has shape"):
        convolver.process(np.ones((5, 2)), out=np.empty((4, 2)))
    with pytest.raises(ValueError, match="kernel has 1 outputs and the one before 2"):
        convolver.set_kernel(np.ones((3, 2, 1)))
    assert convolver.process(np.ones((1, 2), np.int16)).tolist() == [[1, 1]]
