"""`cw titles`: a group of commands, one module each."""

import argparse
from importlib import import_module
from typing import Any, Final

_DESCRIPTION = """\
Title vectors: what films and series are about and whom they reach, learned from their categories, audiences and from
what is known of them; and tools for people who decide about content.

  1. 'cw titles import' makes titles.csv (and audience.csv) of public tables, or write these yourself: docs/titles.md
  2. 'cw titles train --titles titles.csv -o DIR' learns vectors; everything else reads DIR
"""
# One module a command, each with `add_parser(subparsers)`. They import what is heavy when they run, not before.
MODULES: Final[tuple[str, ...]] = (
    "models.titles.commands_import",
    "models.titles.commands_simulate",
    "models.titles.commands_train",
    "models.titles.commands_evaluate",
    "models.titles.commands_audience",
    "models.titles.commands_vector",
    "models.titles.commands_countries",
    "models.titles.commands_similar",
    "models.titles.commands_clusters",
    "models.titles.commands_map",
    "models.titles.commands_add",
    "models.titles.commands_bundle",
)


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles`."""
    group = subparsers.add_parser(
        "titles",
        help="title vectors, and tools for those who decide about content",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in MODULES:
        import_module(name).add_parser(commands)
