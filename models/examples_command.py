"""`cw examples`: an event log as the examples that `cw train --examples` learns from."""

import argparse
from pathlib import Path
from typing import Any

_EXAMPLES = """\
Replays an event log through the fold that the worker runs, and writes what was known at the start of each session and
what the session then played: Parquet files in DIR. `cw train --examples DIR` learns from them, as often as you like,
without replaying the log; several gigabytes of them need no more memory than one.

  --spark MASTER  does the replay on Apache Spark, member by member: local[4] for four cores here, spark://HOST:7077 for
                  a cluster. Executors need this package and the file system of FILE and DIR. `make spark` gets Spark

Titles come from FILE's stem + .titles.jsonl, members' slow facts from .profiles.jsonl, where these lie beside an event
file.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw examples`."""
    from models.commands import add_candidate_days, add_events

    parser = subparsers.add_parser(
        "examples",
        help="replay an event log into examples, here or on Spark",
        description=_EXAMPLES,
        epilog="Example: cw examples --events history.parquet -o examples && cw train --examples examples -o bundle",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_events(parser)
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="where the examples go")
    add_candidate_days(parser)
    parser.add_argument("--spark", metavar="MASTER", help="replay on Apache Spark, such as local[4]")
    parser.set_defaults(run=examples)


def examples(arguments: argparse.Namespace) -> None:
    """Replays and writes."""
    from models import shards, spark
    from models.commands import prepare_process
    from models.examples import Examples, Plays
    from models.log import read_catalog, read_profiles, title_lines
    from models.progress import showing
    from models.replay import folded
    from streams import vectors

    prepare_process()
    folder: Path = arguments.output
    files = spark.event_files(arguments.events) if arguments.spark is not None else []
    shards.begin(folder)
    with showing() as progress:
        progress.say("Reading the catalogue")
        catalog, profiles = read_catalog(arguments.events), read_profiles(arguments.events)
        if arguments.spark is not None:
            progress.say("Starting Spark")
            days = arguments.candidate_days
            held = spark.write(folder, files, catalog, profiles, days, arguments.spark, progress.stage)
        else:
            with folded(arguments.events, catalog, arguments.candidate_days, progress.stage, profiles=profiles) as (
                parts,
                held,
            ):
                for number, part in enumerate(parts):
                    shards.write(folder, number, Examples.concat([part.examples]), Plays.concat([part.plays]))
                    progress.stage("Writing", number + 1, len(parts))
        (folder / shards.TITLES).write_bytes(b"".join(line + b"\n" for line in title_lines(arguments.events)))
        vectors.save(folder / shards.VECTORS, catalog.vectors)
        shards.finish(folder, arguments.candidate_days, held)
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    print(f"{held['events']:,} events of {held['members']:,} members; {size / 1e6:,.1f} MB of examples in {folder}")
    if held["invalid"]:
        print(f"{held['invalid']:,} records were left out as invalid; the first: {held['reasons'][0]}")
