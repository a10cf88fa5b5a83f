"""Transparent pictures: one colour is filtered as on an opaque picture, under any opacity."""

import inspect
from functools import partial

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from fftconv import image, kernels

_SIDES = (19, 23)
_SLANTED = np.array([[0.5, -2.0, 0.25], [1.0, 3.0, -0.75]])  # sums to 2
_ALL_METHODS = ("auto", "direct", "fft", "overlap_save")
_BOUNDARIES = ("reflect", "mirror", "nearest", "wrap", "zero", "constant", "missing")

# Every filter whose taps have a sum other than 0, with the sum.
_FILTERS = {
    "gaussian_blur": (partial(image.gaussian_blur, sigma=1.3), 1),
    "box_blur": (partial(image.box_blur, size=(3, 4)), 1),
    "disk_blur": (partial(image.disk_blur, radius=2.2), 1),
    "motion_blur": (partial(image.motion_blur, length=7, angle=30), 1),
    "sharpen": (partial(image.sharpen, amount=2), 1),
    "sharpen a little": (partial(image.sharpen, amount=0.3), 1),
    "sharpen by a blur": (partial(image.sharpen, amount=3, sigma=1.5), 1),
    "emboss": (partial(image.emboss, depth=3), 1),
    "apply_kernel": (partial(image.apply_kernel, kernel=_SLANTED), 2),
    "apply_kernel darker": (partial(image.apply_kernel, kernel=np.full((3, 3), 1 / 36)), 0.25),
    "apply_kernel negative": (partial(image.apply_kernel, kernel=-_SLANTED), -2),
    "apply_kernel in float32": (partial(image.apply_kernel, kernel=np.full((3, 3), 1 / 9, "f4")), 1),
    "deconvolve": (partial(image.deconvolve, kernel=kernels.disk(1.5)), 1),
    "deconvolve step by step": (
        partial(
            image.deconvolve, kernel=kernels.gaussian((1, 1)), algorithm="richardson_lucy", iterations=5
        ),
        1,
    ),
    "pipeline": (partial(image.pipeline, steps="blur 2 | sharpen 3 | box 3 | sharpen 1"), 1),
    "pipeline with a sum": (
        partial(image.pipeline, steps="box 5 | convolve '0 1 0; 1 4 1; 0 1 0' scale=0.25 | sharpen 3"),
        2,
    ),
}
# Those that find changes, whose taps sum to 0.
_OF_CHANGES = {
    "edges": partial(image.edges),
    "edges laplace": partial(image.edges, operator="laplace", signed="offset"),
    "edges log": partial(image.edges, operator="log", signed="abs"),
    "high_pass": partial(image.high_pass, sigma=0.2),
    "difference_of_gaussians": partial(image.difference_of_gaussians, sigma=1, wider=1 + 1e-12),
    "apply_kernel": partial(image.apply_kernel, kernel=[[1, -2, 1]]),
    "apply_kernel of zeros": partial(image.apply_kernel, kernel=np.zeros((3, 3))),
}


def _opacities(rng, full):
    """Planes of opacity: any, islands that are hardly visible, holes, and a step."""
    shape = _SIDES
    few = rng.choice([0, 1, 2], shape) if full > 1 else 10.0 ** rng.uniform(-7, 0, shape)
    step = np.full(shape, 0.16 * full)
    step[5:14, 6:15] = 0.86 * full
    any_ = rng.random(shape) * full
    return {
        "any": any_ if full == 1 else np.rint(any_),
        "islands": np.where(rng.random(shape) < 0.1, few, 0),
        "holes": np.where(rng.random(shape) < 0.3, 0, full),
        "step": step if full == 1 else np.rint(step),
    }


def _full(dtype):
    return float(np.iinfo(dtype).max) if np.dtype(dtype).kind == "u" else 1.0


def _picture(colour, opacity, dtype):
    pixels = np.empty((*opacity.shape, len(colour) + 1), dtype)
    pixels[..., :-1], pixels[..., -1] = colour, opacity
    return pixels


