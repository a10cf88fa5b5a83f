"""`fftconv info`: what runs the convolutions here."""

from __future__ import annotations

import click

from fftconv.cli.options import examples


@click.command(epilog=examples("fftconv info", "fftconv info > machine.txt"))
def info() -> None:
    """Print versions, threads, native core and FFT provider."""
    from fftconv._configuration import show_config

    show_config()
