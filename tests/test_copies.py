"""Copies of what a user holds, by pickle, copy and deepcopy: the same bits, and nothing shared."""

import copy
import dataclasses
import inspect
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import fftconv
from fftconv import Filter, FilterBank, StreamingConvolver, audio, image, layers, plotting, probability
from fftconv._engines import stream
from fftconv._partitions import PARTITIONS
from fftconv.probability import Density

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"protocol {n}": lambda held, n=n: pickle.loads(pickle.dumps(held, n)) for n in range(2, 6)},
}


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


@pytest.mark.parametrize("shape", [(12_000,), (6000, 2), (3000, 2, 2)])
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


class Annotated(StreamingConvolver):
    """A stream of a user, with something of its own."""

    def __init__(self, kernel, name):
        super().__init__(kernel, block_size=4, latency=4)
        self.name = name


def test_a_subclass_keeps_what_it_has_added(engine):
    mine = Annotated([1.0, 2.0], "left")
    mine.process([1.0])
    for how in COPIES.values():
        copied = how(mine)
        assert type(copied) is Annotated
        assert copied.name == "left"
        np.testing.assert_array_equal(copied.process(np.zeros(9)), [0, 0, 0, 1, 2, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [(Filter, ([1.0, 2.0],)), (FilterBank, ([[1.0, 2.0]],)), (StreamingConvolver, ([1.0, 2.0],))],
)
def test_a_subclass_may_have_slots(kind, arguments, engine):
    options = {"block_size": 2} if kind is StreamingConvolver else {}
    for how in COPIES.values():
        mine = WITH_SLOTS[kind](*arguments, **options)
        mine.name, mine.other = "left", [1]
        copied = how(mine)
        assert (type(copied), copied.name, copied.other) == (type(mine), "left", [1])
        assert results(copied) == results(mine)


class SlottedFilter(Filter):
    __slots__ = ("name",)


class SlottedBank(FilterBank):
    __slots__ = ("name",)


class SlottedStream(StreamingConvolver):
    __slots__ = ("name",)


WITH_SLOTS = {Filter: SlottedFilter, FilterBank: SlottedBank, StreamingConvolver: SlottedStream}


def leaves(state, path=()):
    """The paths to all that a state is made of, and what stands there."""
    inner = (
        state.items()
        if isinstance(state, dict)
        else enumerate(state)
        if type(state) in (list, tuple)
        else ()
    )
    yield path, state
    for key, value in inner:
        yield from leaves(value, (*path, key))


def replaced(state, path, value):
    if not path:
        return value
    if isinstance(state, dict):
        return {
            key: replaced(each, path[1:], value) if key == path[0] else each for key, each in state.items()
        }
    return type(state)(
        replaced(each, path[1:], value) if place == path[0] else each for place, each in enumerate(state)
    )


def test_a_damaged_state_is_refused_or_gives_a_convolver_that_works(engine):
    """No number or array that a file holds leads outside of the memory of a stream."""
    convolver = StreamingConvolver(
        np.ones((400, 2)), block_size=8, channels=2, partitions="nonuniform", latency=8
    )
    convolver.process(np.full((333, 2), np.inf))
    convolver.set_kernel(np.ones(700), crossfade=50)
    convolver.process(np.ones((21, 2)))
    whole = convolver.__getstate__()
    for voice in whole["_voices"]:
        voice["stream"] = tuple(voice["stream"])
    paths = [path for path, _ in leaves(whole) if path]
    refused = 0

    numbers = (-1, 1, 3, 10**6, 2**40, 2**61, 2**62, -(2**63), 2**63 - 1)
    others = (None, -1, 0, 7, *numbers, 1e300, np.nan, "x", [], {}, np.ones(3), np.ones((8, 3)))

    @st.composite
    def damages(draw):
        path = draw(st.sampled_from(paths))
        there = whole
        for key in path:
            there = there[key]
        if not isinstance(there, np.ndarray):
            return path, draw(st.sampled_from(others))
        changed = there.copy()
        if there.size and draw(st.booleans()):
            changed.flat[draw(st.integers(0, there.size - 1))] = draw(st.sampled_from(numbers))
            return path, changed
        return path, draw(st.sampled_from([there[:-1], there.astype(">f8"), there.astype(bool), *others]))

    @given(damages())
    def run(damage):
        nonlocal refused
        made = StreamingConvolver.__new__(StreamingConvolver)
        try:
            made.__setstate__(replaced(whole, *damage))
        except (ValueError, TypeError):
            refused += 1
            return
        for size in (1, 8, 500):
            assert made.process(np.ones((size, made.channels))).shape == (size, made.outputs)
        assert made.flush().shape[1:] == (made.outputs,)

    run()
    assert refused > 20


def with_core(core, code, **given):
    """What code prints in a process on this core, which finds pickles of what is given in `given`."""
    code = f"import pickle, sys\ngiven = pickle.load(sys.stdin.buffer)\n{code}"
    environment = os.environ | {"FFTCONV_CORE": core}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], input=pickle.dumps(given), capture_output=True, env=environment
    )
    return done.stdout.decode(), done.stderr.decode()


