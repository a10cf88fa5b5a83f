"""`fftconv info`: what runs the convolutions here."""

from __future__ import annotations

import click

from fftconv._configuration import show_config


@click.command()
def info() -> None:
    """Print versions, threads, native core and FFT provider."""
    show_config()
