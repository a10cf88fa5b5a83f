"""Layers against nested loops, their gradients against differences, pooling, sizes, Toeplitz matrices."""

import itertools
import math

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fftconv
from fftconv import layers
from fftconv._native import core
from fftconv.layers.engines import LAYER_ENGINES, Sum, choose
from fftconv.layers.padding import LAYER_BOUNDARIES
from fftconv.layers.shapes import read_axes

METHODS = [name for name in LAYER_ENGINES if name != "direct" or core is not None]


def close(measured, expected, scale):
    """Within a multiple of the rounding of sums of this magnitude."""
    eps = np.finfo(measured.dtype).eps
    np.testing.assert_allclose(measured, expected, rtol=0, atol=64 * eps * scale)


@st.composite
def layer(draw):
    """Shapes, options and the padding that they come to."""
    spatial = draw(st.integers(1, 3))
    groups = draw(st.integers(1, 3))
    channels, kernels = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    most = {1: 9, 2: 6, 3: 4}[spatial]
    each = st.tuples(*[st.integers(1, 3)] * spatial)
    taps, dilation, stride = draw(each), draw(each), draw(each)
    before, after = (draw(st.tuples(*[st.integers(0, 3)] * spatial)) for _ in range(2))
    sizes = [
        max(draw(st.integers(1, most)), (taps[a] - 1) * dilation[a] + 1 - before[a] - after[a])
        for a in range(spatial)
    ]
    return {
        "x": (draw(st.integers(1, 2)), channels, *sizes),
        "weights": (kernels, channels // groups, *taps),
        "options": {
            "stride": stride,
            "dilation": dilation,
            "groups": groups,
            "flip": draw(st.booleans()),
            "boundary": draw(st.sampled_from(LAYER_BOUNDARIES)),
        },
        "before": before,
        "after": after,
        "seed": draw(st.integers(0, 2**32 - 1)),
    }


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@settings(max_examples=25)
@given(case=layer())
def test_layer_is_its_definition(method, dtype, case):
    if dtype == "complex128" and method == "direct":
        pytest.skip("of real numbers alone")
    rng = np.random.default_rng(case["seed"])
    x, weights = (rng.integers(-9, 10, case[name]).astype(dtype) for name in ("x", "weights"))
    if dtype == "complex128":
        weights = weights * (1 - 2j)
    fill = 3 if case["options"]["boundary"] == "constant" else 0
    for array in (x, weights):
        array.flags.writeable = False
    y = layers.conv_layer(
        x, weights, **case["options"], padding=list(zip(case["before"], case["after"], strict=True)),
        fill_value=fill, method=method,
    )  # fmt: skip
    real = weights.real
    expected = oracle.conv_layer(
        x.real, real, before=case["before"], after=case["after"], fill_value=fill, **case["options"]
    ).astype(float)
    if dtype == "complex128":
        expected = expected * (1 - 2j)
    assert y.dtype == dtype
    assert y.shape == expected.shape
    close(y, expected, 81 * 3 * math.prod(weights.shape[1:]))


@settings(max_examples=25)
@given(case=layer())
def test_integers_are_exact(case):
    rng = np.random.default_rng(case["seed"])
    x, weights = (rng.integers(-(2**25), 2**25, case[name]) for name in ("x", "weights"))
    bias = rng.integers(-(2**40), 2**40, len(weights))
    options = case["options"]
    y = layers.conv_layer(
        x, weights, bias, **options, padding=list(zip(case["before"], case["after"], strict=True))
    )
    expected = oracle.conv_layer(x, weights, before=case["before"], after=case["after"], **options)
    assert y.dtype == np.int64
    assert np.array_equal(y, expected + bias.reshape(-1, *(1,) * (x.ndim - 2)))


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15)
@given(case=layer())
def test_gradients_are_differences(method, case):
    """L = sum(r y) is linear in each argument, so that differences of any size are its gradient."""
    rng = np.random.default_rng(case["seed"])
    x, weights = (rng.normal(size=case[name]) for name in ("x", "weights"))
    options = case["options"] | {"padding": list(zip(case["before"], case["after"], strict=True))}
    options |= {"fill_value": 2.5} if options["boundary"] == "constant" else {}
    y = layers.conv_layer(x, weights, np.zeros(len(weights)), **options)
    r = rng.normal(size=y.shape)
    back = layers.conv_layer_backward(r, x, weights, **options, method=method)
    assert (back.x.shape, back.weights.shape) == (x.shape, weights.shape)
    scale = 100.0 * r.size * weights.size
    np.testing.assert_allclose(back.bias, r.sum((0, *range(2, r.ndim))), atol=1e-12)
    for name, array in (("x", x), ("weights", weights)):
        for index in itertools.islice(np.ndindex(array.shape), 12):
            unit = np.zeros_like(array)
            unit[index] = 1
            moved = {"x": x, "weights": weights, name: unit}
            difference = (r * layers.conv_layer(moved["x"], moved["weights"], **options)).sum()
            moved[name] = np.zeros_like(array)  # what is not linear: the padding
            difference -= (r * layers.conv_layer(moved["x"], moved["weights"], **options)).sum()
            close(np.array(getattr(back, name)[index]), difference, scale)


