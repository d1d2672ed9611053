"""Files that are whole or not there: they are written beside the old ones and take their places at the end."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

META: Final = "meta.json"  # without it a folder is none
_NEW: Final = ".new"


@contextmanager
def file(path: Path) -> Iterator[Path]:
    """Where to write a file that is to be `path` once the block has ended; where it fails, `path` stays as it was."""
    new = path.with_name(f"{path.name}.new")
    try:
        yield new
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def folder(path: Path, stale: Sequence[str]) -> Iterator[Path]:
    """A folder to write files into, also deeper, that take their places in `path` once the block has ended.

    Where the block fails, `path` stays as it was. Of the old files those go that match one of the patterns `stale` and
    are not written anew. META goes first and its new one comes last: what was killed in between has none. A file that
    somebody has mapped keeps what it had for them.
    """
    path.mkdir(parents=True, exist_ok=True)
    new = path / _NEW
    shutil.rmtree(new, ignore_errors=True)  # of one that was killed
    new.mkdir()
    try:
        yield new
        written = sorted(each.relative_to(new) for each in new.rglob("*") if each.is_file())
        (path / META).unlink(missing_ok=True)
        for pattern in stale:
            for old in path.glob(pattern):
                if old.relative_to(path) not in written:
                    old.unlink()
        for each in sorted(written, key=lambda each: each == Path(META)):
            (path / each).parent.mkdir(exist_ok=True)
            os.replace(new / each, path / each)
    finally:
        shutil.rmtree(new, ignore_errors=True)
