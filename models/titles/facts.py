"""What is known of each title of a folder of vectors, so that tools can say why two are alike."""

from pathlib import Path

from models.titles.folder import TitleSpace
from streams.alike import Facts, Lists, lists


def read(space: TitleSpace, folder: Path) -> Facts:
    """The facts of a loaded folder: those of its table, and those that its views were learned from."""
    kinds: dict[str, Lists] = {
        "people": lists(title.people for title in space.titles),
        "tags": lists(title.tags for title in space.titles),
        "categories": lists(title.categories for title in space.titles),
        "countries": lists(title.countries for title in space.titles),
    }
    return Facts({kind: each for kind, each in kinds.items() if each.names})
