"""What makes every run of the tests the same, and fixtures that run a test on each of two libraries."""

import os

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

os.environ["FFTCONV_PROFILE"] = "shipped"  # and not what somebody saved on this machine


@pytest.fixture(params=["soundfile", "SciPy"])
def backend(request, monkeypatch):
    """Run a test that reads and writes sounds with and without soundfile."""
    from fftconv.audio import codecs

    if request.param == "SciPy":
        monkeypatch.setattr(codecs, "soundfile", None)
    else:
        pytest.importorskip("soundfile")
    return request.param


@pytest.fixture(params=["core", "NumPy"])
def engine(request, monkeypatch):
    """Run a test of streams on the native core and with NumPy."""
    from fftconv._engines import stream

    if request.param == "NumPy":
        monkeypatch.setattr(stream, "core", None)
    elif stream.core is None:
        pytest.skip("there is no native core")
    return request.param
