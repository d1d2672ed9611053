"""`cw titles` as a group: it is there at once, and says what each command does."""

import subprocess
import sys

from models.titles.commands import MODULES
from streams.cli import build_parser

HEAVY = ("numpy", "jax", "equinox", "faiss", "sklearn", "lightgbm", "pyarrow", "onnx", "onnxruntime", "rich")


def test_help_imports_nothing_heavy():
    """Every `cw` command builds this group's parsers first."""
    code = (
        "import sys; from models.titles.commands import add_parser; import argparse; "
        "add_parser(argparse.ArgumentParser().add_subparsers()); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_command_has_a_help_that_teaches():
    """A description and an example, at least."""
    group = build_parser()._subparsers._group_actions[0].choices["titles"]
    commands = group._subparsers._group_actions[0].choices
    assert len(commands) >= len(MODULES)
    for name, parser in commands.items():
        assert len(parser.description or "") > 80, name
        assert "cw titles" in (parser.epilog or parser.description), name
