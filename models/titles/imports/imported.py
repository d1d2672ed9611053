"""What a reader of public tables hands over."""

from dataclasses import dataclass, field
from pathlib import Path

from models.titles.delimited import BrokenRow, DelimitedFile
from models.titles.table import AudienceRow, TitleRecord
from streams.errors import CommandError


@dataclass(slots=True)
class Imported:
    """Titles, audiences where the tables know them, and the rows that are broken, by file."""

    titles: list[TitleRecord] = field(default_factory=list)
    audience: list[AudienceRow] = field(default_factory=list)
    broken: dict[Path, list[BrokenRow]] = field(default_factory=dict)
    unit: str = ""  # what an audience counts

    def report(self, path: Path, rows: list[BrokenRow]) -> None:
        """Adds broken rows of a file, in order of their lines."""
        self.broken[path] = sorted([*self.broken.get(path, []), *rows], key=lambda row: row.line)


def by_columns(files: list[Path], kinds: dict[str, tuple[str, ...]], what: str) -> list[tuple[str, DelimitedFile]]:
    """Opens tables and says of each which of `kinds` it is: the first whose columns it all has.

    Raises CommandError where a file is none of them.
    """
    opened = []
    for path in files:
        file = DelimitedFile(path, ())
        kind = next((name for name, columns in kinds.items() if set(columns) <= set(file.columns)), None)
        if kind is None:
            wanted = "; ".join(f"{name}: {', '.join(columns)}" for name, columns in kinds.items())
            raise CommandError(f"{path} is no table of {what}, by its columns; it must have those of one of ({wanted})")
        opened.append((kind, file))
    return opened
