"""xarray: the numbers of NumPy, under the labels of the signal."""

import numpy as np
import pytest

import fftconv

xarray = pytest.importorskip("xarray")


@pytest.fixture
def field():
    rng = np.random.default_rng(2)
    return xarray.DataArray(
        rng.normal(size=(4, 30, 20)),
        dims=("band", "y", "x"),
        coords={
            "band": list("rgbn"),
            "y": np.arange(30) * 0.5,
            "x": 100 + np.arange(20),
            "height": ("y", np.arange(30)),
        },
        attrs={"units": "K"},
        name="temperature",
    )


def test_same_keeps_everything(field):
    kernel = np.ones((3, 5)) / 15
    y = fftconv.convolve(field, kernel, axes=("y", "x"), mode="same", boundary="reflect")
    assert np.array_equal(
        y, fftconv.convolve(field.values, kernel, axes=(1, 2), mode="same", boundary="reflect")
    )
    assert y.dims == field.dims
    assert y.attrs == {"units": "K"}
    assert y.name == "temperature"
    for name in field.coords:
        assert y.coords[name].equals(field.coords[name])


def test_valid_and_strides_choose_coordinates(field):
    y = fftconv.convolve(field, [1.0, 1.0, 1.0, 1.0], axes="y", mode="valid")
    centre = (4 - 1) // 2
    assert y.sizes["y"] == 27
    assert y.y.values.tolist() == field.y.values[4 - 1 - centre : 30 - centre].tolist()
    assert y.height.values.tolist() == list(range(2, 29))
    z = fftconv.correlate(field, [1.0, -1.0, 2.0], axes="x", mode="same", stride=4)
    assert z.x.values.tolist() == field.x.values[::4].tolist()
    expected = fftconv.correlate(field.values, [1.0, -1.0, 2.0], axes=2, mode="same", stride=4)
    assert np.array_equal(z, expected)


def test_full_has_no_coordinate_where_it_goes_beyond(field):
    y = fftconv.convolve(field, [1.0, 2.0], axes="x")
    assert y.sizes["x"] == 21
    assert "x" not in y.coords
    assert y.band.equals(field.band)


def test_a_kernel_may_have_dimensions(field):
    kernel = xarray.DataArray(np.ones((5, 3)), dims=("x", "y"))
    y = fftconv.convolve(field, kernel, mode="same")
    assert np.array_equal(y, fftconv.convolve(field.values, np.ones((3, 5)), axes=(1, 2), mode="same"))


def test_dask_stays_lazy(field):
    dask = pytest.importorskip("dask.array")
    lazy = field.chunk({"y": 12, "x": 7})
    y = fftconv.convolve(lazy, np.ones((3, 3)), axes=("y", "x"), mode="same", boundary="missing")
    assert isinstance(y.data, dask.Array)
    expected = fftconv.convolve(field, np.ones((3, 3)), axes=("y", "x"), mode="same", boundary="missing")
    np.testing.assert_allclose(y.values, expected.values, rtol=1e-12)
    assert y.coords["x"].equals(field.x)


def test_filters_and_masks(field):
    smooth = fftconv.Filter([1.0, 2.0, 1.0], axes="x", boundary="nearest")
    assert np.array_equal(
        smooth(field),
        fftconv.convolve(field.values, [1.0, 2.0, 1.0], axes=2, mode="same", boundary="nearest"),
    )
    there = field.isel(band=0, drop=True) > 0
    y, weight = fftconv.convolve(field, np.ones(3), axes="x", mode="same", mask=there, return_weight=True)
    expected = fftconv.convolve(
        field.values,
        np.ones(3),
        axes=2,
        mode="same",
        mask=np.broadcast_to(there, field.shape),
        return_weight=True,
    )
    assert np.array_equal(y, expected[0], equal_nan=True)
    assert np.array_equal(weight, expected[1])
    bank = fftconv.FilterBank([[1.0, 1.0], [1.0, -1.0]], axes="y")
    assert bank(field).dims == ("kernel", "band", "y", "x")


def test_what_is_refused(field):
    with pytest.raises(
        ValueError, match=r"axes='z' is not accepted; the dimensions of signal are \('band'"
    ):
        fftconv.convolve(field, [1.0], axes="z")
    with pytest.raises(ValueError, match=r"of which \['t'\] are none of the signal's"):
        fftconv.convolve(field, xarray.DataArray([1.0], dims="t"))
    with pytest.raises(TypeError, match="kernel is a DataArray and signal is none"):
        fftconv.convolve(np.ones(5), xarray.DataArray([1.0], dims="t"))
    with pytest.raises(ValueError, match="out= is not accepted"):
        fftconv.convolve(field, [1.0], axes="x", out=np.empty(3))
    with pytest.raises(TypeError, match="signal is a Dataset; pass a DataArray"):
        fftconv.convolve(field.to_dataset(), [1.0])
    with pytest.raises(TypeError, match="kernel is a DataArray of xarray, whose dimensions would be lost"):
        fftconv.Filter(xarray.DataArray([1.0], dims="x"))
    with pytest.raises(ValueError, match="signal has a dimension 'kernel'"):
        fftconv.FilterBank([[1.0], [2.0]], axes="x")(field.rename(y="kernel"))
    with pytest.raises(ValueError, match=r"axes=\('y',\) and the kernel's dimensions \('x',\) differ"):
        fftconv.convolve(field, xarray.DataArray([1.0], dims="x"), axes=("y",))
    with pytest.raises(ValueError, match="axes=1.5 is not accepted; the dimensions of signal are"):
        fftconv.convolve(field, [1.0], axes=1.5)
    with pytest.raises(ValueError, match="mask and signal have other labels along 'y'; mask.reindex_like"):
        fftconv.convolve(field, [1.0], axes="x", mask=field.isel(x=0, band=0, y=slice(3), drop=True) > 0)


def test_names_come_in_any_order(field):
    kernel = np.arange(15.0).reshape(3, 5)
    y = fftconv.convolve(field, kernel, axes=("y", "x"), mode="same", stride=(2,))
    assert y.equals(fftconv.convolve(field, kernel.T, axes=("x", "y"), mode="same", stride=2))
    turned = field.isel(y=slice(None, None, -1))
    mask = field.isel(band=0, drop=True) > 0
    masked = fftconv.convolve(turned, [1.0], axes="x", mode="same", mask=mask)
    assert masked.equals(turned.where(mask))
    weight = fftconv.convolve(field, [1.0], axes="x", mode="same", mask=mask, return_weight=True)[1]
    assert weight.name is None
    assert weight.attrs == {}


def test_subclasses_are_known(field):
    class Special(xarray.DataArray):
        __slots__ = ()

    y = fftconv.convolve(Special(field), [1.0, 1.0], axes="x", mode="same")
    assert isinstance(y, xarray.DataArray)