_PADS = {"nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap"}


def exact_gradients(g, x, weights, before, after, options, fill):
    """Nested loops over Python's integers: gradients of input, weights and bias."""
    g, x, weights = (array.astype(object) for array in (g, x, weights))
    places = np.arange(math.prod(x.shape[2:])).reshape(x.shape[2:])
    mode = _PADS.get(options["boundary"])
    fixed = {} if mode else {"constant_values": -1}
    places = np.pad(places, list(zip(before, after, strict=True)), mode or "constant", **fixed)
    spatial = tuple(range(2, weights.ndim))
    laid = np.flip(weights, spatial) if options["flip"] else weights
    of_x, of_weights = (np.zeros(array.shape, object) for array in (x, weights))
    flat, of_flat = (array.reshape(*x.shape[:2], -1) for array in (x, of_x))
    seen, kernels = weights.shape[1], len(weights) // options["groups"]
    for n, o, *p in np.ndindex(g.shape):
        for c, *i in np.ndindex(weights.shape[1:]):
            at = tuple(
                a * s + b * d
                for a, s, b, d in zip(p, options["stride"], i, options["dilation"], strict=True)
            )
            channel, source = o // kernels * seen + c, places[at]
            sample = flat[n, channel, source] if source >= 0 else fill
            of_weights[(o, c, *i)] += g[(n, o, *p)] * sample
            if source >= 0:
                of_flat[n, channel, source] += g[(n, o, *p)] * laid[(o, c, *i)]
    of_weights = np.flip(of_weights, spatial) if options["flip"] else of_weights
    return of_x, of_weights, g.sum(axis=(0, *range(2, g.ndim)))


def integer_dtype(one, other):
    """uint64 for uint64 and what has no sign, otherwise int64."""
    kinds = {np.dtype(one).kind, np.dtype(other).kind}
    return np.dtype(np.uint64 if np.uint64 in (one, other) and "i" not in kinds else np.int64)


_INTEGERS = (np.bool_, np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64)


@settings(max_examples=150)
@given(
    case=layer(),
    dtypes=st.tuples(*[st.sampled_from(_INTEGERS)] * 3),
    bits=st.tuples(*[st.sampled_from([2, 8, 20, 29, 31, 34, 58, 62, 63])] * 3),
    method=st.sampled_from(["auto", "convolve"]),
)
def test_gradients_of_integers_are_exact_or_raise(case, dtypes, bits, method):
    rng = np.random.default_rng(case["seed"])
    options = case["options"]
    padding = list(zip(case["before"], case["after"], strict=True))
    shape = layers.conv_layer(
        np.ones(case["x"]), np.ones(case["weights"]), padding=padding, **options
    ).shape
    arrays = []
    for dtype, of_each, size in zip(dtypes, bits, (shape, case["x"], case["weights"]), strict=True):
        high = 1 if dtype is np.bool_ else min(2**of_each, int(np.iinfo(dtype).max))
        low = 0 if np.dtype(dtype).kind in "bu" else -high
        arrays.append(
            rng.integers(low, high, size, np.int64 if low < 0 else np.uint64, endpoint=True).astype(dtype)
        )
    fill = 3 if options["boundary"] == "constant" else 0
    of_padded = np.int64 if fill and dtypes[1] is np.bool_ else dtypes[1]
    exact = exact_gradients(*arrays, case["before"], case["after"], options, fill)
    wanted = [integer_dtype(dtypes[0], other) for other in (dtypes[2], of_padded, dtypes[0])]
    fits = all(
        np.iinfo(dtype).min <= value <= np.iinfo(dtype).max
        for dtype, array in zip(wanted, exact, strict=True) for value in array.flat
    )  # fmt: skip
    call = {"padding": padding, "fill_value": fill, "method": method, **options}
    if not fits:
        with pytest.raises(OverflowError, match=r"does not fit u?int64.*asarray\(\w+, object\)"):
            layers.conv_layer_backward(*arrays, **call)
        found = layers.conv_layer_backward(*(array.astype(object) for array in arrays), **call)
        wanted = [np.dtype(object)] * 3
    else:
        found = layers.conv_layer_backward(*arrays, **call)
    for each, dtype, expected in zip(found, wanted, exact, strict=True):
        assert each.dtype == dtype
        assert np.array_equal(each.astype(object), expected)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "convolve"])
