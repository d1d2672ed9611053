"""`cw titles simulate`: a made-up catalogue with audiences."""

import argparse
from pathlib import Path
from typing import Any

from streams.errors import UsageError

_DESCRIPTION = """\
Writes DIR/titles.csv and DIR/audience.csv of a made-up catalogue, to try the tools on or to measure them with:
audiences depend on tags, people and countries, and on luck, as models/titles/simulate.py says.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles simulate`."""
    parser = subparsers.add_parser(
        "simulate",
        help="a made-up catalogue with audiences by country",
        description=_DESCRIPTION,
        epilog="Example: cw titles simulate --titles 2000 -o made-up",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--titles", type=int, default=2000, metavar="N", help="how many (default 2000)")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="S", help="the same seed makes the same titles (default 1)"
    )
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="where the tables go")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Makes and writes."""
    from models.titles import simulate, table

    if not 1 <= arguments.titles <= 200_000:
        raise UsageError("--titles must be 1 to 200000")
    made = simulate.make(arguments.titles, arguments.seed)
    table.make_folder(arguments.output)
    table.write(arguments.output / "titles.csv", made.titles)
    table.write_audience(arguments.output / "audience.csv", made.audience)
    print(f"{len(made.titles):,} titles and {len(made.audience):,} audiences in {arguments.output}")