def _colours(rng, dtype):
    full = _full(dtype)
    if full == 1:
        return [(0.0, 1.0, 0.3), (rng.random(),)]
    # Multiples of 4, so that no sum of taps leads to a tie.
    return [(0, full, 4 * rng.integers(0, full // 4)), (4 * rng.integers(1, full // 4),)]


def _expected(colour, total, dtype):
    wanted = np.array(colour) * total
    return np.clip(np.rint(wanted), 0, _full(dtype)) if _full(dtype) > 1 else wanted.astype(dtype)


def _assert_law(result, expected, name):
    colours, opacity = result[..., :-1].astype(float), result[..., -1]
    if result.dtype.kind == "u":
        assert (colours[opacity > 0] == expected).all(), name
        # Half a step of opacity is rounded to none.
        assert ((colours == 0) | (colours == expected))[opacity == 0].all(), name
        return
    least = {"float16": 1e-6, "float32": 1e-9, "float64": 1e-9}[result.dtype.name]
    tolerance = max(4 * float(np.finfo(result.dtype).eps), 1e-6)
    visible = opacity > least
    assert np.abs(colours[visible] - expected).max(initial=0) <= tolerance * np.abs(expected).max(), name
    assert (colours[opacity <= 0] == 0).all(), name


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("name", list(_FILTERS))
def test_one_colour_is_that_of_an_opaque_picture(name, dtype):
    """Of every engine and boundary, grey and colour, light and stored values."""
    function, total = _FILTERS[name]
    rng = np.random.default_rng(list(f"{name} {dtype}".encode()))
    steps = name == "deconvolve step by step"
    accepted = list(inspect.signature(function).parameters)
    for colour in _colours(rng, dtype):
        for kind, opacity in _opacities(rng, _full(dtype)).items():
            options = {"method": str(rng.choice(_ALL_METHODS))}
            if not steps:
                options["boundary"] = str(rng.choice(_BOUNDARIES))
            if total == 1 and rng.random() < 0.3:
                options["linear"] = True
            assert set(options) <= set(accepted)
            pixels = _picture(colour, opacity, dtype)
            seen = np.array(pixels[..., :-1])
            opaque = function(seen, method="direct", linear=options.get("linear", False))
            expected = _expected(colour, total, dtype)
            exact = 0 if np.dtype(dtype).kind == "u" else 1e-5 if dtype != "float16" else 4e-3
            assert np.abs(opaque.astype(float) - expected).max() <= exact
            result = function(pixels, alpha=True, **options)
            if options.get("boundary") == "missing":  # taps of both signs filter whole windows alone
                told = np.isfinite(function(np.ones(_SIDES, np.float32), boundary="missing"))
                result = result[told]
            _assert_law(result, expected, (kind, options))


@pytest.mark.parametrize("amount", [0.3, 0.77, 1.0, 2.0, 2.9])
def test_every_opacity_of_8_bits_keeps_the_colour(amount):
    rng = np.random.default_rng(8)
    for colour in [(90, 140, 200), (0, 1, 255), (254, 127, 128), (77,)]:
        pixels = _picture(colour, rng.permutation(256).reshape(16, 16), np.uint8)
        for radius in (None, 1.5):
            _assert_law(image.sharpen(pixels, amount, radius), np.array(colour), (amount, radius))
            picture = image.sharpen(Image.fromarray(pixels), amount, radius)
            assert np.array_equal(np.asarray(picture), image.sharpen(pixels, amount, radius))


def test_all_filters_that_take_opacity_are_here():
    names = {name.split()[0] for name in (*_FILTERS, *_OF_CHANGES)}
    for name in image.__all__:
        if "alpha" in inspect.signature(getattr(image, name)).parameters:
            assert name in names


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float64"])
@pytest.mark.parametrize("boundary", ["reflect", "nearest", "zero"])
def test_opacity_is_filtered_and_cut_off_once(dtype, boundary):
    """As scipy.ndimage correlates, divided by the sum of the taps."""
    rng = np.random.default_rng(3)
    mode = {"zero": {"mode": "constant"}}.get(boundary, {"mode": boundary})
    for taps in (kernels.sharpen(2), kernels.disk(2.0), 7 * kernels.emboss(2), -np.ones((3, 3))):
        for opacity in _opacities(rng, _full(dtype)).values():
            pixels = _picture((20, 40, 80) if _full(dtype) > 1 else (0.1, 0.2, 0.3), opacity, dtype)
            exact = ndimage.correlate(opacity, taps, **mode) / taps.sum()
            exact = np.clip(exact, 0, _full(dtype))
            options = {"flip": False, "boundary": boundary, "alpha": True}
            found = image.apply_kernel(pixels, taps, **options)[..., -1].astype(float)
            if dtype == "float64":
                np.testing.assert_allclose(found, exact, rtol=0, atol=1e-12)
            else:
                assert np.abs(found - exact).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_colour_is_known_down_to_the_error_bound(dtype):
    """Sums of one sign have errors of their own size; others are known if they are above the bound."""
    rng = np.random.default_rng(5)
    opacity = 10.0 ** rng.uniform(-30, -15, (30, 30))
    colour = np.array([0.2, 0.7, 1.0], dtype)
    faint = _picture(colour, opacity, dtype)
    result = image.box_blur(faint, 3, alpha=True, method="direct")
    np.testing.assert_allclose(result[..., :3], np.broadcast_to(colour, (30, 30, 3)), rtol=1e-6)
    faint[10:20, 10:20, 3] = 10.0 ** rng.uniform(-9, 0, (10, 10))
    for method in _ALL_METHODS:
        for blur in (image.gaussian_blur, image.sharpen):
            result = blur(faint, 2.0, alpha=True, method=method)
            colours, visible = result[..., :3], result[..., 3] > 1e-11
            assert np.abs(colours[visible] - colour).max() < 1e-3
            assert not colours[result[..., 3] == 0].any()
            assert np.isfinite(result).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
def test_what_is_fully_transparent_becomes_zero(dtype):
    rng = np.random.default_rng(6)
    pixels = (rng.random((12, 13, 4)) * _full(dtype)).astype(dtype)
    pixels[..., 3] = 0
    for name, (function, _) in _FILTERS.items():
        assert not function(pixels, alpha=True).any(), name


@pytest.mark.parametrize("name", list(_OF_CHANGES))
def test_where_there_is_no_mean_opacity_stays(name):
    rng = np.random.default_rng(9)
    for dtype in ("uint8", "float64"):
        pixels = (rng.random((11, 12, 4)) * _full(dtype)).astype(dtype)
        result = _OF_CHANGES[name](pixels, alpha=True)
        assert np.array_equal(result[..., 3], pixels[..., 3])
        assert np.isfinite(result).all()


@pytest.mark.parametrize("method", _ALL_METHODS)
def test_what_is_not_finite_stays_local_and_counts_only_if_it_can_be_seen(method):
    rng = np.random.default_rng(10)
    pixels = 0.1 + 0.8 * rng.random((25, 26, 4))
    window = np.zeros((25, 26), bool)
    window[8:11, 9:12] = True
    place = (9, 10)
    for taps in (np.full((3, 3), 1 / 9), np.arange(-1.0, 8.0).reshape(3, 3)):
        run = partial(image.apply_kernel, kernel=taps, alpha=True, method=method, boundary="nearest")
        close = partial(np.testing.assert_allclose, rtol=1e-9)
        expected = run(pixels)
        spoilt = pixels.copy()
        spoilt[(*place, 1)] = np.nan
        found = run(spoilt)
        assert np.array_equal(np.isnan(found[..., 1]), window)
        close(found[..., [0, 2, 3]], expected[..., [0, 2, 3]])
        close(found[~window], expected[~window])
        spoilt = pixels.copy()
        spoilt[(*place, 3)] = np.nan
        found = run(spoilt)
        assert np.isnan(found[window]).all()
        close(found[~window], expected[~window])
        hidden, plain = pixels.copy(), pixels.copy()
        hidden[place], plain[place] = (np.nan, np.inf, -np.inf, 0), 0
        close(run(hidden), run(plain))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("name", ["gaussian_blur", "sharpen", "apply_kernel", "emboss"])
def test_pixels_that_do_not_count_change_no_colour(name, dtype):
    function, total = _FILTERS[name]
    rng = np.random.default_rng(11)
    colour = (20.0, 100.0, 120.0) if dtype == "uint8" else (0.1, 0.5, 0.6)
    for share in (0.5, 0.95):
        mask = rng.random(_SIDES) < share
        for opacity in _opacities(rng, _full(dtype)).values():
            pixels = _picture(colour, opacity, dtype)
            result = function(pixels, alpha=True, mask=mask)
            opaque = function(pixels[..., :3], mask=mask)
            told = np.isfinite(function(pixels[..., 0].astype(np.float32), mask=mask))
            wanted = np.broadcast_to(np.array(colour) * total, opaque.shape)
            np.testing.assert_allclose(opaque[told], wanted[told], rtol=1e-5)
            _assert_law(result[told], np.array(colour) * total, (share, name))


def test_bias_is_for_what_can_be_seen():
    pixels = np.zeros((9, 20, 4), np.uint8)
    pixels[2:7, 2:7] = (10, 20, 30, 200)
    result = image.apply_kernel(pixels, kernels.box((3, 3)) * 2, bias=5)
    visible = result[..., 3] > 0
    assert (result[visible][:, :3] == (25, 45, 65)).all()
    assert not result[~visible].any()


@pytest.mark.parametrize("algorithm", ["wiener", "richardson_lucy"])
def test_deconvolution_keeps_opacity_and_sharpens_the_colours_that_can_be_seen(algorithm):
    rng = np.random.default_rng(12)
    scene = image.gaussian_blur(rng.random((60, 60, 3)), 1.5)
    blurred, taps = image.gaussian_blur(scene, 2.0), kernels.gaussian((2.0, 2.0))
    run = partial(image.deconvolve, kernel=taps, algorithm=algorithm)
    sharp, inner = run(blurred), (slice(5, -5), slice(5, 36))
    error = np.abs(sharp - scene)[inner].mean()
    assert error < 0.6 * np.abs(blurred - scene)[inner].mean()
    full = np.ones((60, 60))
    np.testing.assert_allclose(run(np.dstack([blurred, full]), alpha=True)[..., :3], sharp, atol=1e-9)
    left = full * (np.arange(60) < 40)
    for opacity in (left, left * image.gaussian_blur(left, 2.0)):
        found = run(np.dstack([blurred, opacity]), alpha=True)
        assert np.array_equal(found[..., 3], opacity)
        assert not found[:, 40:].any()
        assert np.abs(found[..., :3] - scene)[inner].mean() < 1.1 * error


@pytest.mark.parametrize(
    ("suffix", "dtype", "channels"),
    [
        (".png", "uint8", 4),
        (".png", "uint8", 2),
        (".png", "uint16", 4),
        (".webp", "uint8", 4),
        (".tif", "uint8", 4),
        (".tif", "uint16", 4),
    ],
)
def test_from_disk_to_disk(tmp_path, suffix, dtype, channels):
    rng = np.random.default_rng(13)
    colour = [90, 140, 200] if dtype == "uint8" else [9001, 14002, 60003]
    colour = np.array(colour[: channels - 1])
    planes = _opacities(rng, _full(dtype)).values()
    pixels = _picture(colour, np.vstack([*planes]), dtype)
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    image.write(source, pixels)
    calls = [
        (image.sharpen, {"amount": 2}),
        (image.gaussian_blur, {"sigma": 2, "linear": True}),
        (image.pipeline, {"steps": "sharpen 3 | blur 1 | sharpen 2"}),
        (image.deconvolve, {"kernel": kernels.disk(2)}),
    ]
    for function, parameters in calls:
        report = image.filter_file(source, target, function, **parameters)
        assert report.methods
        found = image.read(target)
        _assert_law(found, colour, function)
        expected = function(pixels, **parameters)
        assert np.array_equal(found[..., -1], expected[..., -1])
        visible = expected[..., -1] > 0
        assert np.array_equal(found[visible], expected[visible])