def test_methods_that_round_refuse_gradients_of_integers(method):
    with pytest.raises(
        ValueError, match=rf"method='{method}' does not compute in int64; pass method='conv"
    ):
        layers.conv_layer_backward([[[1, 1]]], [[[1, 2, 3]]], [[[1, 1]]], method=method)


def test_integer_gradients_beyond_2_to_53_are_exact():
    back = layers.conv_layer_backward([[[2**53 + 1, 1]]], [[[1, 2, 3]]], [[[1, 1]]])
    assert back.x.tolist() == [[[2**53 + 1, 2**53 + 2, 1]]]
    assert back.weights.tolist() == [[[2**53 + 3, 2**54 + 5]]]
    assert back.bias.tolist() == [2**53 + 2]


def test_what_padding_alone_would_overflow_is_exact():
    """The gradient at a padded sample is beyond int64, and that of the sample it was copied from is not."""
    g, x, weights = [[[2**62, 0, 2**62]]], [[[1]]], [[[4, -3, 0]]]
    with pytest.raises(OverflowError, match="does not fit int64"):
        layers.conv_layer_backward(g, x, weights, padding=2, boundary="nearest")
    back = layers.conv_layer_backward([[[2**61, 0, 0]]], x, [[[8, -7, 0]]], padding=2, boundary="nearest")
    assert back.x.tolist() == [[[2**61]]]


@pytest.mark.parametrize(("dtype", "fill", "expected"), [
    (np.uint8, -5, [-4, 2, 2, -4]), (np.uint8, 300, [301, 2, 2, 301]), (bool, 3, [4, 2, 2, 4]),
    (np.uint64, 2**40, [2**40 + 1, 2, 2, 2**40 + 1]),
])  # fmt: skip
def test_padding_of_integers_may_be_any_integer(dtype, fill, expected):
    x = np.ones((1, 1, 3), dtype)
    y = layers.conv_layer(x, [[[1, 1]]], padding=1, boundary="constant", fill_value=fill)
    assert y.tolist() == [[expected]]
    with pytest.raises(OverflowError, match=r"fill_value=-1 and x .uint64. do not fit one dtype"):
        layers.conv_layer(
            np.full((1, 1, 1), 2**63, np.uint64), [[[0]]], padding=1, boundary="constant", fill_value=-1
        )


@pytest.mark.skipif(core is None, reason="needs the native core")
@pytest.mark.parametrize("level", core.levels() if core is not None else [])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=60)
@given(data=st.data())
def test_the_core_on_every_instruction_set(level, dtype, data):
    """Any cut of the work, with steps between samples, gives the same bits, and what matrices give."""
    shape = (
        *data.draw(st.tuples(*[st.integers(1, 3)] * 2)),
        *data.draw(st.tuples(*[st.integers(20, 90)] * 2)),
    )
    taps, stride, dilation = (data.draw(st.tuples(*[st.integers(1, n)] * 2)) for n in (7, 4, 3))
    kernels = data.draw(st.integers(1, 19))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x = rng.normal(size=(*shape[:3], 2 * shape[3])).astype(dtype)[
        :, ::-1, :, :: data.draw(st.sampled_from([2, -2]))
    ]
    weights = rng.normal(size=(kernels, shape[1], *taps)).astype(dtype)
    bias = rng.normal(size=kernels).astype(dtype)
    options = {
        "stride": stride, "dilation": dilation, "padding": data.draw(st.tuples(*[st.integers(0, 9)] * 2)),
        "boundary": data.draw(st.sampled_from(LAYER_BOUNDARIES)),
    }  # fmt: skip
    before = core.level()
    core.use_level(level)
    try:
        y = layers.conv_layer(x, weights, bias, **options, method="direct", workers=1)
        for workers in (2, 7):
            again = layers.conv_layer(x, weights, bias, **options, method="direct", workers=workers)
            assert np.array_equal(y, again)
    finally:
        core.use_level(before)
    expected = layers.conv_layer(x.astype(float), weights.astype(float), bias, **options, method="patches")
    close(y, expected, np.sqrt(weights[0].size) * 10)


