"""The version of this package, as its installed metadata gives it."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("fftconv")
except PackageNotFoundError:  # a checkout that is on the path and not installed
    __version__ = "0+unknown"  # which tools that compare versions can read (PEP 440)
