"""Every notebook runs from a clean kernel, and its pictures are kept in the file."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == [
        "01_weighted_sums",
        "02_the_dropped_ball",
        "03_sound",
        "04_images",
        "05_direct_versus_fft",
        "06_from_convolution_to_a_cnn",
        "07_larger_than_memory",
    ]


def test_chapters_lead_from_one_to_the_next():
    """And the README to all of them, in order; each ends with what to try."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    places = [readme.index(f"notebooks/{path.name}") for path in NOTEBOOKS]
    assert places == sorted(places)
    for path, following in zip(NOTEBOOKS, [*NOTEBOOKS[1:], ROOT / "README.md"], strict=True):
        last = nbformat.read(path, as_version=4).cells[-1].source
        assert last.startswith("## To try")
        assert following.name in last


# In its own folder, as Jupyter has it. Jupyter's own parts warn of each other's deprecations; cells run in
# a process of their own.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(path.parent)}}).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_pictures_are_kept_and_small(path):
    assert path.stat().st_size < 1_000_000
    text = path.read_text(encoding="utf-8")
    assert "image/png" in text or "image/jpeg" in text
    assert '"output_type": "error"' not in text
