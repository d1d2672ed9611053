"""Bundles as tests change and announce them."""

import shutil
from pathlib import Path

import orjson

from export.publish import source_of
from streams.scoring import announcements
from streams.scoring.announcements import Announcement
from streams.scoring.bundle import MANIFEST


def rewrite(folder: Path, change) -> None:
    """Changes the manifest."""
    manifest = orjson.loads((folder / MANIFEST).read_bytes())
    change(manifest)
    (folder / MANIFEST).write_bytes(orjson.dumps(manifest))


def copy_as(folder: Path, target: Path, version: str) -> Path:
    """A copy of a bundle that calls itself by another version."""
    shutil.copytree(folder, target)
    rewrite(target, lambda manifest: manifest.update(version=version))
    return target


def announcement(folder: Path, at: int = 1) -> tuple[str, bytes]:
    """Version and record of the folder's announcement as the bundle to serve."""
    source = source_of(folder)
    return source.version, announcements.encode(announcements.following(source, at, None))


def trial(folder: Path, mode: str, share: float = 0.0, at: int = 1) -> bytes:
    """The record of the folder's announcement as the candidate."""
    source = source_of(folder)
    return announcements.encode(Announcement(source, at, mode=mode, share=share, experiment=source.version))