@pytest.mark.skipif(core is None, reason="needs the native core")
def test_wide_lines_and_many_channels_are_cut():
    rng = np.random.default_rng(8)
    for shape, taps in (
        ((1, 2, 70_001), (5, 2, 9)),
        ((1, 700, 3, 5), (33, 700, 3, 3)),
        ((2, 3, 9, 8, 7), (3, 3, 2, 3, 4)),
    ):
        x, weights = rng.normal(size=shape), rng.normal(size=taps)
        y = layers.conv_layer(x, weights, padding=2, stride=2, method="direct")
        np.testing.assert_allclose(
            y, layers.conv_layer(x, weights, padding=2, stride=2, method="patches"), atol=1e-10
        )


def test_against_torch_where_it_is():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    x = torch.tensor(rng.normal(size=(2, 6, 13, 12)), requires_grad=True)
    weights = torch.tensor(rng.normal(size=(8, 3, 3, 4)), requires_grad=True)
    bias = torch.tensor(rng.normal(size=8), requires_grad=True)
    options = {"stride": (2, 1), "padding": (1, 2), "dilation": (2, 1), "groups": 2}
    y = torch.nn.functional.conv2d(x, weights, bias, **options)
    r = torch.tensor(rng.normal(size=y.shape))
    (y * r).sum().backward()
    arrays = [each.detach().numpy() for each in (x, weights, bias)]
    np.testing.assert_allclose(layers.conv_layer(*arrays, **options), y.detach().numpy(), atol=1e-11)
    back = layers.conv_layer_backward(r.numpy(), *arrays[:2], **options)
    for ours, theirs in zip(back, (x, weights, bias), strict=True):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_a_nan_and_an_infinity_stay_in_their_receptive_fields(method):
    x = np.ones((1, 2, 30, 30))
    x[0, 1, 10, 10], x[0, 0, 20, 25] = np.nan, np.inf
    y = layers.conv_layer(x, np.ones((3, 2, 3, 3)), method=method)
    expected = np.full(y.shape, 18.0)
    expected[:, :, 8:11, 8:11], expected[:, :, 18:21, 23:26] = np.nan, np.inf
    np.testing.assert_allclose(y, expected, rtol=1e-12)


