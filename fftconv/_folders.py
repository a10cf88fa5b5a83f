"""Which files are meant by folders and patterns, and where each of them goes."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class Pair(NamedTuple):
    """A file, and the one to be made of it."""

    source: Path
    target: Path


def targets_in(
    folder: Path,
    sources: Sequence[Path],
    suffixes: Collection[str] | None = None,
    *,
    recursive: bool = False,
) -> list[Pair]:
    """Each source with its place in `folder`: files under their names, those of folders as they lie there.

    Folders are accepted with the `suffixes` of the files in them that count. `folder` may have to be made.
    ValueError if a file would be written over another one, or outside.
    """
    if not folder.is_dir() and (folder.exists() or not folder.parent.is_dir()):
        raise NotADirectoryError(f"{folder} is not an existing folder, nor in one; create it first")
    pairs = []
    for given in sources:
        for source in _matching(given):
            if suffixes is None or not source.is_dir():
                pairs.append(Pair(source, folder / source.name))
            else:
                found = _files_below(source, folder, suffixes, recursive)
                pairs += [Pair(path, folder / path.relative_to(source)) for path in found]
    _refuse_collisions(pairs)
    return pairs


def is_many(source: Path) -> bool:
    """Whether this is a folder or a pattern, which may stand for any number of files."""
    return source.is_dir() or _is_pattern(source)


def make_room(folder: Path, target: Path) -> None:
    """The folder of `target`, which is to be in `folder`; links that lead out of it are not followed."""
    if not target.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{target} leads out of {folder} by a symbolic link; remove the link")
    target.parent.mkdir(parents=True, exist_ok=True)


def _is_pattern(path: Path) -> bool:
    return glob.has_magic(str(path)) and not path.exists()


def _matching(given: Path) -> Iterable[Path]:
    if not _is_pattern(given):
        return [given]
    found = [Path(name) for name in sorted(glob.glob(str(given), recursive=True))]
    files = [path for path in found if not path.is_dir()]
    if not files:
        raise FileNotFoundError(f"{given} matches no file")
    return files


def _files_below(source: Path, folder: Path, suffixes: Collection[str], recursive: bool) -> Iterator[Path]:
    """The files of a folder in order, but for links, which may lead anywhere, and what is in `folder`."""
    within = folder.resolve()
    for parent, folders, names in os.walk(source):
        folders[:] = sorted(
            name for name in folders if recursive and Path(parent, name).resolve() != within
        )
        for name in sorted(names):
            path = Path(parent, name)
            if path.suffix.lower() in suffixes and path.is_file() and not path.is_symlink():
                yield path


def _refuse_collisions(pairs: Sequence[Pair]) -> None:
    origin: dict[Path, Path] = {}
    sources = {source.resolve(): source for source, _ in pairs}
    for source, target in pairs:
        place = target.resolve()  # links in the way of outputs may lead to the same one
        if place in origin:
            raise ValueError(
                f"{origin[place]} and {source} would both be written to {place}; "
                f"filter them into separate folders"
            )
        origin[place] = source
        other = sources.get(place)
        if other is not None and other != source:
            raise ValueError(
                f"{source} would be written over {other}, which is an input; choose another folder"
            )
