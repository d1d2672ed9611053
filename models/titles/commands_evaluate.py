"""`cw titles evaluate`: how well categories are predicted from the rest of what is known of a title."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.progress import Stages
    from models.titles.table import TitleRecord

_DESCRIPTION = """\
Predicts the categories of titles that were not learned from, in five folds; titles of one description share a fold.
Categories are withheld. From the description alone, then with tags, people, countries, kind and year on top, each
beside TF-IDF with logistic regression in the same folds. One threshold for all categories is chosen in the other
folds. Categories of fewer than 50 titles are left out (in a small catalogue, of fewer than 1 in 100 titles).
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles evaluate`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="how well title vectors predict categories",
        description=_DESCRIPTION,
        epilog="Example: cw titles evaluate --titles data/titles.csv --json figures.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--titles", required=True, type=Path, metavar="FILE", help="titles table, CSV or Parquet")
    parser.add_argument("--text", metavar="MODELS", help="as of 'cw titles train' (default: what is installed)")
    parser.add_argument(
        "--gru", action="store_true", help="also the description through the GRU over word vectors; takes twice as long"
    )
    parser.add_argument(
        "--graph", action="store_true", help="also with vectors of a graph without categories beside all else"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="where the figures go")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Evaluates, prints a table, and writes the report."""
    import time

    import orjson

    from models.commands import check_writable, prepare_process
    from models.progress import showing
    from models.titles import table, texts
    from models.titles.commands_common import say_broken, titles_extra

    out: Path | None = arguments.json
    check_writable(out)
    prepare_process()
    begin = time.perf_counter()
    with titles_extra():
        from models.titles.category_evaluation import Evaluation

        named = texts.chosen(arguments.text)
        with showing() as progress:
            progress.say("Reading the titles")
            titles, broken = table.read(arguments.titles)
            say_broken(arguments.titles, broken)
            read = texts.read(named, [title.summary for title in titles], progress.stage)
            evaluation = Evaluation(titles, read, named, progress.stage)
            graph = _graph_vectors(evaluation.titles, progress) if arguments.graph else None
            report = evaluation.run(arguments.gru, graph)
    report["seconds"] = round(time.perf_counter() - begin, 1)
    _show(report)
    if out is not None:
        out.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))


def _graph_vectors(titles: Sequence["TitleRecord"], progress: "Stages") -> Any:
    from models.titles import graph, triples

    facts = triples.derive(replace(title, categories=()) for title in titles)
    return graph.train_view(titles, facts, stepped=partial(progress.stage, "Learning a graph without categories"))[0]


def _show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=f"{report['titles']:,} titles, {len(report['categories'])} categories, {report['folds']} folds")
    shown.add_column("From")
    names = ("micro F1", "macro F1", "average precision", "main category")
    for name in names:
        shown.add_column(name, justify="right")
    keys = ("micro_f1", "macro_f1", "macro_average_precision", "main_category_accuracy")
    for name, figures in report["input_sets"].items():
        shown.add_row(name.replace("_", " "), *(f"{figures[key]:.3f}" for key in keys))
    for name, figures in report["baseline_tfidf_logistic_regression"].items():
        shown.add_row(f"TF-IDF: {name.replace('_', ' ')}", *(f"{figures[key]:.3f}" for key in keys))
    Console().print(shown)