def test_infinite_weights_stay_where_they_are_in_the_way_back():
    back = layers.conv_layer_backward(np.ones((1, 1, 3)), np.ones((1, 1, 6)), [[[1.0, np.inf]]], stride=2)
    assert back.x.tolist() == [[[1, np.inf] * 3]]
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 4, 9, 8)), rng.normal(size=(6, 2, 3, 2))
    options = {"stride": (2, 1), "padding": 1, "dilation": (1, 2), "groups": 2}
    g = rng.normal(size=layers.conv_layer(x, w, **options).shape)
    plain = layers.conv_layer_backward(g, x, w, **options).x
    w[3, 1, 2, 1] = np.nan
    spoilt = layers.conv_layer_backward(g, x, w, **options).x
    assert np.isnan(spoilt).any()
    np.testing.assert_allclose(spoilt[~np.isnan(spoilt)], plain[~np.isnan(spoilt)], atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_strides_and_dilations_of_any_size(method):
    x, w = np.arange(2.0 * 40).reshape(1, 2, 40), np.ones((3, 2, 2))
    for stride in (39, 40, 10**6, 2**63 - 1):
        y = layers.conv_layer(x, w, stride=stride, method=method)
        assert y.shape == (1, 3, 1)
        assert y[0, 0, 0] == pytest.approx(0 + 1 + 40 + 41)
    far = layers.conv_layer(x, w, dilation=38, stride=1, method=method)
    np.testing.assert_allclose(far[0, 0], [0 + 38 + 40 + 78, 1 + 39 + 41 + 79])


def test_the_engine_does_not_depend_on_workers():
    for taps in range(5, 120, 9):
        rng = np.random.default_rng(taps)
        x, w = rng.normal(size=(1, 8, 5000)).astype("f4"), rng.normal(size=(2, 8, taps)).astype("f4")
        first = layers.conv_layer(x, w, workers=1)
        assert all(np.array_equal(first, layers.conv_layer(x, w, workers=n)) for n in (2, 16))


def test_same_gives_an_output_for_each_stride():
    for size, taps, stride, dilation in itertools.product(range(1, 9), (1, 2, 3, 4), (1, 2, 3), (1, 2)):
        y = layers.conv_layer(
            np.ones((1, 1, size)), np.ones((1, 1, taps)),
            padding="same", stride=stride, dilation=dilation, strict=True,
        )  # fmt: skip
        assert y.shape[2] == -(-size // stride)
    assert layers.conv_layer([[[1, 2, 3]]], [[[1, 10]]], padding="same").tolist() == [[[21, 32, 3]]]


def test_flip_is_convolution():
    x, k = np.arange(7.0), np.array([1.0, 2.0, 4.0])
    flipped = layers.conv_layer(x[None, None], k[None, None], flip=True)[0, 0]
    np.testing.assert_allclose(flipped, fftconv.convolve(x, k, mode="valid"), rtol=1e-14)
    laid = layers.conv_layer(x[None, None], k[None, None])[0, 0]
    np.testing.assert_allclose(laid, fftconv.correlate(x, k, mode="valid"), rtol=1e-14)


def test_half_precision_and_mixed_kinds():
    x, w = np.ones((1, 1, 4), np.float16), np.ones((1, 1, 2), np.float16)
    assert layers.conv_layer(x, w).dtype == np.float32
    assert layers.conv_layer(x.astype(np.uint8), w).dtype == np.float32
    assert layers.conv_layer(x.astype(int), w.astype(int), [0.5]).tolist() == [[[2.5, 2.5, 2.5]]]
    big = np.full((1, 1, 2), 2**62, object)
    assert layers.conv_layer(big, np.ones((1, 1, 2), int) * 4).tolist() == [[[2**65]]]
    with pytest.raises(OverflowError, match="does not fit int64"):
        layers.conv_layer(big.astype(np.int64), np.full((1, 1, 2), 2))
    with pytest.raises(OverflowError, match="with its bias does not fit int64"):
        layers.conv_layer(big.astype(np.int64), np.ones((1, 1, 1), int), [2**62])


def test_the_choice_goes_with_the_kernel():
    """Small kernels are products of matrices; large ones of which there are many are transformed."""

    def chosen(batch, channels, size, kernels, taps, dtype="float32"):
        axes = read_axes((size, size), (taps, taps), 1, 0, 1, False)
        shapes = (batch, 1, channels, size, size), (1, kernels, channels, taps, taps)
        x, weights = (np.broadcast_to(np.zeros((), dtype), shape) for shape in shapes)
        return choose(Sum(x, weights, axes, "zero", 0, None))

    assert chosen(8, 64, 58, 64, 3) == ("direct" if core is not None else "patches")
    assert chosen(8, 64, 86, 64, 31) == "spectra"
    assert chosen(8, 64, 58, 64, 3, "complex64") == "patches"
    assert chosen(8, 64, 58, 64, 3, "int64") == "convolve"


# ------------------------------------------------------------------------------------------------- sizes


def test_sizes_of_the_examples():
    assert layers.output_size(13, 3, stride=2) == 6
    assert layers.output_size((10, 5), (3, 3)) == (8, 3)
    assert layers.output_size((10, 5), 3, padding=1) == (10, 5)
    assert layers.output_size(10, 3, stride=2, strict=False) == 4
    assert layers.output_size(7, 3, padding="same", stride=2) == 4
    assert layers.output_size(np.array([10, 5]), 3) == (8, 3)
    with pytest.raises(ValueError, match="is impossible"):
        layers.output_size(10, 3, stride=2, padding="valid")


@given(
    size=st.integers(1, 60), taps=st.integers(1, 9), stride=st.integers(1, 7),
    padding=st.integers(0, 9), dilation=st.integers(1, 3),
)  # fmt: skip
def test_what_is_refused_says_what_is_possible(size, taps, stride, padding, dilation):
    room = size - ((taps - 1) * dilation + 1) + 2 * padding
    arguments = {"stride": stride, "padding": padding, "dilation": dilation}
    if room >= 0 and room % stride == 0:
        assert layers.output_size(size, taps, **arguments) == room // stride + 1
        return
    with pytest.raises(ValueError, match="fewer than|impossible") as caught:
        layers.output_size(size, taps, **arguments)
    message = str(caught.value)
    if "impossible" not in message:
        assert room < 0
        return
    cures = message.split("nearest possible: ")[1].split("; or pass")[0]
    for cure in cures.split(", "):
        name, values = cure.split("=")
        assert values, message
        for value in values.split(" or "):
            changed = {"size": size, **arguments} | {{"input": "size"}.get(name, name): int(value)}
            layers.output_size(changed.pop("size"), taps, **changed)


def test_parameters_against_a_fully_connected_layer():
    count = layers.count_parameters((3, 256, 256), 16, 3, padding="same")
    assert count.weights_per_neuron == 196_608
    assert (count.weights, count.biases) == (16 * 3 * 9, 16)
    assert count.output_shape == (16, 256, 256)
    assert count.fully_connected_weights == 196_608 * 16 * 256 * 256
    assert layers.count_parameters((4, 8), 4, 3, groups=4, bias=False).weights == 12


# ----------------------------------------------------------------------------------------------- pooling


@pytest.mark.parametrize("kind", ["max", "average", "sum"])
@pytest.mark.parametrize("dtype", ["float64", "int32", "bool"])
@settings(max_examples=30)
@given(data=st.data())
def test_pooling_is_its_definition(kind, dtype, data):
    spatial = data.draw(st.integers(1, 2))
    sizes = data.draw(st.tuples(*[st.integers(1, 9)] * spatial))
    stride = data.draw(st.tuples(*[st.integers(1, 4)] * spatial))
    padding = [(data.draw(st.integers(0, s - 1)), data.draw(st.integers(0, s - 1))) for s in sizes]
    shape = [max(data.draw(st.integers(1, 9)), s - b - a) for s, (b, a) in zip(sizes, padding, strict=True)]
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x = rng.integers(-50, 50, (2, 1, *shape)).astype(dtype)
    count_padding = data.draw(st.booleans())
    y = layers.pool(x, sizes, kind=kind, stride=stride, padding=padding, count_padding=count_padding)
    for n, _, *where in np.ndindex(y.shape):
        window = [
            range(max(w * s - b, 0), min(w * s - b + size, length))
            for w, s, (b, _), size, length in zip(where, stride, padding, sizes, shape, strict=True)
        ]
        values = x[n, 0][np.ix_(*window)]
        if values.size == 0:  # behind the last sample: nothing but padding
            continue
        total = int(values.sum(dtype=int))
        number = math.prod(sizes) if count_padding else values.size
        expected = {"max": values.max(), "sum": total, "average": total / number}[kind]
        assert y[(n, 0, *where)] == pytest.approx(expected, abs=1e-10)


def test_pooling_keeps_what_it_should():
    x = np.array([[[np.nan, 1.0, -5.0, -3.0]]])
    assert np.array_equal(layers.pool(x, 2), [[[np.nan, -3.0]]], equal_nan=True)
    assert layers.pool(np.array([[[3, 200]]], np.uint8), 2).dtype == np.uint8
    halves = layers.pool(np.array([[[2**70, 2**70 + 2]]], object), 2, kind="average")
    assert halves.tolist() == [[[(2**71 + 2) / 2]]]
    uints = np.array([[[2**63, 2**62]]], np.uint64)
    assert layers.pool(uints, 2, kind="sum").tolist() == [[[2**63 + 2**62]]]
    big = np.full((1, 1, 4), 2**62)
    assert layers.pool(big, 2, kind="average").tolist() == [[[2.0**62] * 2]]
    with pytest.raises(OverflowError):
        layers.pool(big, 2, kind="sum")
    wide = np.random.default_rng(0).normal(size=(1, 2, 50, 400))
    largest = layers.pool(wide, (7, 101), stride=1)
    expected = np.lib.stride_tricks.sliding_window_view(wide, (7, 101), (2, 3)).max((-1, -2))
    assert np.array_equal(largest, expected)


# ---------------------------------------------------------------------------------------------- Toeplitz


@settings(max_examples=80)
@given(data=st.data())
def test_the_matrix_is_the_convolution(data):
    ndim = data.draw(st.integers(1, 3))
    most = {1: 12, 2: 6, 3: 4}[ndim]
    shape, taps = (data.draw(st.tuples(*[st.integers(1, most)] * ndim)) for _ in range(2))
    mode = data.draw(st.sampled_from(["full", "same", "valid"]))
    boundary = "zero"
    if mode == "valid":
        taps = tuple(min(t, s) for t, s in zip(taps, shape, strict=True))
    else:
        boundary = data.draw(st.sampled_from([name for name in LAYER_BOUNDARIES if name != "constant"]))
    stride = data.draw(st.integers(1, 3))
    dilation = 1 if mode == "valid" else data.draw(st.integers(1, 3))
    options = {"boundary": boundary, "stride": stride, "dilation": dilation}
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    dtype = data.draw(st.sampled_from(["int64", "int8", "bool", "uint8", "float16"]))
    x, k = (rng.integers(-100, 100, sides).astype(dtype) for sides in (shape, taps))
    matrix = layers.toeplitz_matrix(k, shape, mode, **options)
    y = fftconv.convolve(x, k, mode=mode, **options)
    assert matrix.dtype == y.dtype
    np.testing.assert_allclose((matrix @ x.ravel().astype(y.dtype)).reshape(y.shape), y, rtol=1e-5)
    assert matrix.shape == (y.size, x.size)


def test_weights_repeat_and_most_entries_are_none():
    matrix = layers.toeplitz_matrix([0.5, -0.25, 2.0], 100, "same")
    assert matrix.nnz == 298
    assert set(matrix.data) == {0.5, -0.25, 2.0}


# -------------------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": np.ones((1, 3, 9, 9)), "weights": np.ones((4, 2, 3, 3))},
         r"x has shape \(1, 3, 9, 9\) \(N, C, height, width\) and weights \(4, 2, 3, 3\) \(O, C, height, "
         r"width\): with groups=1 a kernel sees 3 of 3 channels, and these weights are for 2; pass weights "
         r"of shape \(4, 3, 3, 3\)$"),
        ({"x": np.ones((1, 4, 9)), "weights": np.ones((4, 2, 3))}, "or groups=2$"),
        ({"x": np.ones((1, 4, 9)), "weights": np.ones((6, 2, 3)), "groups": 3},
         r"groups=3 does not divide 4 channels: x has shape .* accepted are 1, 2$"),
        ({"x": np.ones((1, 4, 9)), "weights": np.ones((6, 1, 3)), "groups": 4}, "not divide 6 kernels"),
        ({"x": np.ones((4, 9)), "weights": np.ones((1, 4, 3))}, r"x\[np.newaxis\]"),
        ({"stride": -1}, r"stride=-1 is not accepted; pass a whole number from 1, or 2 of them"),
        ({"stride": (1, 2, 3)}, r"stride=\(1, 2, 3\) is not accepted"),
        ({"dilation": 0}, "dilation=0 is not accepted"),
        ({"padding": "some"}, "padding='some' is not accepted; pass 'same', 'valid' or numbers"),
        ({"padding": (1, 2, 3)}, r"padding=\(1, 2, 3\) is not accepted; pass 'same'"),
        ({"padding": -1}, r"padding holds -1; accepted are a whole number from 0 and a pair"),
        ({"padding": 0, "weights": np.ones((1, 2, 12, 3))},
         "input=9 with padding=0 is 9 samples along spatial axis 0, fewer than the 12 .* of at least 2"),
        ({"boundary": "missing"}, "boundary='missing' is not accepted"),
        ({"fill_value": 3}, "fill_value=3 has no effect"),
        ({"method": "fft"}, "method='fft' is not accepted; choose one of 'auto', 'direct'"),
        ({"workers": 0}, "workers=0 is not accepted"),
        ({"bias": np.ones(3)}, r"bias has shape \(3,\), accepted is \(1,\), one for each kernel"),
        ({"strict": True, "stride": 4}, "is impossible along spatial axis 0"),
    ],
)  # fmt: skip
def test_what_a_layer_refuses(arguments, message):
    given = {"x": np.ones((1, 2, 9, 9)), "weights": np.ones((1, 2, 3, 3))} | arguments
    with pytest.raises(ValueError, match=message):
        layers.conv_layer(**given)


