"""The bundle: a folder with all that a worker needs to score, and the check that it passes before it serves.

manifest.json names the version, the features that the models were trained on, the training window, the file of each
role and the SHA-256 of every file. A bundle is used whole or not at all.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from streams import features
from streams.errors import CommandError

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
ROLES: Final = ("ranker", "play_probability", "continuation", "placement", "titles", "population")
MAX_FILE_BYTES: Final = 4 << 30

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BundleRefused(CommandError):
    """A bundle can't serve; `reason` is a short word for the metric, the message says what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Manifest:
    """The parts of manifest.json that serving needs; `raw` is all of it."""

    version: str
    candidate_days: int
    files: Mapping[str, str]  # file name -> SHA-256, hexadecimal
    roles: Mapping[str, str]  # role -> file name
    raw: Mapping[str, Any]


def parse_manifest(payload: bytes) -> Manifest:
    """Reads the bytes of manifest.json. Raises BundleRefused with reason `manifest` or `schema`."""
    try:
        raw = orjson.loads(payload)
        if raw["format"] != FORMAT:
            raise ValueError(f"format is {raw['format']!r}, this worker reads {FORMAT}")
        version, days, files, roles = raw["version"], raw["candidate_days"], raw["files"], raw["roles"]
        schema_hash = raw["features"]["schema_hash"]
        if not (isinstance(version, str) and _VERSION.fullmatch(version)):
            raise ValueError(f"version {version!r} is not a plain name")
        if type(days) is not int or not 1 <= days <= 36_500:
            raise ValueError(f"candidate_days is {days!r}")
        for name, digest in files.items():
            if not _VERSION.fullmatch(name) or name == MANIFEST or not _SHA256.fullmatch(digest):
                raise ValueError(f"files: {name!r} is not a plain name with a SHA-256")
        missing = [role for role in ROLES if roles.get(role) not in files]
        if missing:
            raise ValueError(f"roles: no file for {', '.join(missing)}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleRefused("manifest", f"{MANIFEST} can't be used: {error}; train and publish again") from None
    if schema_hash != features.SCHEMA_HASH:
        raise BundleRefused(
            "schema",
            f"bundle {version} was trained on other features ({schema_hash}) than this worker makes "
            f"({features.SCHEMA_HASH}); train again with this release",
        )
    return Manifest(version, days, files, roles, raw)


def read(folder: Path, manifest_sha256: str | None = None) -> Manifest:
    """Reads and verifies a bundle's folder: manifest, features, the hash of every file.

    `manifest_sha256` is what the announcement said; None checks the folder against itself alone.
    Raises BundleRefused with reason `missing`, `hash`, `manifest` or `schema`.
    """
    try:
        payload = (folder / MANIFEST).read_bytes()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        message = f"{folder / MANIFEST}: {reason}; name the folder that 'cw train -o' wrote"
        raise BundleRefused("missing", message) from None
    if manifest_sha256 is not None and hashlib.sha256(payload).hexdigest() != manifest_sha256:
        raise BundleRefused("hash", f"{folder / MANIFEST} is not the one announced; publish the bundle again")
    manifest = parse_manifest(payload)
    for name, digest in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise BundleRefused("missing", f"{path} is missing; copy the bundle whole, or train again")
        if sha256_of(path) != digest:
            raise BundleRefused("hash", f"{path} has changed since it was written; copy it again, or train again")
    return manifest


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
