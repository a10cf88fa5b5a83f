"""Copies of what a user holds, by pickle, copy and deepcopy: the same bits, and nothing shared."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fftconv import StreamingConvolver
from fftconv._engines import stream
from fftconv._partitions import PARTITIONS

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"protocol {n}": lambda held, n=n: pickle.loads(pickle.dumps(held, n)) for n in range(2, 6)},
}


@pytest.fixture(params=["core", "NumPy"])
def engine(request, monkeypatch):
    """Streams of both kinds."""
    if request.param == "NumPy":
        monkeypatch.setattr(stream, "core", None)
    elif stream.core is None:
        pytest.skip("there is no native core")
    return request.param


@st.composite
def courses(draw):
    """A convolver of any options, and steps that it is taken through: blocks, kernels, ends, beginnings."""
    channels, block = draw(st.integers(1, 3)), draw(st.integers(1, 100))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    outputs = draw(st.sampled_from([None, channels, 1, 2]))  # None: every channel has its own

    def kernel():
        longest = 12_000 if block > 32 else 600  # which has segments of several sizes
        taps = draw(st.one_of(st.integers(1, 30), st.integers(1, longest)))
        shape = (taps, channels, outputs) if outputs else (taps, channels)[: draw(st.integers(1, 2))]
        return rng.normal(size=shape).astype(dtype)

    options = {
        "block_size": block,
        "channels": channels,
        "dtype": dtype,
        "latency": draw(st.sampled_from([0, block])),
        "partitions": draw(st.sampled_from(PARTITIONS)),
    }
    sizes = st.one_of(st.just(block), st.integers(0, 5 * block), st.integers(0, 2000))

    def samples():
        values = rng.normal(size=(draw(sizes), channels)).astype(dtype)
        if values.size and draw(st.integers(0, 4)) == 0:
            odd = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
            values.flat[draw(st.integers(0, values.size - 1))] = odd
        return ("process", values)

    def step():
        kind = draw(st.sampled_from(["process"] * 6 + ["set_kernel"] * 2 + ["flush", "reset"]))
        if kind == "process":
            return samples()
        if kind == "set_kernel":
            return (kind, kernel(), draw(st.sampled_from([0, 1, 50, 700])))
        return (kind,)

    first = kernel()
    count = draw(st.integers(1, 10))
    return first, options, [step() for _ in range(count)], draw(st.integers(0, count))


def take(convolver, step):
    """What a step gives."""
    kind, *arguments = step
    if kind == "set_kernel":
        convolver.set_kernel(arguments[0], crossfade=arguments[1])
        return convolver.taps
    return getattr(convolver, kind)(*arguments)


def end(convolver):
    """All that is left in a convolver: what a copy shows of it."""
    return [
        convolver.process(np.ones((7, convolver.channels))),
        convolver.flush(),
        convolver.error_bound(1.0),
    ]


def assert_same(results, expected):
    for one, other in zip(results, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_copied_stream_goes_on_where_it_stood_to_the_same_bits(engine):
    @given(courses(), st.sampled_from(sorted(COPIES)))
    def run(course, how):
        kernel, options, steps, at = course
        alone = StreamingConvolver(kernel, **options)
        original = StreamingConvolver(kernel, **options)
        for step in steps[:at]:
            take(alone, step)
            take(original, step)
        copied = COPIES[how](original)
        assert repr(copied) == repr(original)
        assert copied.outputs == original.outputs
        expected = [*(take(alone, step) for step in steps[at:]), *end(alone)]
        # First the one and then the other, so that anything they shared would show.
        assert_same([*(take(copied, step) for step in steps[at:]), *end(copied)], expected)
        assert_same([*(take(original, step) for step in steps[at:]), *end(original)], expected)

    run()


@pytest.mark.parametrize("shape", [(12_000,), (6000, 2), (6000, 2, 2), (3000, 2, 1)])
@pytest.mark.parametrize("block", [16, 64])
def test_a_stream_is_copied_in_the_middle_of_its_work_on_long_blocks(shape, block, engine):
    """The work on a long block is spread over the calls that follow, and a crossfade has two kernels."""
    rng = np.random.default_rng(0)
    kernel, other = rng.normal(size=shape), rng.normal(size=shape)
    channels = 1 if len(shape) == 1 else shape[1]
    signal = rng.normal(size=(6000, channels))
    alone = StreamingConvolver(kernel, block_size=block, channels=channels, partitions="nonuniform")
    assert "," in alone.partitioning

    def take(convolver, start):
        if start == 3000:
            convolver.set_kernel(other, crossfade=1200)
        return convolver.process(signal[start : start + 500])

    starts = range(0, len(signal), 500)
    copies, expected = [], []
    for start in starts:
        copies.append(copy.deepcopy(alone))
        expected.append(take(alone, start))
    tail = alone.flush()
    for number, copied in enumerate(copies):
        assert_same([take(copied, start) for start in starts[number:]], expected[number:])
        assert_same([copied.flush()], [tail])
