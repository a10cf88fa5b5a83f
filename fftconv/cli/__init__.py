"""The command line: options and output, no maths. One file for each group of commands."""

from fftconv.cli.main import main

__all__ = ["main"]
