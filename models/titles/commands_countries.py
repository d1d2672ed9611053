"""`cw titles countries`: which countries watch alike."""

import argparse
from pathlib import Path
from typing import Any

from models.titles.commands_common import positive, titles_extra
from streams.errors import CommandError, UsageError

_DESCRIPTION = """\
Shows for each country the countries nearest to it, in three ways:
  by taste      by country vectors that audiences are taken apart into, the ones that sizing uses
  by audiences  whether titles that do better than elsewhere in the one do so in the other, over the titles that both
                have; countries with fewer than ten titles in common are not compared
  by the view   by the country vectors that the audience view was trained with; the page of the gateway shows these
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles countries`."""
    parser = subparsers.add_parser(
        "countries",
        help="which countries watch alike",
        description=_DESCRIPTION,
        epilog="Example: cw titles countries vectors --country BR",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="what 'cw titles train --audience -o' wrote")
    parser.add_argument("--country", metavar="C", help="one country (all)")
    parser.add_argument("-n", type=positive, default=4, metavar="N", help="how many for each (4)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Prints one table. Raises CommandError where DIR has no audiences of two countries."""
    with titles_extra():
        _run(arguments)


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    from models.titles import countries
    from models.titles.audience import decompose, gather
    from models.titles.folder import TitleSpace

    space = TitleSpace.load(arguments.dir)
    if not space.audience:
        raise CommandError(f"{arguments.dir} was trained without audiences; train with --audience FILE")
    audience, _ = gather(space.audience, space.index)
    if len(audience.codes) < 2:
        raise CommandError(f"the audiences of {arguments.dir} are of one country, or not divided by country")
    profile, _ = countries.by_profile(audience)
    ways = [("by taste", countries.by_vectors(audience.codes, decompose(audience).country_vectors))]
    ways.append(("by audiences", profile))
    if space.countries is not None:
        ways.append(("by the view", countries.by_vectors(*space.countries)))
    folded = [code.casefold() for code in audience.codes]
    if arguments.country is not None and arguments.country.casefold() not in folded:
        raise UsageError(f"no title has an audience in {arguments.country!r}; there are {', '.join(audience.codes)}")
    asked = range(len(folded)) if arguments.country is None else [folded.index(arguments.country.casefold())]
    table = Table(title="Countries that watch alike", title_justify="left", box=None)
    table.add_column("country")
    for name, _ in ways:
        table.add_column(name, overflow="fold")
    for row in asked:
        code = audience.codes[row]
        table.add_row(code or "world", *(_listed(alike, code, arguments.n) for _, alike in ways))
    Console(highlight=False).print(table)


def _listed(alike: Any, code: str, count: int) -> str:
    if code not in alike.codes:
        return "–"
    nearest = alike.nearest(alike.codes.index(code), count)
    return ", ".join(f"{alike.codes[other] or 'world'} {cosine:.2f}" for other, cosine in nearest) or "not known"
