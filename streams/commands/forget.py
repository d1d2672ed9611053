"""`cw forget`: a member's state and rows, gone."""

import argparse
from typing import Any

from streams import config

DESCRIPTION = """\
Empties a member's state and deletes their rows, on the worker that has the member (CW_WORKER_URLS). Their next event
begins anew. Their events stay in playback.events: a log keeps what it was given, so training on it still sees them,
and 'cw state rebuild' would read them again.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw forget MEMBER`."""
    parser = subparsers.add_parser(
        "forget",
        help="empty a member's state and delete their rows",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("member", metavar="MEMBER", help="the member's id")
    parser.set_defaults(run=_forget)


def _forget(arguments: argparse.Namespace) -> None:
    from streams.commands.state import ask_owner

    done: dict[str, Any] = {}
    for answer in ask_owner(config.load().worker_urls, arguments.member, "forget", b"{}"):
        done = answer
    print(f"{arguments.member} is forgotten: the state is empty, {done['rows']} rows are deleted")
