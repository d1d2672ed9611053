"""`cw titles add`: titles that came after the training."""

import argparse
from pathlib import Path
from typing import Any

from models.titles.commands_common import say_broken, titles_extra

_DESCRIPTION = """\
Adds the titles of a table to a folder of vectors, without a training: its encoders place them among those that are
there, whose vectors stay as they are. Titles whose ids the folder has already are left out. The graph view knows the
titles alone that it was trained with; maps and clusters are drawn anew with 'cw titles map'.

For the ranking: 'cw titles bundle DIR --bundle B' and 'cw publish B' hand them to running workers.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles add`."""
    parser = subparsers.add_parser(
        "add",
        help="new titles into a folder of vectors, without a training",
        description=_DESCRIPTION,
        epilog="Example: cw titles add new.csv --dir space && cw titles bundle space --bundle bundle",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("titles", type=Path, metavar="FILE", help="titles table, CSV or Parquet")
    parser.add_argument("--dir", required=True, type=Path, metavar="DIR", help="what 'cw titles train -o' wrote")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Raises CommandError where the table or the folder can't be used."""
    with titles_extra():
        from models.progress import showing
        from models.titles import adding, table
        from models.titles.folder import TitleSpace

        with showing() as progress:
            progress.say("Reading")
            space = TitleSpace.load(arguments.dir)
            titles, broken = table.read(arguments.titles)
            progress.say("Encoding")
            larger = adding.add(space, arguments.dir, titles, progress.stage)
            if len(larger.titles) > len(space.titles):
                larger.save(arguments.dir)
    say_broken(arguments.titles, broken)
    added = len(larger.titles) - len(space.titles)
    print(f"{added:,} titles added to {arguments.dir}; {len(larger.titles):,} now")
