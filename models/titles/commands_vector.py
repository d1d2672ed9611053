"""`cw titles vector`: the vector of a title that is not out yet, and which titles are near it."""

import argparse
from pathlib import Path
from typing import Any

from models.titles.commands_common import positive, titles_extra

_DESCRIPTION = """\
Makes vectors of a title not yet launched from what is known of it, and shows the titles of DIR that are nearest, by
each view whose encoder DIR has. FILE is a JSON object with any of title, kind, release_year, categories, tags, people,
countries and summary. What is missing is not taken for nothing: the encoders learned a vector for "not known".

The encoders run as ONNX graphs, which are made of DIR/encoders when first needed.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles vector`."""
    parser = subparsers.add_parser(
        "vector",
        help="the vector of a title not yet launched, and the titles nearest to it",
        description=_DESCRIPTION,
        epilog="Example: cw titles vector idea.json --dir vectors",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="JSON object with what is known of the title")
    parser.add_argument("--dir", required=True, type=Path, metavar="DIR", help="what 'cw titles train -o' wrote")
    parser.add_argument("-n", type=positive, default=10, metavar="N", help="how many titles by each view (10)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the vectors by view, and the titles found")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Prints one table a view."""
    import orjson
    from rich.console import Console

    from models.commands import check_writable
    from models.progress import showing
    from models.titles import cold_start
    from models.titles.folder import TitleSpace

    check_writable(arguments.json)
    record = cold_start.read(arguments.file)
    with titles_extra(), showing() as progress:
        progress.say("Reading the encoders")
        space = TitleSpace.load(arguments.dir)
        encoders = cold_start.ColdStart(arguments.dir)
        progress.say("Encoding")
        made = {view: vectors[0] for view, vectors in encoders.vectors([record]).items()}
    unknown = encoders.unknown(record)
    console = Console(highlight=False)
    if unknown.fields:
        console.print(f"Not known of it: {', '.join(unknown.fields)}.")
    if unknown.terms:
        console.print(f"Of no other title, so nothing is learned from it: {', '.join(unknown.terms)}.", markup=False)
    nearest = {view: _nearest(space.view(view), vector, arguments.n) for view, vector in made.items()}
    for view, found in nearest.items():
        _show(console, space, record, view, found)
    if arguments.json is not None:
        out = {
            "unknown": {"fields": unknown.fields, "terms": unknown.terms},
            "vectors": made,
            "nearest": {
                view: [{"title_id": space.titles[row].title_id, "cosine": cosine} for row, cosine in found]
                for view, found in nearest.items()
            },
        }
        arguments.json.write_bytes(orjson.dumps(out, option=orjson.OPT_SERIALIZE_NUMPY))


def _nearest(vectors: Any, vector: Any, count: int) -> list[tuple[int, float]]:
    """Rows of `vectors` (n, d) with their cosine to `vector` (d,), the nearest first."""
    from streams.nearest import Nearest

    found = Nearest(vectors, "cosine").search(vector[None], count)
    pairs = zip(found.rows[0].tolist(), found.distances[0].tolist(), strict=True)
    return [(row, 1 - distance) for row, distance in pairs if row >= 0]


def _show(console: Any, space: Any, record: Any, view: str, found: list[tuple[int, float]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"Like {record.title}, view {view}", title_justify="left", box=None)
    table.add_column("", justify="right")
    table.add_column("title", min_width=24)
    table.add_column("year")
    table.add_column("cosine", justify="right")
    table.add_column("categories", overflow="fold")
    for rank, (row, cosine) in enumerate(found, 1):
        title = space.titles[row]
        year = "" if title.release_year is None else str(title.release_year)
        table.add_row(str(rank), Text(title.title), year, f"{cosine:.3f}", Text(", ".join(title.categories)))
    console.print(table)