def test_what_else_is_refused():
    x, w = np.ones((1, 2, 9)), np.ones((1, 2, 3))
    with pytest.raises(TypeError, match=r"stride=1.5 is not accepted"):
        layers.conv_layer(x, w, stride=1.5)
    with pytest.raises(ValueError, match="method='patches' does not compute in int64"):
        layers.conv_layer(x.astype(int), w.astype(int), method="patches")
    with pytest.raises(ValueError, match=r"gradient has shape \(1, 1, 3\), the output .*\(1, 1, 7\)"):
        layers.conv_layer_backward(np.ones((1, 1, 3)), x, w)
    with pytest.raises(TypeError, match="accepted are real numbers"):
        layers.conv_layer_backward(np.ones((1, 1, 7)), x * 1j, w)
    with pytest.raises(ValueError, match="less than the size of the windows"):
        layers.pool(x, 2, padding=2)
    with pytest.raises(ValueError, match=r"is for the axes behind \(N, C\); pass size=\(2, 2\)"):
        layers.pool(np.ones((4, 4)), 2)
    with pytest.raises(ValueError, match=r"has 3 numbers and x 2 axes"):
        layers.pool(np.ones((4, 4)), (2, 2, 2))
    with pytest.raises(TypeError, match="accepted for the largest are real numbers"):
        layers.pool(x * 1j, 2)
    with pytest.raises(ValueError, match="kind='median' is not accepted"):
        layers.pool(x, 2, kind="median")
    with pytest.raises(ValueError, match="input_shape"):
        layers.count_parameters((3,), 1, 3)
    with pytest.raises(ValueError, match="groups=2 does not divide 3 channels"):
        layers.count_parameters((3, 9), 2, 3, groups=2)
    with pytest.raises(ValueError, match="boundary='wrap' has no effect with mode='valid'"):
        layers.toeplitz_matrix([1, 2], 5, "valid", boundary="wrap")
    with pytest.raises(TypeError, match="no sparse matrices"):
        layers.toeplitz_matrix(np.array([1, 2], object), 5)
    with pytest.raises(ValueError, match=r"shape=\(5, 5\) is not accepted"):
        layers.toeplitz_matrix([1, 2], (5, 5))


