"""Every notebook runs from a clean kernel, and its pictures are kept in the file."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["05_direct_versus_fft"]


# Jupyter's own parts warn of each other's deprecations; the notebook's cells run in a process of their own.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(ROOT)}}).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_pictures_are_kept_and_small(path):
    assert path.stat().st_size < 1_000_000
    text = path.read_text(encoding="utf-8")
    assert "image/png" in text
    assert '"output_type": "error"' not in text
