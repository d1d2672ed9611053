"""`cw titles bundle`: title vectors into a ranking bundle."""

import argparse
from pathlib import Path
from typing import Any

from streams.errors import UsageError

_DESCRIPTION = """\
Puts one view of a folder of vectors where the ranking finds it, so that it knows which shows are alike.

  --npz history.titles.npz   writes the vectors beside history.jsonl: 'cw train --events history.jsonl' learns from them
  --bundle B                 gives a bundle these vectors in place of its own, and a new version. 'cw publish B' hands
                             it to running workers: new titles are known without a training and without a restart

Vectors are looked up by show_id: the titles table must have the title_id of a film and the show_id of a series ('cw
titles import catalogue' makes such a table). A bundle goes on with vectors of the same training and titles that 'cw
titles add' has put beside them. After another training titles lie otherwise than its models have learned, and the
command says so: then train again.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles bundle`."""
    parser = subparsers.add_parser(
        "bundle",
        help="title vectors into a ranking bundle, or beside the log that it is trained on",
        description=_DESCRIPTION,
        epilog="Example: cw titles bundle space --bundle bundle && cw publish bundle",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="what 'cw titles train -o' wrote")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--bundle", type=Path, metavar="B", help="what 'cw train -o' wrote")
    target.add_argument("--npz", type=Path, metavar="FILE", help="write the vectors alone")
    parser.add_argument("-o", "--output", type=Path, metavar="NEW", help="leave B as it is and write the bundle to NEW")
    parser.add_argument("--view", metavar="V", help="which view (default: category, or else the first there is)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Raises CommandError where the folder or the bundle can't be used."""
    from models.progress import showing
    from models.titles import side_input
    from models.titles.folder import TitleSpace

    if arguments.output is not None and arguments.npz is not None:
        raise UsageError("-o goes with --bundle; --npz names its file itself")
    with showing() as progress:
        progress.say("Reading")
        space = TitleSpace.load(arguments.dir)
        view = side_input.view_of(space, arguments.view)
        of_view = side_input.vectors_of(space, view)
        progress.say("Writing")
        if arguments.npz is not None:
            side_input.write(arguments.npz, of_view)
            print(
                f"Vectors of {len(of_view.index):,} titles ({view}, {of_view.table.shape[1]} dims) in {arguments.npz}"
            )
            return
        output = arguments.output or arguments.bundle
        made = side_input.replace(arguments.bundle, of_view, output, {"view": view})
    change = made.change
    print(
        f"Bundle {made.manifest.version} in {output}: vectors of {change.titles:,} titles ({view}, {change.dims} "
        f"dims), {change.added:,} new, {change.gone:,} gone; "
        f"{made.known:,} of the {made.shows:,} shows it has learned of are known"
    )
    if made.shows and not made.known:
        print("Vectors are looked up by show_id, and no title_id is one: see 'cw titles bundle --help'")
    if not made.as_learned:
        moved = (
            "" if change.moved is None or change.lies_alike else f" (cosines differ by {change.moved:.2f} on average)"
        )
        print(
            f"Its models have not learned with these vectors{moved}: write them beside the log with --npz, and train "
            "again"
        )
