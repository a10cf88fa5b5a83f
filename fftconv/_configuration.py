"""What runs the convolutions here: versions, threads, native core, FFT provider."""

from __future__ import annotations

from fftconv._fft import provider_name
from fftconv._native import description
from fftconv._profile import machine_profile
from fftconv._threads import available_cores


def configuration() -> dict[str, str]:
    """What `show_config` prints, as names and texts."""
    import platform

    from fftconv._version import __version__  # 15 ms that importing fftconv need not take

    others = ("numpy", "scipy", "pyfftw", "pillow", "soundfile")
    return {"fftconv": __version__, **{name: _version(name) for name in others}} | {
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "core": description(),
        "FFT provider": provider_name(),
        "threads": f"{available_cores()}",
        "rates": machine_profile().source,
    }


def _version(name: str) -> str:
    import importlib.metadata  # as late as above

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def show_config() -> None:
    """Print versions, threads, native core and FFT provider.

    Examples
    --------
    >>> import fftconv
    >>> fftconv.show_config()  # doctest: +ELLIPSIS
    fftconv ...
    """
    facts = configuration()
    width = max(len(name) for name in facts)
    for name, text in facts.items():
        print(f"{name:<{width}}  {text}")
