"""`cw titles audience`: how many will watch a title in a country, and which past titles say so."""

import argparse
from pathlib import Path
from typing import Any

from streams.errors import CommandError, UsageError

_DESCRIPTION = """\
Estimates how many will watch a title in a country, with an interval that holds 80 of 100 such titles, and shows the
past titles that the estimate rests on: their audience there, their weight, and by how much each moves the estimate.

TITLE is a title of DIR by id or name, or a JSON file with what is known of a title not yet launched (title, kind,
release_year, categories, tags, people, countries, summary: as much as there is). A title that has an audience is
estimated by models that have not learned from it. With --without an estimate is made as if a past title had not been.

With --evaluate titles are held out as if not launched, in folds and by year, and the estimates are compared with what
came, and with baselines: means by country and category, nearest titles by TF-IDF, gradient boosting on raw fields.
"""
_EXAMPLES = """\
Examples: cw titles audience vectors 'Dark' --country BR
          cw titles audience vectors idea.json --country ES --without 'Money Heist'
          cw titles audience --evaluate --titles titles.csv --audience audience.csv --json figures.json
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles audience`."""
    parser = subparsers.add_parser(
        "audience",
        help="how many will watch a title in a country, and which past titles say so",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dir", nargs="?", type=Path, metavar="DIR", help="what 'cw titles train --audience -o' wrote")
    parser.add_argument("title", nargs="?", metavar="TITLE", help="a title_id, a name, or a JSON file")
    parser.add_argument("--country", metavar="C", help="a country of the audience table (default: a line for each)")
    parser.add_argument("--without", action="append", default=[], metavar="TITLE", help="leave out a past title")
    parser.add_argument("--evaluate", action="store_true", help="measure estimates on titles held out")
    parser.add_argument("--titles", type=Path, metavar="FILE", help="with --evaluate: the titles table")
    parser.add_argument("--audience", type=Path, metavar="FILE", help="with --evaluate: audiences by title and country")
    parser.add_argument("--json", type=Path, metavar="OUT", help="with --evaluate: where the figures go")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Estimates, or measures estimates."""
    from models.commands import prepare_process

    tables = (arguments.titles, arguments.audience, arguments.json)
    if arguments.evaluate:
        if None in tables:
            raise UsageError("--evaluate needs --titles FILE, --audience FILE and --json OUT")
        if arguments.title is not None or arguments.country is not None or arguments.without:
            raise UsageError("--evaluate takes no TITLE, --country or --without: it holds out all titles")
        prepare_process()
        _evaluate(arguments)
        return
    if any(table is not None for table in tables):
        raise UsageError("--titles, --audience and --json go with --evaluate")
    if arguments.dir is None or arguments.title is None:
        raise UsageError("name DIR and a TITLE, or --evaluate (see 'cw titles audience --help')")
    prepare_process()
    _estimate(arguments)


def _estimate(arguments: argparse.Namespace) -> None:
    import numpy as np

    from models.progress import showing
    from models.titles import lookup, sizing_file, sizing_vectors
    from models.titles.audience import gather
    from models.titles.bags import Bags
    from models.titles.folder import TitleSpace
    from models.titles.sizing_reasons import carriers

    with showing() as progress:
        progress.say("Reading the titles")
        space = TitleSpace.load(arguments.dir)
        if not space.audience:
            raise CommandError(f"{arguments.dir} was trained without audiences; train with --audience FILE")
        table, _ = gather(space.audience, space.index)
        country = None if arguments.country is None else _code(table.codes, arguments.country)
        left_out = {lookup.find(space.titles, name) for name in arguments.without}
        bags = Bags.learn(space.titles)
        described = sizing_vectors.of_space(space, bags)
        record, row, asked = _asked(arguments, space, described, bags)
        sizing = sizing_file.fitted(arguments.dir, described, table, progress.counter)
        progress.say("Estimating")
        codes = np.arange(len(table.codes)) if country is None else np.array([country])
        without = np.isin(sizing.features.row, list(left_out))
        at = np.zeros(len(codes), np.int64)
        estimate = sizing.estimate(asked, np.array([row]), at, codes, without)
        carrying = [] if country is None else carriers(sizing, asked, row, country, left_out)
    usual = sizing.features.parts.country_mean
    actual = {table.country[pair]: table.log_size[pair] for pair in np.flatnonzero(table.title == row)}
    _show_estimates(record, table.codes, codes, estimate, usual, actual)
    if country is not None:
        _show_carriers(space, table, country, carrying)


def _asked(arguments: argparse.Namespace, space: Any, described: Any, bags: Any) -> tuple[Any, int, Any]:
    """The title as a record, its row (-1 for one that is not in the folder), and as the model sees it."""
    import numpy as np

    from models.titles import lookup, sizing_vectors

    path = Path(arguments.title)
    if path.suffix == ".json" or path.is_file():
        from models.titles import cold_start

        record = cold_start.read(path)
        return record, -1, sizing_vectors.of_new(record, described, bags, arguments.dir)
    row = lookup.find(space.titles, arguments.title)
    return space.titles[row], row, described.rows(np.array([row]))


def _code(codes: list[str], asked: str) -> int:
    folded = [code.casefold() for code in codes]
    if asked.casefold() not in folded:
        few = ", ".join(code or "''" for code in codes[:12]) + (", …" if len(codes) > 12 else "")
        raise UsageError(f"no title has an audience in {asked!r}; the audience table has {few}")
    return folded.index(asked.casefold())


def _evaluate(arguments: argparse.Namespace) -> None:
    import time

    import orjson

    from models.commands import check_writable
    from models.progress import showing
    from models.titles import sizing_evaluation, sizing_vectors, table
    from models.titles.audience import gather
    from models.titles.folder import TitleSpace

    check_writable(arguments.json)
    began = time.monotonic()
    with showing() as progress:
        progress.say("Reading the tables")
        titles, broken_titles = table.read(arguments.titles)
        rows, broken_rows = table.read_audience(arguments.audience)
        with_audience = {row.title_id for row in rows}
        launched = [title for title in titles if title.title_id in with_audience]
        audience, unknown = gather(rows, {title.title_id: row for row, title in enumerate(launched)})
        if not launched:
            raise CommandError(f"no title_id of {arguments.audience} stands in {arguments.titles}")
        described = sizing_vectors.of_table(launched, progress.stage)
        if arguments.dir is not None:
            described = sizing_vectors.with_views(described, TitleSpace.load(arguments.dir))
        report = sizing_evaluation.evaluate(described, audience, progress.counter)
    report |= {
        "broken_rows": {"titles": len(broken_titles), "audience": len(broken_rows)},
        "audiences_of_unknown_titles": unknown,
        "seconds": round(time.monotonic() - began, 1),
    }
    arguments.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    _show_report(report)


def _show_estimates(record: Any, codes: list[str], shown: Any, estimate: Any, usual: Any, actual: Any) -> None:
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Audience of {record.title}", title_justify="left", box=None)
    table.add_column("country")
    for name in ("estimate", "80 of 100 such titles lie between", "usual there"):
        table.add_column(name, justify="right")
    if actual:
        table.add_column("what it had", justify="right")
    order = np.argsort(-estimate.middle) if len(shown) > 1 else [0]
    for place in order:
        code = int(shown[place])
        low, high = _people(estimate.low[place]), _people(estimate.high[place])
        cells = [codes[code] or "world", _people(estimate.middle[place]), f"{low} – {high}", _people(usual[code])]
        if actual:
            cells.append(_people(actual[code]) if code in actual else "–")
        table.add_row(*cells)
    Console(highlight=False).print(table)


def _show_carriers(space: Any, table: Any, country: int, carrying: list[Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    where = table.codes[country] or "the world"
    console = Console(highlight=False)
    if not carrying:
        console.print("No past title is like it: the estimate is what is usual for what is known of it.")
        return
    shown = Table(title="Past titles that it rests on", title_justify="left", box=None)
    shown.add_column("title", min_width=16)
    shown.add_column("year")
    shown.add_column("alike by", min_width=8, overflow="fold")
    shown.add_column("weight", justify="right")
    shown.add_column(f"in {where}", justify="right")
    shown.add_column("against usual", justify="right")
    shown.add_column("moves it", justify="right", no_wrap=True)  # what one argues with is never cut
    sizes = {int(table.title[pair]): table.log_size[pair] for pair in (table.country == country).nonzero()[0]}
    for each in carrying:
        title = space.titles[each.row]
        shown.add_row(
            Text(title.title),
            "" if title.release_year is None else str(title.release_year),
            ", ".join(each.views),
            f"{100 * each.share:.1f} %",
            _people(sizes[each.row]) if each.row in sizes else "–",
            "–" if each.beyond is None else _times(each.beyond),
            _change(each.moves),
        )
    console.print(shown)
    console.print(
        "Last column: by how much the estimate is higher than without the title. Leave one out with --without TITLE."
    )


def _show_report(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for key, name in (("folds_by_title", "titles held out in folds"), ("later_titles", "the latest titles held out")):
        if key not in report:
            continue
        part = report[key]
        title = f"{name.capitalize()}: {part['titles']:,} titles, {part['pairs']:,} pairs"
        table = Table(title=title, title_justify="left", box=None)
        table.add_column("")
        for column in ("MAE", "RMSE", "Spearman", "within country", "interval holds", "width"):
            table.add_column(column, justify="right")
        for model, of in part["models"].items():
            covered, width = of.get("interval_coverage"), of.get("interval_width")
            table.add_row(
                model,
                f"{of['mae']:.3f}",
                f"{of['rmse']:.3f}",
                _figure(of["spearman"]),
                _figure(of["spearman_within_country"]),
                "–" if covered is None else f"{100 * covered:.0f} %",
                _figure(width),
            )
        console.print(table)
    gain = report["folds_by_title"]["mae_gain_of_model_over"].get("model_without_vectors")
    if gain is not None and gain["low"] is not None:
        console.print(f"Vectors lower the error by {gain['mean']:.4f} ({gain['low']:.4f} to {gain['high']:.4f}).")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _people(log_size: float) -> str:
    from math import expm1

    size = expm1(log_size)
    for factor, unit in ((1e9, " billion"), (1e6, " million")):
        if size >= factor:
            return f"{size / factor:.3g}{unit}"
    return f"{size:,.0f}" if size >= 100 else f"{size:.3g}"


def _times(log_factor: float) -> str:
    from math import exp

    return f"× {exp(log_factor):.2f}"


def _change(log_factor: float) -> str:
    from math import expm1

    return f"{100 * expm1(log_factor):+.1f} %"
