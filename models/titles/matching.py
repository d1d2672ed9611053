"""Finds the titles that another table names: by name, kind, and a year that fits."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from models.titles.table import TitleRecord
from streams.clients.text import plain

_ASIDE: Final = re.compile(r"\s*\([^)]*\)\s*$")  # `Beast (Tamil)`
_NOT_LETTERS: Final = re.compile(r"[\W_]+")


class Names:
    """A table's titles by name. Case, accents, punctuation and `&` for `and` make no difference."""

    def __init__(self, titles: Iterable[TitleRecord]) -> None:
        self._titles: dict[str, list[TitleRecord]] = defaultdict(list)
        for title in titles:
            self._titles[name_key(title.title)].append(title)

    def find(self, name: str, kind: str = "", year: int | None = None) -> TitleRecord | None:
        """The title of this name; None where there is none.

        A title of the other kind, or one that came out after `year`, is another. Of several the newest is meant. What
        stands in brackets at the end (`Beast (Tamil)`) may be missing in the table.
        """
        keys = dict.fromkeys((name_key(name), name_key(_ASIDE.sub("", name))))
        for key in keys:
            fitting = [
                title
                for title in self._titles.get(key, ())
                if (not kind or title.kind in ("", kind))
                and (year is None or title.release_year is None or title.release_year <= year)
            ]
            if fitting and key:
                return max(fitting, key=lambda title: (title.kind == kind, title.release_year or 0))
        return None


def name_key(name: str) -> str:
    """What two spellings of a name have in common; empty where it has no letter and no digit."""
    return " ".join(_NOT_LETTERS.sub(" ", plain(name).replace("&", " and ")).split())
