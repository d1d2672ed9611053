"""The replay's processes: one that dies is an error in one line, never a wait without end."""

import subprocess
import sys
from pathlib import Path

# What every process of the pool runs first, too, and dies of.
SCRIPT = """
import multiprocessing, os, sys
if multiprocessing.parent_process() is not None:
    os._exit(3)
from models.log import read_catalog
from models.replay import replay
from streams.errors import CommandError
try:
    replay([sys.argv[1]] * 3, read_catalog([sys.argv[1]]), processes=2)
except CommandError as error:
    print(error)
"""


def test_a_process_that_dies_before_it_has_read_its_arguments_ends_the_replay(log: Path, tmp_path: Path):
    """The catalogue is larger than a pipe holds; the log, read three times, makes more than one part."""
    assert log.with_name(f"{log.stem}.titles.jsonl").stat().st_size > 65_536
    script = tmp_path / "dies.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, str(script), str(log)], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("a process that replays the log ended before its work")
    assert done.stdout.count("\n") == 1
