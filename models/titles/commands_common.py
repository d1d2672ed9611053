"""What the commands of `cw titles` share: values of their options."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from streams.errors import CommandError

if TYPE_CHECKING:
    from models.titles.delimited import BrokenRow


def positive(text: str) -> int:
    """A whole number from 1 to 1,000. Raises ArgumentTypeError."""
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1000")
    return int(text)


@contextmanager
def titles_extra() -> Iterator[None]:
    """Where a package is missing inside, says which and how to get it. Raises CommandError."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in ("models", "streams"):
            raise
        raise CommandError(f"{error.name} is not installed; 'make titles' installs the extra `titles`") from None


def say_broken(path: Path, broken: Sequence["BrokenRow"]) -> None:
    """Prints how many rows of a file have something broken, and the first; nothing where none has."""
    if broken:
        first = broken[0]
        print(f"{path}: {len(broken):,} rows have something broken; the first, line {first.line}: {first.reason}")
