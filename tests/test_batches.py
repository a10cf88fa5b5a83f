"""Folders of pictures: which files are meant, where they go, and that jobs change nothing."""

import inspect
import json
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

from fftconv import image
from fftconv._threads import run_all
from fftconv.cli.main import run
from fftconv.image import batch, jpeg
from fftconv.image.batch import FILTERS

_RNG = np.random.default_rng(9)


@pytest.fixture
def tree(tmp_path):
    """Pictures in folders, and what is none."""
    root = tmp_path / "in"
    for name in ("b.png", "a.jpg", "deep/c.tif", "deep/er/d.PNG"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.write(path, _RNG.integers(0, 256, (9, 12, 3)).astype(np.uint8))
    (root / "notes.txt").write_text("no picture, and no matter")
    return root


def _names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_folder_is_its_pictures_and_a_tree_is_mirrored(tree, tmp_path):
    flat, deep = tmp_path / "flat", tmp_path / "deep"
    reports = image.filter_files([tree], flat, image.gaussian_blur, sigma=1)
    assert _names(flat) == ["a.jpg", "b.png"]
    assert [report.source.name for report in reports] == ["a.jpg", "b.png"]
    reports = image.filter_files([tree], deep, image.gaussian_blur, sigma=1, recursive=True)
    assert _names(deep) == ["a.jpg", "b.png", "deep/c.tif", "deep/er/d.PNG"]
    assert all(report.status == "written" for report in reports)
    for report in reports:
        if report.target.suffix != ".jpg":
            expected = image.gaussian_blur(image.read(report.source), 1)
            assert np.array_equal(image.read(report.target), expected)


def test_a_filter_may_be_named(tree, tmp_path):
    for jobs in (1, 2):
        named, given = tmp_path / f"named{jobs}", tmp_path / f"given{jobs}"
        image.filter_files([tree], named, "edges", operator="scharr", jobs=jobs)
        image.filter_files([tree], given, image.edges, operator="scharr", jobs=jobs)
        for name in _names(given):
            assert (named / name).read_bytes() == (given / name).read_bytes()
    target = tmp_path / "c.png"
    for wrong in ("blur", 3):
        with pytest.raises(
            ValueError, match=f"filter={wrong!r} is not accepted; choose one of 'apply_kernel'"
        ):
            image.filter_file(tree / "b.png", target, wrong)
    assert not target.exists()


def test_every_filter_has_its_name():
    """From pixels to pixels: those that give their steps for a sketch, and the one that repeats them."""
    public = [getattr(image, name) for name in image.__all__]
    takes_images = [
        each.__name__ for each in public if next(iter(inspect.signature(each).parameters)) == "image"
    ]
    assert sorted(takes_images) == sorted({*FILTERS, "gradient", "match_template"})


def test_jpeg_files_are_decoded_while_pillow_is_imported(tmp_path):
    pytest.importorskip("imagecodecs")
    image.write(tmp_path / "a.jpg", np.zeros((9, 12, 3), np.uint8))
    program = (
        "import sys; from fftconv.image import jpeg, filter_file; begin, seen = jpeg.decode_ahead, []\n"
        "def watch(*each): seen.append('PIL' in sys.modules); return begin(*each)\n"
        "jpeg.decode_ahead = watch; filter_file('a.jpg', 'b.jpg', 'box_blur', size=3); print(seen)"
    )
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "[False]\n"


def test_files_are_written_by_as_many_threads_as_they_are_filtered_by(tree, tmp_path, monkeypatch):
    pytest.importorskip("imagecodecs")
    seen = []
    monkeypatch.setattr(
        jpeg, "run_all", lambda tasks, workers: seen.append(workers) or run_all(tasks, workers)
    )
    monkeypatch.setattr(batch, "available_cores", lambda: 6)
    for jobs, given in ((1, {"workers": 1}), (1, {"workers": 3}), (2, {})):
        sources = [tree / "a.jpg", tree / "b.png"][:jobs]
        image.filter_files(sources, tmp_path / "out", image.box_blur, size=3, jobs=jobs, **given)
    assert seen == [1, 3, 3]


def test_pixels_of_a_file_that_failed_are_let_go(tree, tmp_path):
    seen = []

    def fail(pixels):
        seen.append(weakref.ref(pixels))
        try:
            raise ValueError("no")
        except ValueError:
            raise RuntimeError("nor this") from None

    reports = image.filter_files([tree], tmp_path / "out", fail)
    assert [str(report.error) for report in reports] == ["nor this", "nor this"]
    assert all(report.error.__traceback__ is not None for report in reports)
    assert [each() for each in seen] == [None, None]


def test_files_are_read_without_what_filters_them():
    program = "import sys; from fftconv.image import batch, read; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "fftconv.image.decoding" in loaded
    assert not {"fftconv.planning", "fftconv._engines", "fftconv.image.filters"} & loaded


def test_the_output_may_lie_in_the_input(tree):
    first = image.filter_files([tree], tree / "out", image.box_blur, size=3, recursive=True)
    again = image.filter_files([tree], tree / "out", image.box_blur, size=3, recursive=True)
    assert [report.source for report in first] == [report.source for report in again]


def test_patterns_are_those_of_a_shell(tree, tmp_path, monkeypatch):
    monkeypatch.chdir(tree)
    reports = image.filter_files(["*.png", "deep/**/*.PNG"], tmp_path / "out", image.box_blur, size=3)
    assert [str(report.source) for report in reports] == ["b.png", "deep/er/d.PNG"]
    with pytest.raises(FileNotFoundError, match=r"\*\.gif matches no file"):
        image.filter_files(["*.gif"], tmp_path / "out", image.box_blur, size=3)
    odd = Path("[a].png")
    image.write(odd, np.zeros((3, 3), np.uint8))
    (report,) = image.filter_files([odd], tmp_path / "out", image.box_blur, size=3)
    assert report.status == "written"  # the file itself, not a pattern


@pytest.mark.parametrize("jobs", [2, 5, None])
def test_files_and_reports_do_not_depend_on_jobs(tree, tmp_path, jobs):
    (tree / "bad.png").write_text("no picture")
    for number in range(12):
        image.write(tree / f"{number}.jpg", _RNG.integers(0, 256, (200, 150, 3)).astype(np.uint8))
    one, more = tmp_path / "one", tmp_path / "more"
    seen = []
    parameters = {"sigma": 12.0, "recursive": True}
    alone = image.filter_files([tree], one, image.gaussian_blur, **parameters)
    many = image.filter_files(
        [tree],
        more,
        image.gaussian_blur,
        jobs=jobs,
        on_progress=lambda report, total: seen.append((report.source, total)),
        **parameters,
    )
    assert [(r.source, r.status, r.methods) for r in alone] == [
        (r.source, r.status, r.methods) for r in many
    ]
    assert _names(one) == _names(more)
    for name in _names(one):
        assert (one / name).read_bytes() == (more / name).read_bytes()
    assert sorted(seen) == [(report.source, len(many)) for report in sorted(many, key=lambda r: r.source)]
    assert [report.status for report in many].count("failed") == 1


def test_jobs_run_at_the_same_time(tree, tmp_path):
    """Two files at once: each waits for the other."""
    both = threading.Barrier(2, timeout=30)

    def meet(pixels):
        both.wait()
        return pixels

    reports = image.filter_files([tree / "b.png", tree / "a.jpg"], tmp_path / "out", meet, jobs=2)
    assert [report.error for report in reports] == [None, None]


def test_existing_files_are_skipped_or_replaced(tree, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.png").write_bytes(b"as it was")
    reports = image.filter_files([tree], out, image.box_blur, size=3, existing="skip")
    assert [report.status for report in reports] == ["written", "skipped"]
    assert (out / "b.png").read_bytes() == b"as it was"
    reports = image.filter_files([tree], out, image.box_blur, size=3)
    assert [report.status for report in reports] == ["written", "written"]
    with pytest.raises(ValueError, match="existing='ask' is not accepted; choose one of"):
        image.filter_files([tree], out, image.box_blur, size=3, existing="ask")


def test_a_dry_run_touches_nothing(tree, tmp_path):
    before = _names(tmp_path)
    out = tmp_path / "out"
    reports = image.filter_files([tree], out, image.box_blur, size=3, recursive=True, dry_run=True)
    assert {report.status for report in reports} == {"planned"}
    report = image.filter_file(tree / "b.png", tmp_path / "x.png", image.box_blur, size=3, dry_run=True)
    assert report.status == "planned"
    assert not out.exists()
    assert _names(tmp_path) == before


def test_links_lead_nowhere(tree, tmp_path):
    """Those in a folder are left out, those in the way of outputs refused."""
    secret = tmp_path / "secret"
    secret.mkdir()
    image.write(secret / "s.png", np.zeros((3, 3), np.uint8))
    (tree / "link.png").symlink_to(secret / "s.png")
    (tree / "folder").symlink_to(secret)
    out = tmp_path / "out"
    reports = image.filter_files([tree], out, image.box_blur, size=3, recursive=True)
    assert len(reports) == 4
    assert not any("link" in name or "folder" in name for name in _names(out))
    inner = out / "deep"
    for path in list(inner.rglob("*")):
        if path.is_file():
            path.unlink()
    (inner / "er").rmdir()
    inner.rmdir()
    inner.symlink_to(secret)
    reports = image.filter_files([tree], out, image.box_blur, size=3, recursive=True)
    failed = [report for report in reports if report.error is not None]
    assert [report.source.name for report in failed] == ["c.tif", "d.PNG"]
    assert "leads out of" in str(failed[0].error)
    assert [path.name for path in secret.iterdir()] == ["s.png"]  # and no folder either


def test_patterns_follow_no_links_to_folders(tree, tmp_path):
    """Two that lead to a folder above them have 2**40 paths, until the system calls it a loop."""
    (tree / "deep" / "up").symlink_to("..")
    (tree / "here").symlink_to(".")
    expected = ["b.png", "deep/c.tif", "deep/er/d.PNG"]
    reports = image.filter_files([tree / "**" / "?.[ptP]*"], tmp_path / "out", image.box_blur, size=3)
    assert [str(report.source.relative_to(tree)) for report in reports] == expected


def test_nothing_is_written_over_an_input(tree, tmp_path):
    other = tmp_path / "other" / "b.png"
    other.parent.mkdir()
    image.write(other, np.zeros((3, 3), np.uint8))
    with pytest.raises(ValueError, match="would both be written to"):
        image.filter_files([tree, other], tmp_path / "out", image.box_blur, size=3)
    (other.parent / "er").mkdir()
    image.write(other.parent / "er" / "d.PNG", np.zeros((3, 3), np.uint8))
    crossed = [other.parent, tree / "deep" / "er" / "d.PNG"]
    with pytest.raises(ValueError, match="would be written over .*, which is an input"):
        image.filter_files(crossed, tree / "deep", image.box_blur, size=3, recursive=True)
    reports = image.filter_files([tree], tree, image.box_blur, size=3)
    assert all("is the input; choose another name" in str(report.error) for report in reports)


def test_the_command_reports_what_became_of_every_file(tree, tmp_path, capsys):
    (tree / "bad.png").write_text("no picture")
    out, report = tmp_path / "out", tmp_path / "report.json"
    code = run(["image", "blur", str(tree), "-o", str(out), "-r", "--jobs", "2", "--report", str(report)])
    assert code == 1
    printed = capsys.readouterr()
    assert "4 of 5 files written, 1 failed" in printed.out
    assert printed.err.startswith(f"fftconv: {tree / 'bad.png'} is not an image")
    entries = json.loads(report.read_text())
    names = ["a.jpg", "b.png", "bad.png", "c.tif", "d.PNG"]
    assert [Path(entry["file"]).name for entry in entries] == names
    assert [entry["status"] for entry in entries] == ["written", "written", "failed", "written", "written"]
    assert entries[0]["method"] == ["direct"]
    assert entries[0]["shape"] == [9, 12, 3]
    assert entries[0]["seconds"] > entries[0]["filter_seconds"] > 0
    assert "is not an image" in entries[2]["error"]


def test_the_command_plans_and_skips(tree, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["image", "blur", str(tree), "-o", str(out), "--dry-run"]) == 0
    assert "0 of 2 files written, 2 planned" in capsys.readouterr().out
    assert not out.exists()
    assert run(["image", "blur", str(tree), "-o", str(out)]) == 0
    assert run(["image", "blur", str(tree), "-o", str(out), "-r", "--skip-existing"]) == 0
    assert "2 of 4 files written, 2 skipped" in capsys.readouterr().out
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(["image", "blur", str(empty), "-o", str(out)]) == 0
    assert "warning: no pictures in" in capsys.readouterr().err


def test_a_single_file_has_a_report_too(tree, tmp_path):
    report = tmp_path / "report.json"
    missing = str(tmp_path / "missing.png")
    assert run(["image", "blur", missing, "-o", str(tmp_path / "x.png"), "--report", str(report)]) == 1
    (entry,) = json.loads(report.read_text())
    assert entry["status"] == "failed"
    assert os.listdir(tmp_path) == ["in", "report.json"] or set(os.listdir(tmp_path)) == {
        "in",
        "report.json",
    }


def test_two_outputs_that_are_one_are_refused(tree, tmp_path):
    """By a link in the way of one of them."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.jpg").symlink_to(out / "b.png")
    with pytest.raises(ValueError, match="would both be written to"):
        image.filter_files([tree], out, image.box_blur, size=3)


def test_what_is_no_file_is_left_out(tree, tmp_path):
    os.mkfifo(tree / "pipe.png")
    reports = image.filter_files([tree], tmp_path / "out", image.box_blur, size=3)
    assert [report.source.name for report in reports] == ["a.jpg", "b.png"]


@pytest.mark.parametrize("option", ["--report", "--compare"])
def test_reports_take_no_place_of_pictures(tree, tmp_path, option, capsys):
    source, target = tree / "b.png", tmp_path / "out.png"
    before = source.read_bytes()
    for path, what in ((source, "the input"), (target, "the output")):
        assert run(["image", "blur", str(source), "-o", str(target), option, str(path)]) == 2
        assert f"{option} {path} is {what}" in capsys.readouterr().err
    assert source.read_bytes() == before
    assert not target.exists()


def test_animations_are_compared_by_their_first_frame(tmp_path):
    source, target, both = (tmp_path / name for name in ("a.gif", "b.gif", "both.png"))
    image.write_frames(source, [np.full((9, 9, 3), shade, np.uint8) for shade in (0, 200)])
    assert (
        run(["image", "edges", str(source), "-o", str(target), "--direction", "--compare", str(both)]) == 0
    )
    assert both.exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupt_tells_what_was_done(tree, tmp_path, jobs):
    """In the filter, which one job alone runs in the thread that is interrupted, or in what is told of."""
    for number in range(9):
        image.write(tree / f"{number}.png", np.zeros((9, 12), np.uint8))
    called = []

    def interrupt(*_):
        called.append(1)
        if len(called) == 3:
            raise KeyboardInterrupt
        return np.zeros((9, 12), np.uint8)

    for function, on_progress in ((interrupt, None), (lambda pixels: pixels, interrupt))[jobs - 1 :]:
        called.clear()
        out = tmp_path / f"out{on_progress is None}"
        with pytest.raises(KeyboardInterrupt) as caught:
            image.filter_files([tree], out, function, jobs=jobs, on_progress=on_progress)
        stopped = caught.value
        assert len(stopped.reports) + stopped.stopped + stopped.not_begun == 11
        assert sorted(report.target for report in stopped.reports) == sorted(out.iterdir())
        assert [report.source for report in stopped.reports] == sorted(r.source for r in stopped.reports)
        assert stopped.stopped == (1 if on_progress is None else 0)
        assert 2 <= len(stopped.reports) < 11


def test_a_source_that_gives_nothing_is_an_error_among_others(tree, tmp_path):
    (tmp_path / "empty").mkdir()
    sources = [tmp_path / "empty", tree / "b.png", tmp_path / "*.none"]
    reports = image.filter_files(sources, tmp_path / "out", image.box_blur, size=3)
    assert [report.status for report in reports] == ["failed", "written", "failed"]
    assert f"{tmp_path / 'empty'} holds no file that can be filtered" in str(reports[0].error)
    assert f"{tmp_path / '*.none'} matches no file" in str(reports[2].error)
    assert image.filter_files([tmp_path / "empty"], tmp_path / "out", image.box_blur, size=3) == []


def test_a_folder_that_cannot_be_read_is_no_empty_one(tree, tmp_path, monkeypatch):
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("er"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    reports = image.filter_files([tree], tmp_path / "out", image.box_blur, size=3, recursive=True)
    assert [report.status for report in reports] == ["written", "written", "written", "failed"]
    assert reports[-1].error.filename == str(tree / "deep" / "er")
