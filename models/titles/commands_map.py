"""`cw titles map`: the similarity map of each view, for the page and as a picture."""

import argparse
from pathlib import Path
from typing import Any

_DESCRIPTION = """\
Lays the titles of each view out on a plane (t-SNE), those that are alike close together, names their clusters, and
writes DIR/map.json, which the gateway's page /titles shows where CW_TITLES_DIR names DIR, and a picture. Where DIR
has audiences, the audience of every title in every country is estimated for the page, too.

Run again after titles were added to DIR: those that stand on the map stay where they are, and the new ones are placed
among them. After a new training the map is drawn anew.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles map`."""
    parser = subparsers.add_parser(
        "map",
        help="the similarity map of each view, as a page and as a picture",
        description=_DESCRIPTION,
        epilog="Example: cw titles map vectors -o map.png && CW_TITLES_DIR=vectors cw gateway",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="what 'cw titles train -o' wrote")
    parser.add_argument("-o", "--output", type=Path, metavar="PNG", help="the picture (default: DIR/map.png)")
    parser.add_argument("--views", nargs="+", metavar="V", help="views in the picture, side by side (all)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Writes map.json and the picture."""
    from models.commands import check_writable, prepare_process
    from models.progress import showing
    from models.titles import audience_file, map_file, map_picture
    from models.titles.folder import TitleSpace
    from streams.title_map import NAME

    output = arguments.output or arguments.dir / "map.png"
    check_writable(arguments.output)
    prepare_process()
    with showing() as progress:
        progress.say("Reading the titles")
        space = TitleSpace.load(arguments.dir)
        views = arguments.views or list(space.views)
        for view in views:
            space.view(view)
        made = map_file.make(space, arguments.dir, progress.counter)
        estimated = audience_file.write(space, arguments.dir, progress.counter)
        progress.say("Drawing")
        map_file.write(arguments.dir / NAME, made)
        map_picture.draw(made, views, output)
    for view, of in made["views"].items():
        missing = of["x"].count(None)
        without = f", {missing:,} titles have no vector in it" if missing else ""
        print(f"{view}: {len(space.titles) - missing:,} titles in {len(of['clusters'])} clusters{without}")
    if estimated:
        print("audience: every title estimated, by models that have not learned from its own audience")
    print(f"{arguments.dir / NAME} and {output}; look at it: CW_TITLES_DIR={arguments.dir} cw gateway")