@pytest.mark.skipif(stream.core is None, reason="there is no native core")
def test_another_core_opens_what_stands_between_two_signals_and_names_the_other_where_it_cannot():
    convolver = StreamingConvolver(np.arange(1.0, 2000.0), block_size=16)
    between = pickle.dumps(convolver)
    convolver.process(np.ones(333))
    within = pickle.dumps(convolver)
    here = stream.core.level()
    code = "print(pickle.loads(given['pickled']).process([1.0, 0.0]))"
    assert with_core("python", code, pickled=between)[0] == "[1. 2.]\n"
    assert with_core(here, code, pickled=within)[1] == ""
    error = with_core("python", code, pickled=within)[1]
    assert f"in the middle of a signal on core '{here}' cannot go on with 'python'" in error
    assert "set FFTCONV_CORE to the same core for both, such as python, or copy it after flush()" in error


# All else that a user may hold


def pdf_of_a_module(x):
    return 1 + x


def results(held):
    """What an object gives, as plain values that are equal where all bits are."""
    if isinstance(held, StreamingConvolver):
        going_on = copy.deepcopy(held)
        return content([going_on.process(np.ones(5)), going_on.flush()])
    if isinstance(held, (Filter, FilterBank)):
        kernel = held.kernel if isinstance(held, Filter) else held.kernels[0]
        signal = np.random.default_rng(1).normal(size=(300, 40)[: kernel.ndim])
        return content([held(signal), held(signal.astype(np.float32)), held(signal), repr(held)])
    if isinstance(held, Density):
        x = np.linspace(-5, 5, 101)
        return content([held.cdf(x), held.sf(x), held.pdf(x), held.mean(), held.discretisation_error()])
    if isinstance(held, probability.Pmf):
        return content([held.probabilities, repr(held)])
    return content(held)


def content(held):
    if isinstance(held, np.ndarray):
        return held.dtype.str, held.shape, held.tobytes()
    if dataclasses.is_dataclass(held):
        return type(held), [content(getattr(held, field.name)) for field in dataclasses.fields(held)]
    if isinstance(held, dict):
        return [(key, content(value)) for key, value in held.items()]
    if isinstance(held, (tuple, list)):
        return type(held), [content(each) for each in held]
    return held if type(held).__module__ == "builtins" else repr(held)


def public_objects(folder):
    """One of each public class whose objects are made by functions; all that calls can keep is kept."""
    rng = np.random.default_rng(0)
    tiles = rng.random((30, 30))
    x, k = rng.normal(size=60), rng.normal(size=5)
    picture, sound = folder / "a.png", folder / "a.wav"
    Image.fromarray(np.arange(900, dtype=np.uint8).reshape(30, 30)).save(picture, dpi=(72, 72))
    audio.write(sound, 0.1 * x, 8000)
    quiet = {"repeats": 1, "peers": (), "memory": False, "max_seconds": 0.01}
    plan = fftconv.explain(x, k)
    normal = Density.from_scipy(scipy.stats.norm(1, 2))
    made = {
        "Filter": Filter(k, mode="same", boundary="wrap"),
        "FilterBank": FilterBank([k, -k], method="auto", boundary="constant", fill_value=2.0),
        "bank of columns": FilterBank(rng.normal(size=(2, 3, 4)).transpose(0, 2, 1), axes=(0, 1)),
        "StreamingConvolver": StreamingConvolver(np.ones(900), block_size=8),
        "ConvolutionPlan": plan,
        "Candidate": plan.candidates[0],
        "Profile": fftconv.machine_profile(),
        "Tuning": fftconv.Tuning(fftconv.machine_profile(), None, (("fft", "float64", 3, 1.5, 1.1),)),
        "Comparison": fftconv.compare(x, k, methods=["direct"], **quiet),
        "SizeComparison": fftconv.compare_sizes([16, 32], [5], repeats=1),
        "AudioMetadata": audio.read_with_metadata(sound)[-1],
        "AudioReport": audio.filter_file(sound, folder / "b.wav", audio.smooth, width=3),
        "Detection": audio.detect(x, x[20:40], 8000)[0],
        "FileReport": image.filter_file(picture, folder / "b.png", image.box_blur, size=3),
        "ImageMetadata": image.read_with_metadata(picture)[-1],
        "Gradient": image.gradient(rng.random((9, 9))),
        "TemplateMatches": image.match_template(tiles, tiles[3:9, 5:12]),
        "LayerGradients": layers.conv_layer_backward(np.ones((1, 1, 1, 1)), *np.ones((2, 1, 1, 3, 3))),
        "ParameterCount": layers.count_parameters((3, 32, 32), 4, 3),
        "SlidingAnimation": plotting.animate_sliding(x[:9], k),
        "Pmf": probability.die(6) + probability.poisson(2.0),
        "Pmf of counts": 3 @ probability.die(6),
        "joint Pmf": probability.Pmf(np.full((2, 3), 1 / 6)),
        "Density": 3 - 2 * normal,
        "graded Density": normal + Density.from_scipy(scipy.stats.t(3)),
        "Density of samples": 2 @ Density.from_samples(x),
        "Density of a function": Density.from_pdf(pdf_of_a_module, 0, 1) + 1,
        "kernel Density": Density.from_samples(x, bandwidth=0.4),
    }
    made["Measurement"] = made["Comparison"].measurements[0]
    made["TemplatePeak"] = made["TemplateMatches"].peaks[0]
    made["SlidingFrame"] = made["SlidingAnimation"].frames[0]
    for held in made.values():
        results(held)  # so that there is something kept
    return made


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return public_objects(tmp_path_factory.mktemp("objects"))


