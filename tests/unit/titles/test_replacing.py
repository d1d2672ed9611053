"""Files are whole or not there, whatever happens while they are written."""

import pytest

from models.titles import replacing
from models.titles.folder import TitleSpace
from models.titles.table import TitleRecord
from streams.errors import CommandError


def written(folder):
    return {str(each.relative_to(folder)): each.read_text() for each in folder.rglob("*") if each.is_file()}


def test_files_take_their_places_together_and_stale_ones_go(tmp_path):
    for name in ("meta.json", "a.txt", "b.txt", "map.json"):
        (tmp_path / name).write_text("old")
    with replacing.folder(tmp_path, ["*.txt"]) as new:
        (new / "deep").mkdir()
        for name in ("meta.json", "a.txt", "deep/c.txt"):
            (new / name).write_text("new")
        assert written(tmp_path)["a.txt"] == "old"
    assert written(tmp_path) == {"meta.json": "new", "a.txt": "new", "deep/c.txt": "new", "map.json": "old"}


def test_a_folder_stays_as_it_was_where_writing_fails(tmp_path):
    (tmp_path / "meta.json").write_text("old")
    with pytest.raises(FileNotFoundError), replacing.folder(tmp_path, ["*"]) as new:
        (new / "nowhere" / "meta.json").write_text("new")
    assert written(tmp_path) == {"meta.json": "old"}


def test_a_folder_whose_writer_was_killed_while_files_took_their_places_is_none(tmp_path, monkeypatch):
    """What has new vectors beside the old titles must not be taken for whole."""
    two = TitleSpace([TitleRecord("a", "A")], {}), TitleSpace([TitleRecord("b", "B")], {})
    two[0].save(tmp_path)
    replace = replacing.os.replace

    def killed(source, target):
        if target.name == "meta.json":
            raise SystemExit
        replace(source, target)

    monkeypatch.setattr(replacing.os, "replace", killed)
    with pytest.raises(SystemExit):
        two[1].save(tmp_path)
    with pytest.raises(CommandError, match="cw titles train"):
        TitleSpace.load(tmp_path)


def test_what_a_killed_writer_left_is_not_taken_over(tmp_path):
    (tmp_path / ".new").mkdir()
    (tmp_path / ".new" / "titles.parquet").write_text("half")
    with replacing.folder(tmp_path, []) as new:
        (new / "meta.json").write_text("new")
    assert written(tmp_path) == {"meta.json": "new"}


def test_a_file_stays_as_it_was_where_writing_fails(tmp_path):
    (tmp_path / "titles.csv").write_text("old")
    with pytest.raises(UnicodeEncodeError), replacing.file(tmp_path / "titles.csv") as new:
        new.write_text("half of it\ud800", encoding="utf-8")
    assert written(tmp_path) == {"titles.csv": "old"}
