"""Facts about titles: derived from the table, or read from a file."""

import pytest

from models.titles.delimited import BrokenRow
from models.titles.table import TitleRecord
from models.titles.triples import Triple, derive, read, write
from streams.errors import CommandError


def test_the_table_says_a_fact_for_each_thing_that_titles_share():
    """C is in one title only and made nothing else: that tells nothing of any other title."""
    dark = TitleRecord("s1", "Dark", "series", 2017, ("Crime",), ("twins",), ("A", "B"), ("DE",), "A child …")
    other = TitleRecord("s2", "1899", "series", 2017, ("Crime",), ("twins",), ("A", "B", "C"), ("DE",), "A ship …")
    assert derive([dark, other]) == [
        (f"title:{title}", *fact)
        for title in ("s1", "s2")
        for fact in (
            ("in_category", "category:Crime"),
            ("has_tag", "tag:twins"),
            ("made_by", "person:A"),
            ("made_by", "person:B"),
            ("from_country", "country:DE"),
            ("is_a", "kind:series"),
            ("came_out", "year:2017"),
        )
    ]


def test_where_titles_share_nothing_every_fact_is_kept():
    titles = [TitleRecord("s1", "Dark", people=("A",)), TitleRecord("s2", "Unknown", people=("B",))]
    assert derive(titles) == [("title:s1", "made_by", "person:A"), ("title:s2", "made_by", "person:B")]


def test_a_file_is_read_past_blank_broken_and_repeated_lines(tmp_path):
    path = tmp_path / "triples.tsv"
    path.write_bytes(
        b"\xef\xbb\xbftitle:a\tbased_on\tbook:B\r\n\r\na b c\nx\t\ty\ntitle:a\tbased_on\tbook:B\n q\tr\ts \n"
    )
    assert read(path) == (
        [Triple("title:a", "based_on", "book:B"), Triple("q", "r", "s")],
        [BrokenRow(3, "1 tab-separated fields; a triple is head, relation, tail"), BrokenRow(4, "no relation")],
    )


def test_what_is_written_is_read_again(tmp_path):
    write(tmp_path / "t.tsv", [Triple("title:a", "has_tag", "tag:two\twords"), Triple("é", "r", "s")])
    assert read(tmp_path / "t.tsv") == ([Triple("title:a", "has_tag", "tag:two words"), Triple("é", "r", "s")], [])


@pytest.mark.parametrize(("text", "message"), [("", "has no triple$"), ("a b c\n", "line 1: 1 tab-separated fields")])
def test_a_file_without_a_triple_is_said(tmp_path, text, message):
    (tmp_path / "t.tsv").write_text(text)
    with pytest.raises(CommandError, match=message):
        read(tmp_path / "t.tsv")