def test_errors_about_large_integers_name_arguments_and_cures_that_work():
    ones, large = np.ones((1, 1, 3), int), np.full((1, 1, 3), 2**62)
    taps = np.full((1, 1, 2), 4)
    with pytest.raises(OverflowError, match=r"convert x with numpy\.asarray\(x, object\)"):
        layers.conv_layer(large, taps)
    assert layers.conv_layer(large.astype(object), taps).tolist() == [[[2**65] * 2]]
    beyond = {"padding": 1, "boundary": "constant", "fill_value": 2**70}
    with pytest.raises(OverflowError, match=r"not fit int64; convert x with numpy\.asarray\(x, object"):
        layers.conv_layer(ones, taps, **beyond)
    assert layers.conv_layer(ones.astype(object), taps, **beyond).flat[0] == 4 + 2**72
    for fill, words in (
        (1.5, r"convert x with numpy.asarray\(x, float\)"),
        (1j, "pass a real one, or convert x "),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            layers.conv_layer(ones, taps, padding=1, boundary="constant", fill_value=fill)
        with pytest.raises((TypeError, ValueError), match=words):
            layers.conv_layer_backward(
                np.ones((1, 1, 4)), ones, taps, padding=1, boundary="constant", fill_value=fill
            ) if fill == 1j else layers.conv_layer_backward(
                np.ones((1, 1, 4), int), ones, taps, padding=1, boundary="constant", fill_value=fill
            )
    gradient = np.full((1, 1, 2), 2**40)
    for arrays in ((gradient, large, taps), (gradient, ones, 2**40 * taps)):
        with pytest.raises(OverflowError, match=r"convert the gradient with numpy\.asarray\(grad"):
            layers.conv_layer_backward(*arrays)
        found = layers.conv_layer_backward(gradient.astype(object), *arrays[1:])
        assert found.x.flat[0] == 2**40 * int(arrays[2].flat[0])
        assert found.weights.flat[0] == 2 * 2**40 * int(arrays[1].flat[0])
