"""`cw titles import`: public tables to titles and audiences."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streams.errors import CommandError, UsageError

if TYPE_CHECKING:
    from models.titles.imports.imported import Imported
    from models.titles.imports.top10 import Charts, Key

_DESCRIPTION = """\
Reads public tables into DIR/titles.csv and, where they tell audiences, DIR/audience.csv.

  netflix    netflix_titles.csv; its listed_in becomes categories, directors and cast people
  movielens  movies.csv with ratings.csv, tags.csv, links.csv; an audience is the number of members who rated a film.
             With links.csv titles have TMDB's ids
  top10      Netflix's Top 10: all-weeks-global.tsv (an audience is views) and all-weeks-countries.tsv (ranks; an
             audience by country is an estimate from them). With --titles, audiences of the titles of that table are
             found by name, kind and year
  tmdb       daily lists of ids (.json.gz), tmdb_5000_movies.csv with tmdb_5000_credits.csv, and the like
  catalogue  titles as workers know them (history.titles.jsonl): each show with its show_id, for vectors of the ranking

Which file is which is told from its columns. A row that can't be read is left out; all of these are listed in
DIR/broken.tsv with line and reason. docs/titles.md says what becomes of each column.
"""
_FORMATS: Final = ("netflix", "movielens", "top10", "tmdb", "catalogue")
_SHOWN: Final = 5


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles import`."""
    parser = subparsers.add_parser(
        "import",
        help="public tables to titles.csv and audience.csv",
        description=_DESCRIPTION,
        epilog="Example: cw titles import netflix netflix_titles.csv -o data",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("format", metavar="FORMAT", choices=_FORMATS, help=f"one of {', '.join(_FORMATS)}")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="the tables, in any order")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="where the tables go")
    parser.add_argument("--titles", type=Path, metavar="FILE", help="top10: the titles whose audiences are looked for")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Reads, writes, and says what was read."""
    from importlib import import_module

    from models.progress import showing
    from models.titles import table

    if arguments.titles is not None and arguments.format != "top10":
        raise UsageError(f"--titles goes with top10; {arguments.format} has titles of its own")
    output: Path = arguments.output
    table.make_folder(output)
    with showing() as progress:
        progress.say("Reading")
        if arguments.titles is not None:
            imported = _matched(arguments.files, arguments.titles, output)
        else:
            imported = import_module(f"models.titles.imports.{arguments.format}").read(arguments.files)
            if not imported.titles:
                raise CommandError(f"no title in {', '.join(map(str, arguments.files))} can be used{_first(imported)}")
        progress.say("Writing")
        written = []
        if imported.titles:
            table.write(output / "titles.csv", imported.titles)
            written.append("titles.csv")
        if imported.audience:
            table.write_audience(output / "audience.csv", imported.audience)
            written.append("audience.csv")
        if any(imported.broken.values()):
            _write_broken(output / "broken.tsv", imported)
            written.append("broken.tsv")
    _say(imported)
    print(f"In {output}: {', '.join(written)}")


def _matched(files: list[Path], titles: Path, output: Path) -> "Imported":
    """The Top 10's audiences of the titles in a table. Names that are not there go to unmatched.tsv."""
    from models.titles import table
    from models.titles.imports import top10
    from models.titles.matching import Names

    names = Names(table.read(titles)[0])
    imported, charts = top10.read_charts(files)
    ids = {}
    for kind, name in charts.first_year:
        found = names.find(name, kind, charts.first_year[kind, name])
        if found is not None:
            ids[kind, name] = found.title_id
    if not ids:
        raise CommandError(f"none of the {len(charts.first_year):,} titles that charted is in {titles}")
    imported.audience = top10.audiences(charts, ids)
    _write_unmatched(output / "unmatched.tsv", charts, ids)
    print(
        f"{len(ids):,} of {len(charts.first_year):,} titles that charted are in {titles} "
        f"(as {len(set(ids.values())):,} titles); the others are listed in {output / 'unmatched.tsv'}"
    )
    return imported


def _write_unmatched(path: Path, charts: "Charts", ids: "dict[Key, str]") -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("kind\ttitle\tfirst_year\tviews\n")
        for key, year in sorted(charts.first_year.items(), key=lambda item: -charts.world.get(item[0], 0.0)):
            if key not in ids:
                file.write(f"{key[0]}\t{key[1]}\t{year}\t{charts.world.get(key, 0.0):.0f}\n")


def _write_broken(path: Path, imported: "Imported") -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("file\tline\tkept\treason\n")
        for source, rows in imported.broken.items():
            file.writelines(f"{source}\t{row.line}\t{int(row.kept)}\t{row.reason}\n" for row in rows)


def _say(imported: "Imported") -> None:
    titles = imported.titles

    def share(test: Callable[[Any], object]) -> str:
        return f"{sum(map(bool, map(test, titles))):,}"

    if titles:
        print(
            f"{len(titles):,} titles ({share(lambda t: t.kind == 'film')} films, {share(lambda t: t.kind == 'series')} "
            f"series); with categories {share(lambda t: t.categories)}, tags {share(lambda t: t.tags)}, people "
            f"{share(lambda t: t.people)}, countries {share(lambda t: t.countries)}, a summary "
            f"{share(lambda t: t.summary)}, a year {share(lambda t: t.release_year)}"
        )
    if imported.audience:
        of = {row.title_id for row in imported.audience}
        countries = {row.country for row in imported.audience} - {""}
        places = f"{len(countries)} countries" + (
            " and the world" if any(not r.country for r in imported.audience) else ""
        )
        print(
            f"{len(imported.audience):,} audiences of {len(of):,} titles in "
            f"{places if countries else 'the world'}: {imported.unit}"
        )
    for path, rows in imported.broken.items():
        lost, lacking = sum(not row.kept for row in rows), sum(row.kept for row in rows)
        if rows:
            print(f"{path}: {lost:,} rows left out, {lacking:,} values not read")
        for row in rows[:_SHOWN]:
            print(f"  line {row.line}: {row.reason}")


def _first(imported: "Imported") -> str:
    rows = [(path, row) for path, rows in imported.broken.items() for row in rows]
    return f": {rows[0][0]}, line {rows[0][1].line}: {rows[0][1].reason}" if rows else ""
