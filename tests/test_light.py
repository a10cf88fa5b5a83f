"""Filtering in linear light: what is written is the light that was there, blurred."""

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from fftconv import image
from fftconv.cli.main import run
from fftconv.image.light import from_linear, to_linear

FULL = {np.uint8: 255, np.uint16: 65535, np.float32: 1.0, np.float64: 1.0}


def light(stored):
    """As the standard has it, one value at a time."""
    return stored / 12.92 if stored <= 0.04045 else ((stored + 0.055) / 1.055) ** 2.4


def stored(light):
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def test_there_and_back_is_where_it_was():
    levels = np.linspace(-1, 2, 1001)
    np.testing.assert_allclose(from_linear(to_linear(levels)), levels, atol=1e-12)
    expected = [light(level) for level in np.linspace(0, 1, 101)]
    np.testing.assert_allclose(to_linear(np.linspace(0, 1, 101)), expected, atol=1e-12)
    for kind in (np.uint8, np.uint16):
        every = np.arange(FULL[kind] + 1).astype(kind).reshape(1, -1)
        assert np.array_equal(image.gaussian_blur(every, 0.0, linear=True), every)


@pytest.mark.parametrize("kind", FULL)
@pytest.mark.parametrize("channels", [(), (3,)])
def test_light_adds_up_linearly(kind, channels):
    full = FULL[kind]
    pixels = (full * np.random.default_rng(4).random((5, 7, *channels))).astype(kind)
    result = image.box_blur(pixels, (1, 3), linear=True)
    assert result.dtype == kind
    planes = pixels.reshape(5, 7, -1)
    for row, column, channel in np.ndindex(5, 5, planes.shape[2]):
        window = planes[row, column : column + 3, channel] / full
        expected = full * stored(sum(light(float(value)) for value in window) / 3)
        got = float(result.reshape(planes.shape)[row, column + 1, channel])
        assert abs(got - expected) <= (0.51 if kind in (np.uint8, np.uint16) else 1e-5)


def test_a_border_does_not_darken():
    stripes = np.zeros((8, 64), np.uint8)
    stripes[:, ::2] = 255
    grey = {linear: image.box_blur(stripes, (1, 2), linear=linear)[4, 32] for linear in (False, True)}
    assert grey == {False: 128, True: 188}  # half of the light is stored as 188


def test_opacity_is_no_light():
    pixels = np.zeros((6, 8, 4), np.uint8)
    pixels[:, 4:] = (200, 100, 50, 255)
    result = image.box_blur(pixels, (1, 3), linear=True)
    assert result[3, 3].tolist() == [200, 100, 50, 85]
    assert result[3, 5].tolist() == [200, 100, 50, 255]


def test_linear_from_a_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(5).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    image.write("a.png", pixels)
    assert run(["image", "blur", "a.png", "-o", "b.png", "--linear"]) == 0
    assert np.array_equal(image.read("b.png"), image.gaussian_blur(pixels, 2, linear=True))


def test_what_has_no_light_is_refused():
    with pytest.raises(ValueError, match="linear=True is for uint8, uint16 and float images; .* int32"):
        image.box_blur(np.ones((3, 3), np.int32), 3, linear=True)
    with pytest.raises(ValueError, match="convert this one of mode CMYK first"):
        image.box_blur(Image.new("CMYK", (3, 3)), 3, linear=True)


def _profile(kind, gamma):
    """One whose light is a power of stored values."""
    white = [0.3127, 0.3290, 1.0]
    primaries = [0.64, 0.33, 1.0, 0.21, 0.71, 1.0, 0.15, 0.06, 1.0]  # green as in Adobe RGB
    colours = {"primaries": primaries} if kind == "rgb" else {}
    return bytes(imagecodecs.cms_profile(kind, whitepoint=white, gamma=gamma, **colours))


@pytest.mark.parametrize(("kind", "shape"), [("rgb", (9, 11, 3)), ("gray", (9, 11))])
@pytest.mark.parametrize("gamma", [1.8, 2.2])
def test_light_is_that_of_a_profile(kind, shape, gamma):
    """Of known gamma, so that light can be had without one."""
    values = np.random.default_rng(1).uniform(0.05, 1, shape)
    found = image.gaussian_blur(values, 1.5, linear=_profile(kind, gamma))
    expected = image.gaussian_blur(values**gamma, 1.5) ** (1 / gamma)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-3)
    srgb = image.gaussian_blur(values, 1.5, linear=True)
    assert np.abs(srgb - expected).max() > 4e-3 or gamma == 2.2


def test_files_and_pictures_are_filtered_by_their_own_profile(tmp_path):
    pixels = np.random.default_rng(2).integers(0, 256, (12, 14, 3)).astype(np.uint8)
    profile = _profile("rgb", 1.5)
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    image.write(source, pixels, metadata=image.ImageMetadata("RGB", icc_profile=profile))
    image.filter_file(source, target, image.gaussian_blur, sigma=2, linear=True)
    expected = image.gaussian_blur(pixels, 2, linear=profile)
    found, kept = image.read_with_metadata(target)
    assert np.array_equal(found, expected)
    assert kept.icc_profile == profile
    with Image.open(source) as picture:
        assert np.array_equal(np.asarray(image.gaussian_blur(picture, 2, linear=True)), expected)
    assert not np.array_equal(expected, image.gaussian_blur(pixels, 2, linear=True))
    with Image.open(source) as picture:
        same = image.apply_kernel(picture, [[0, 0, 0], [0, 1, 0], [0, 0, 0]], linear=True)
    assert np.array_equal(np.asarray(same), pixels)


def test_the_profile_of_srgb_is_srgb():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = np.random.default_rng(3).integers(0, 256, (12, 14, 3)).astype(np.uint8)
    found = image.box_blur(pixels, 3, linear=profile)
    assert np.array_equal(found, image.box_blur(pixels, 3, linear=True))


def test_profiles_that_do_not_fit(monkeypatch):
    grey = np.zeros((3, 3), np.uint8)
    with pytest.raises(ValueError, match="the colour profile is of RGB, and the picture has 1 colours"):
        image.box_blur(grey, 3, linear=_profile("rgb", 2.0))
    with pytest.raises(ValueError, match="the colour profile cannot be read"):
        image.box_blur(grey, 3, linear=b"no profile")
    monkeypatch.setattr("fftconv.image.deep.installed", lambda: False)
    with pytest.raises(
        ValueError, match=r'a colour profile other than sRGB; .*pip install "fftconv\[deep\]"'
    ):
        image.box_blur(grey, 3, linear=_profile("gray", 2.0))


def test_a_profile_that_is_only_called_like_srgb_is_followed(monkeypatch):
    """As some are whose light is what is stored."""
    profile = _profile("rgb", 1.25)
    monkeypatch.setattr(ImageCms, "getProfileDescription", lambda opened: "Linear sRGB\n")
    values = np.random.default_rng(1).uniform(0.05, 1, (9, 11, 3))
    found = image.gaussian_blur(values, 1.5, linear=profile)
    np.testing.assert_allclose(found, image.gaussian_blur(values**1.25, 1.5) ** 0.8, rtol=0, atol=2e-3)
