"""`cw titles clusters`: groups of titles in each view, named by what tells them from the rest."""

import argparse
from pathlib import Path
from typing import Any

_DESCRIPTION = """\
Groups the titles of each view and names the groups by their categories, tags and countries: what is frequent in a group
and rare elsewhere. How many groups is chosen by how well they are apart (silhouette). Writes DIR/clusters.json.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles clusters`."""
    parser = subparsers.add_parser(
        "clusters",
        help="groups of titles, named by what tells them from the rest",
        description=_DESCRIPTION,
        epilog="Example: cw titles clusters vectors --view audience",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="what 'cw titles train -o' wrote")
    parser.add_argument("--view", metavar="V", help="one view (all)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Prints one table a view."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from models.commands import prepare_process
    from models.progress import showing
    from models.titles import clusters, map_file
    from models.titles.folder import TitleSpace

    console = Console(highlight=False)
    prepare_process()
    with showing() as progress:
        progress.say("Reading the titles")
        space = TitleSpace.load(arguments.dir)
        chosen = {arguments.view: space.view(arguments.view)} if arguments.view else space.views
        made = {
            view: clusters.make(space.titles, vectors, progress.counter(f"By {view}", len(clusters.NUMBERS)))
            for view, vectors in chosen.items()
        }
    map_file.write(arguments.dir / "clusters.json", {view: map_file.as_json(each) for view, each in made.items()})
    for view, each in made.items():
        table = Table(title=f"View {view}, silhouette {each.silhouette:.2f}", title_justify="left", box=None)
        table.add_column("titles", justify="right")
        table.add_column("cluster")
        table.add_column("in its middle")
        for cluster in each.clusters:
            table.add_row(f"{cluster.size:,}", Text(cluster.name), Text(space.titles[cluster.middle].title))
        console.print(table)
