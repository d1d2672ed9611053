"""What goes wrong with files is said in one line; what is wrong with the program keeps its trace."""

import argparse
import contextlib
import errno
from pathlib import Path

import numpy as np
import pytest

from streams import cli


def test_a_full_disk_is_said_in_one_line_and_the_file_of_before_stays(tmp_path, capsys):
    (tmp_path / "titles.csv").write_text("before")
    (tmp_path / "titles.csv.new").symlink_to("/dev/full")
    assert cli.main(["titles", "simulate", "--titles", "5", "-o", str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "cw: No space left on device"
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"titles.csv": "before"}


def ran(raised, monkeypatch):
    def run(arguments):
        raised()

    parser = argparse.ArgumentParser()
    parser.set_defaults(run=run)
    monkeypatch.setattr(cli, "build_parser", lambda: parser)
    return cli.main([])


def test_a_file_that_cannot_be_opened_is_named(tmp_path, capsys, monkeypatch):
    assert ran((tmp_path / "nothing").read_bytes, monkeypatch) == 1
    assert capsys.readouterr().err == f"cw: {tmp_path / 'nothing'}: No such file or directory\n"


def test_vectors_on_a_full_disk_are_said_in_one_line(capsys, monkeypatch):
    """numpy raises an OSError without a number."""
    with contextlib.suppress(OSError), Path("/dev/full").open("wb") as full:
        assert ran(lambda: np.save(full, np.zeros(100_000)), monkeypatch) == 1
    assert capsys.readouterr().err.startswith("cw: ")


def test_an_error_of_the_network_keeps_its_trace(monkeypatch):
    def refused():
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    with pytest.raises(ConnectionRefusedError):
        ran(refused, monkeypatch)
