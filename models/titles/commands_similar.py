"""`cw titles similar`: the titles most like a title, and why."""

import argparse
from pathlib import Path
from typing import Any, Final

from models.titles.commands_common import positive
from streams.errors import UsageError

_METRICS: Final = ("cosine", "euclidean")  # as in streams.nearest, whose numpy no help page needs
_DESCRIPTION = """\
Shows the titles whose vectors are nearest to a title's, with what both have in common.

There is no one truth about what is alike, so there are views: `category` puts together what is about the same,
`audience` what does well in the same countries, `graph` what shares people and other links, `combined` all of it.

Below 100,000 titles the nearest are exact. From there on an index is built once and kept in DIR; it may miss a few.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles similar`."""
    parser = subparsers.add_parser(
        "similar",
        help="the titles most like a title, by each view, and why",
        description=_DESCRIPTION,
        epilog="Example: cw titles similar 'Breaking Bad' --dir vectors --view all",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("title", metavar="TITLE", help="a title_id, or a name whatever its case and accents")
    parser.add_argument("--dir", required=True, type=Path, metavar="DIR", help="what 'cw titles train -o' wrote")
    parser.add_argument("--view", metavar="V", help="a view of DIR, or all (default: combined where there is one)")
    parser.add_argument("--metric", choices=_METRICS, default="cosine", help="distance between vectors (cosine)")
    parser.add_argument("-n", type=positive, default=10, metavar="N", help="how many (10)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Prints one table a view."""
    from models.commands import prepare_process
    from models.progress import showing
    from models.titles import facts, lookup
    from models.titles.folder import TitleSpace
    from models.titles.similar import searcher, similar

    prepare_process()
    with showing() as progress:
        progress.say("Reading the titles")
        space = TitleSpace.load(arguments.dir)
        row = lookup.find(space.titles, arguments.title)
        views = _views(space, arguments.view)
        known = facts.read(space, arguments.dir)
        tables = []
        for view in views:
            search = searcher(space, view, arguments.metric, arguments.dir, progress.counter)
            tables.append((view, similar(space, known, view, search, [row], arguments.n)[0]))
    for view, found in tables:
        if found:
            _show(space, row, view, arguments.metric, found)
        elif len(tables) == 1:
            raise UsageError(f"{space.titles[row].title} has no vector in the view {view}; try --view all")
        else:
            print(f"{space.titles[row].title} has no vector in the view {view}")


def _views(space: Any, asked: str | None) -> list[str]:
    if asked == "all":
        return list(space.views)
    if asked is None:
        asked = "combined" if "combined" in space.views else next(iter(space.views), "combined")
    space.view(asked)
    return [asked]


def _show(space: Any, row: int, view: str, metric: str, found: list[Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    title = space.titles[row]
    console = Console(highlight=False)
    table = Table(title=f"Like {title.title} ({title.title_id}), view {view}", title_justify="left", box=None)
    table.add_column("", justify="right")
    table.add_column("title", min_width=24)
    table.add_column("year")
    table.add_column(metric, justify="right")
    table.add_column("why", overflow="fold")
    for rank, each in enumerate(found, 1):
        other = space.titles[each.row]
        year = "" if other.release_year is None else str(other.release_year)
        reasons = "; ".join(f"{reason.kind}: {', '.join(reason.names)}" for reason in each.why)
        table.add_row(str(rank), Text(other.title), year, f"{each.distance:.3f}", Text(reasons or "nothing on record"))
    console.print(table)
