"""Which files are meant by folders and patterns, and where each of them goes."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class Pair(NamedTuple):
    """A file and the one that is made from it, or an input that cannot be read and the error."""

    source: Path
    target: Path
    error: Exception | None = None


def targets_in(
    folder: Path,
    sources: Sequence[Path],
    suffixes: Collection[str] | None = None,
    *,
    recursive: bool = False,
) -> list[Pair]:
    """Each source with its place in `folder`: files under their names, those of folders as they lie there.

    Folders are accepted with the `suffixes` of the files in them that count. `folder` may have to be made.
    A source among several that gives no file is a pair with an error, which does not stop the others.
    ValueError if a file would be written over another one, or outside.
    """
    if not folder.is_dir() and os.path.lexists(folder):
        kind = "a file" if folder.exists() else "a link that leads nowhere"
        raise NotADirectoryError(f"{folder} is {kind}; name a folder")
    if not folder.is_dir() and not folder.parent.is_dir():
        raise NotADirectoryError(f"{folder} is not an existing folder, nor in one; create it first")
    pairs = []
    for given in sources:
        try:
            found = list(_pairs_of(given, folder, suffixes, recursive))
            if not found and len(sources) > 1:
                raise FileNotFoundError(f"{given} holds no file that can be filtered")
            pairs += found
        except OSError as error:
            if len(sources) == 1:
                raise
            pairs.append(Pair(given, folder, error))
    _refuse_collisions([pair for pair in pairs if pair.error is None])
    return pairs


def is_many(source: Path) -> bool:
    """Whether this is a folder or a pattern, which may stand for any number of files."""
    return os.path.isdir(source) or is_pattern(source)


def is_pattern(path: Path) -> bool:
    """Whether this is no file, and has characters that stand for others in a shell."""
    return glob.has_magic(str(path)) and not os.path.lexists(path)


def make_room(folder: Path, target: Path) -> None:
    """The folder of `target`, which is to be in `folder`; links that lead out of it are not followed."""
    if not _real(target).is_relative_to(_real(folder)):
        raise ValueError(f"{target} leads out of {folder} by a symbolic link; remove the link")
    target.parent.mkdir(parents=True, exist_ok=True)


def _real(path: Path) -> Path:
    """Follow all links of a path. Unlike `Path.resolve` this raises no error for a link to itself."""
    return Path(os.path.realpath(path))


def _pairs_of(
    given: Path, folder: Path, suffixes: Collection[str] | None, recursive: bool
) -> Iterator[Pair]:
    for source in _matching(given):
        if suffixes is None or not os.path.isdir(source):
            yield Pair(source, folder / source.name, _error_of(source))
        else:
            unreadable: list[OSError] = []
            for path in _files_below(source, folder, suffixes, recursive, unreadable.append):
                yield Pair(path, folder / path.relative_to(source))
            for error in unreadable:
                yield Pair(Path(error.filename), folder, error)


def _error_of(source: Path) -> Exception | None:
    """Return why there is no such file; otherwise it would be said of the file to be written."""
    try:
        source.stat()
    except (OSError, ValueError) as error:
        return error
    return None


def _matching(given: Path) -> Iterable[Path]:
    if not is_pattern(given):
        return [given]
    files = [name for name in sorted(set(_expand(given.parts))) if not os.path.isdir(name)]
    if not files:
        raise FileNotFoundError(f"{given} matches no file")
    return map(Path, files)


def _expand(parts: tuple[str, ...]) -> Iterator[str]:
    """Yield what matches the parts of a pattern, in which ** is any folders but for links and hidden ones.

    `glob.glob` follows links there, and never ends where two of them lead to the folders they are in.
    """
    if "**" not in parts:
        yield from glob.glob(os.path.join(*parts))
        return
    at = parts.index("**")
    for top in _expand(parts[:at]) if at else [""]:
        for folder, folders, _ in os.walk(top or os.curdir):
            folders[:] = [name for name in folders if not name.startswith(".")]
            below = folder if top else os.path.relpath(folder)
            within = () if below == os.curdir else (glob.escape(below),)
            yield from _expand((*within, *(parts[at + 1 :] or ("*",))))


def _files_below(
    source: Path,
    folder: Path,
    suffixes: Collection[str],
    recursive: bool,
    on_error: Callable[[OSError], None],
) -> Iterator[Path]:
    """The files of a folder in order, but for links, which may lead anywhere, and what is in `folder`.

    `on_error` is called with the error of each folder that cannot be read.
    """
    within = _real(folder)
    for parent, folders, names in os.walk(source, onerror=on_error):
        folders[:] = sorted(name for name in folders if recursive and _real(Path(parent, name)) != within)
        for name in sorted(names):
            path = Path(parent, name)
            if path.suffix.lower() in suffixes and _may_be_file(path):
                yield path


def _may_be_file(path: Path) -> bool:
    """Whether this is an ordinary file, or one of which the system says nothing; who reads it says why."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return True


def _refuse_collisions(pairs: Sequence[Pair]) -> None:
    origin: dict[Path, Path] = {}
    sources = {_real(pair.source): pair.source for pair in pairs}
    for source, target, _ in pairs:
        place = _real(target)  # links in the way of outputs may lead to the same one
        if place in origin and _real(origin[place]) == _real(source):
            raise ValueError(f"{source} is given twice; name it once")
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
