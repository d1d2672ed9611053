"""`cw`: finds the commands that the installed packages offer, and runs one."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from errno import EDQUOT, EFBIG, ENOSPC
from importlib.metadata import entry_points, version
from typing import Any

from streams.errors import CommandError, UsageError

ENTRY_POINT_GROUP = "cw.commands"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, then where to read more, with exit code 2."""

    def error(self, message: str) -> Any:
        raise UsageError(f"{message} (see '{self.prog} --help')")


def build_parser() -> argparse.ArgumentParser:
    """One parser with every installed command.

    A command is an entry point of the group `cw.commands`: a function that takes argparse's subparsers, adds its
    parser, and sets `run` in its defaults, a function from the parsed arguments to an exit code or None.
    """
    parser = _Parser(
        prog="cw",
        description="Continue Watching: what a member most likely wants to go on with, while they watch.",
        epilog="Start with 'cw demo': a broker, a trained model, a worker, a gateway and a page, on this machine.",
    )
    parser.add_argument("--version", action="version", version=f"cw {version('continue-watching')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda e: e.name):
        add_parser: Callable[[Any], None] = entry.load()
        add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    try:
        arguments = build_parser().parse_args(argv)
        run: Callable[[argparse.Namespace], int | None] = arguments.run
        return run(arguments) or 0
    except UsageError as error:
        print(f"cw: {error}", file=sys.stderr)
        return 2
    except CommandError as error:
        print(f"cw: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) went away; without this Python complains again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        said = _of_a_file(error)
        if said is None:
            raise
        print(f"cw: {said}", file=sys.stderr)
        return 1


def _of_a_file(error: OSError) -> str | None:
    """What went wrong with a file, or that the disk is full; None for other errors, which need their trace."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if error.errno in (ENOSPC, EDQUOT, EFBIG):
        return str(error.strerror)
    if str(error).endswith(" written"):  # numpy says so, and not why: "128 requested and 0 written"
        return f"the disk is full, or a limit is reached ({error})"
    return None


if __name__ == "__main__":
    sys.exit(main())