def public_names():
    """All that the public modules list."""
    parts = ("", ".audio", ".comparison", ".image", ".kernels", ".layers", ".plotting", ".probability")
    modules = [import_module(f"fftconv{part}") for part in parts]
    return [getattr(module, name) for module in modules for name in module.__all__]


def public_classes():
    return {each for each in public_names() if inspect.isclass(each) and not issubclass(each, Exception)}


def test_functions_and_classes_are_found_by_name():
    for each in filter(callable, public_names()):
        assert pickle.loads(pickle.dumps(each)) is each


def test_every_public_class_is_copied_here(objects):
    assert public_classes() <= {type(held) for held in objects.values()}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_gives_the_same_bits_and_shares_nothing_that_changes(how, objects):
    for name, held in objects.items():
        expected = results(held)
        copied = COPIES[how](held)
        assert type(copied) is type(held), name
        assert results(copied) == expected, name
        assert results(COPIES[how](copied)) == expected, name
        assert results(held) == expected, name


@pytest.mark.parametrize("how", COPIES)
def test_taps_of_a_copied_filter_cannot_be_written_either(how, objects):
    for copied, name in ((COPIES[how](objects[name]), name) for name in ("Filter", "FilterBank")):
        taps = copied.kernel if name == "Filter" else copied.kernels
        assert not taps.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            taps[0] = 1


@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_processes_take_and_give_back_all(start, objects):
    if start not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {start} here")
    expected = {name: results(held) for name, held in objects.items()}
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(start)) as pool:
        there = pool.submit(results_of_all, objects).result(timeout=120)
        back = pool.submit(dict, objects).result(timeout=120)
    assert there == expected
    assert {name: results(held) for name, held in back.items()} == expected


def results_of_all(held):
    return {name: results(each) for name, each in held.items()}


def test_dask_takes_all_into_threads_and_processes_and_knows_them_again(objects):
    dask = pytest.importorskip("dask")
    expected = {name: results(held) for name, held in objects.items()}
    for scheduler in ("threads", "processes"):
        work = dask.delayed(results_of_all)(objects)
        assert work.compute(scheduler=scheduler, num_workers=1) == expected
    for name in ("Filter", "FilterBank"):
        fresh, used = copy.deepcopy(objects[name]), objects[name]
        assert dask.base.tokenize(fresh) == dask.base.tokenize(used), name


def test_dask_maps_a_filter_over_blocks():
    da = pytest.importorskip("dask.array")
    rows = np.random.default_rng(2).normal(size=(6, 50))
    smooth = Filter(np.ones((1, 5)) / 5)
    lazy = da.from_array(rows, chunks=(2, 50)).map_blocks(smooth, dtype=float)
    np.testing.assert_array_equal(lazy.compute(), smooth(rows))


def test_a_density_of_a_function_without_a_name_says_what_pickle_needs():
    density = 2 @ Density.from_pdf(lambda x: 2 * x, 0, 1)
    for protocol in range(2, 6):
        with pytest.raises(pickle.PicklingError, match="<lambda>, pdf of a Density; define it with def at"):
            pickle.dumps(density, protocol)
    assert results(copy.deepcopy(density)) == results(copy.copy(density)) == results(density)
    cloudpickle = pytest.importorskip("cloudpickle")
    assert results(pickle.loads(cloudpickle.dumps(density))) == results(density)
