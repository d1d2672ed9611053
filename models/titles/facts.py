"""What is known of each title of a folder of vectors, so that tools can say why two are alike."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from models.titles import triples
from models.titles.folder import TitleSpace, arrays
from models.titles.table import WORLD, AudienceRow
from models.titles.triples import TITLE, Triple
from streams.alike import Facts, Lists, lists

SEEN: Final = 0.5  # probability from which the model sees a category in a title
STRONG: Final = 0.25  # share of a title's countries that it does best in
LINKS: Final = Path("graph/triples.tsv")  # in a folder of vectors: the graph that was given
FEWEST_COUNTRIES: Final = 4  # where an audience by country says something


def read(space: TitleSpace, folder: Path) -> Facts:
    """The facts of a loaded folder: those of its table, and what its views were learned from or say."""
    ids = [title.title_id for title in space.titles]
    kinds: dict[str, Lists | None] = {
        "people": lists(title.people for title in space.titles),
        "tags": lists(title.tags for title in space.titles),
        "categories": lists(title.categories for title in space.titles),
        "countries": lists(title.countries for title in space.titles),
        "predicted": predicted(space, folder),
        "strong": strong(ids, space.audience or ()),
        "neighbours": _given(ids, folder / LINKS),
    }
    return Facts({kind: each for kind, each in kinds.items() if each is not None and each.names})


def keep_links(folder: Path, given: Sequence[Triple]) -> None:
    """Keeps the graph that was given, and a view trained on, in the folder of that view."""
    path = folder / LINKS
    path.parent.mkdir(exist_ok=True)
    triples.write(path, given)


def _given(ids: Sequence[str], path: Path) -> Lists | None:
    """Links of a graph that was given. One derived from the table says what the table says."""
    if not path.is_file():
        return None
    return neighbours(ids, triples.read(path)[0])


def predicted(space: TitleSpace, folder: Path) -> Lists | None:
    """The categories that the model sees in each title, most probable first; None where it learned none.

    The linear layer over the vectors of the view category, sigmoid(W v + b), as it was trained.
    """
    names = space.meta.get("views", {}).get("category", {}).get("categories")
    path = folder / "encoders" / "category.npz"
    if names is None or "category" not in space.views or not path.is_file():
        return None
    weight, bias = arrays(path, ["heads.category.listed.weight", "heads.category.listed.bias"])
    logits = np.asarray(space.views["category"]) @ weight.T + bias
    least = np.log(SEEN / (1 - SEEN))
    order = np.argsort(-logits, axis=1)
    return Lists(
        names, [[at for at in best if row[at] >= least] for row, best in zip(logits, order.tolist(), strict=True)]
    )


def strong(ids: Sequence[str], audience: Sequence[AudienceRow]) -> Lists:
    """The countries that each title does best in, beside the country's size and its own: the best quarter of them.

    By ln(1 + audience) less the country's mean and the title's. Empty for a title that is known in few countries.
    """
    rows = {title_id: row for row, title_id in enumerate(ids)}
    known = [each for each in audience if each.country != WORLD and each.title_id in rows]
    codes = sorted({each.country for each in known})
    columns = {code: column for column, code in enumerate(codes)}
    logs = np.full((len(ids), len(codes)), np.nan)
    for each in known:
        logs[rows[each.title_id], columns[each.country]] = np.log1p(each.audience)
    there = ~np.isnan(logs)
    by_country = np.nansum(logs, axis=0) / np.maximum(there.sum(axis=0), 1)
    beyond = logs - by_country
    beyond -= (np.nansum(beyond, axis=1) / np.maximum(there.sum(axis=1), 1))[:, None]
    best = []
    for row, here in zip(beyond, there, strict=True):
        most = int(here.sum() * STRONG) if here.sum() >= FEWEST_COUNTRIES else 0
        order = sorted(np.flatnonzero(here).tolist(), key=lambda column: -row[column])
        best.append([column for column in order[:most] if row[column] > 0])
    return Lists(codes, best)


def neighbours(ids: Sequence[str], facts: Sequence[Triple]) -> Lists:
    """What each title is linked to in a graph, by the relation and the other entity's name."""
    rows = {TITLE + title_id: row for row, title_id in enumerate(ids)}
    linked: list[list[str]] = [[] for _ in ids]
    for head, relation, tail in facts:
        for title, other in ((head, tail), (tail, head)):
            if (row := rows.get(title)) is not None:
                linked[row].append(f"{relation.replace('_', ' ')} {other.partition(':')[2] or other}")
    return lists(linked)
