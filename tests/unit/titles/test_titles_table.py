"""Reading titles and audiences as people save them: what is broken is said, and the rest goes on."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.titles import table
from models.titles.delimited import BrokenRow
from models.titles.table import AudienceRow, TitleRecord
from streams.errors import CommandError

DARK = TitleRecord(
    "s1", "Dark", "series", 2017, ("Crime", "Sci-Fi"), ("time travel",), ("Baran bo Odar",), ("Germany",), "A child …"
)


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "titles.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_title_is_read_with_its_lists(tmp_path):
    text = (
        "title_id,title,kind,release_year,categories,tags,people,countries,summary\n"
        "s1,Dark,series,2017,Crime|Sci-Fi,time travel,Baran bo Odar,Germany,A child …\n"
    )
    assert table.read(written(tmp_path, text)) == ([DARK], [])


def test_columns_may_stand_in_any_order_and_may_be_missing(tmp_path):
    titles, broken = table.read(written(tmp_path, "Title,Release Year,Title ID\nDark,2017.0,s1\n"))
    assert (titles, broken) == ([TitleRecord("s1", "Dark", release_year=2017)], [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_encodings_are_found_out(tmp_path, encoding):
    titles, _ = table.read(written(tmp_path, "title_id,title\ns1,Amélie à Montréal\n", encoding))
    assert titles[0].title == "Amélie à Montréal"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiters_and_line_ends_are_found_out(tmp_path, mark):
    titles, _ = table.read(
        written(tmp_path, mark.join(("title_id", "title")) + "\r\n" + mark.join(("s1", "A")) + "\r\n")
    )
    assert titles == [TitleRecord("s1", "A")]


def test_broken_rows_are_told_with_line_and_reason_and_the_rest_goes_on(tmp_path):
    text = (
        "title_id,title,kind,release_year\n"
        "s1,Dark,TV Show,2017\n"
        ",Nameless,film,2000\n"
        "s2,,film,2000\n"
        "s1,Dark again,film,2000\n"
        "s3,Short\n"
        "s4,Late,opera,soon\n"
        "s5,Fine,MOVIE,N/A\n"
    )
    titles, broken = table.read(written(tmp_path, text))
    assert [(title.title_id, title.kind, title.release_year) for title in titles] == [
        ("s1", "series", 2017),
        ("s4", "", None),
        ("s5", "film", None),
    ]
    assert broken == [
        BrokenRow(3, "no title_id"),
        BrokenRow(4, "no title for title_id s2"),
        BrokenRow(5, "title_id s1 stands in an earlier row"),
        BrokenRow(6, "2 fields where the header has 4"),
        BrokenRow(7, "release_year 'soon' of s4 is not a year", kept=True),
        BrokenRow(7, "kind 'opera' of s4 is neither film nor series", kept=True),
    ]


def test_a_field_may_go_on_in_the_next_line(tmp_path):
    text = 'title_id,title,summary\ns1,A,"goes on\nin a second ""line"""\ns2,B,fine\n'
    titles, _ = table.read(written(tmp_path, text))
    assert titles == [
        TitleRecord("s1", "A", summary='goes on\nin a second "line"'),
        TitleRecord("s2", "B", summary="fine"),
    ]


@pytest.mark.parametrize("stray", ['s2,B,"never closes', 's2,B,5" tall'])
def test_a_stray_quote_does_not_swallow_the_rest_of_the_file(tmp_path, stray):
    text = f"title_id,title,summary\ns1,A,fine\n{stray}\ns3,C,fine\n" + "s4,D,fine\ns5,E,fine\n"
    titles, broken = table.read(written(tmp_path, text))
    assert [title.title_id for title in titles] == ["s1", "s2", "s3", "s4", "s5"]
    assert broken == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,name\n1,A\n", "has no column title_id, title; its first line names: id, name"),
        ("", "has no column title_id, title; its first line names: nothing"),
        ("title_id,title\n,A\n", "has no title that can be used; line 2: no title_id"),
    ],
)
def test_what_is_no_titles_table_is_said_in_one_line(tmp_path, text, message):
    with pytest.raises(CommandError, match=message):
        table.read(written(tmp_path, text))


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=8).filter(
    lambda text: not table.is_nothing(text) and "|" not in text and not text.startswith("\ufeff")
)
lists = st.lists(words, max_size=3, unique=True).map(tuple)
records = st.builds(
    TitleRecord,
    words,
    words,
    st.sampled_from(["film", "series", ""]),
    st.none() | st.integers(1900, 2030),
    lists,
    lists,
    lists,
    lists,
    words | st.just("") | st.just('He said "no", and\nleft; twice'),
)


@pytest.mark.parametrize("name", ["titles.csv", "titles.parquet"])
def test_what_is_written_is_read_again(tmp_path, name):
    @settings(max_examples=60, deadline=None)
    @given(st.lists(records, min_size=1, max_size=5, unique_by=lambda title: title.title_id))
    def check(titles):
        table.write(tmp_path / name, titles)
        assert table.read(tmp_path / name) == (titles, [])

    check()


def test_audiences_are_numbers_of_zero_or_more_once_a_country(tmp_path):
    path = written(
        tmp_path,
        "title_id,country,audience\ns1,DE,1200\ns1,FR,0\ns2,,1.5e6\ns1,DE,7\n,DE,1\ns3,DE,-1\ns3,FR,nan\n"
        's3,ES,many\ns3,IT,"1,200,000"\n',
    )
    rows, broken = table.read_audience(path)
    assert rows == [
        AudienceRow("s1", "DE", 1200.0),
        AudienceRow("s1", "FR", 0.0),
        AudienceRow("s2", "", 1.5e6),
        AudienceRow("s3", "IT", 1.2e6),
    ]
    assert [(row.line, row.reason) for row in broken] == [
        (5, "title_id s1 stands in an earlier row for country 'DE'"),
        (6, "no title_id"),
        (7, "audience '-1' is no number of 0 or more"),
        (8, "audience 'nan' is no number of 0 or more"),
        (9, "audience 'many' is no number of 0 or more"),
    ]


@pytest.mark.parametrize("name", ["audience.csv", "audience.parquet"])
def test_audiences_that_are_written_are_read_again(tmp_path, name):
    rows = [AudienceRow("s1", "DE", 0.1), AudienceRow("s1", "", 123456789.0), AudienceRow("s2", "FR", 0.0)]
    table.write_audience(tmp_path / name, rows)
    assert table.read_audience(tmp_path / name) == (rows, [])


def test_na_is_namibia_where_a_country_stands(tmp_path):
    (tmp_path / "titles.csv").write_text("title_id,title,tags,countries\nt1,One,NA,NA\n")
    (tmp_path / "audience.csv").write_text("title_id,country,audience\nt1,NA,7\nt1,n/a,9\n")
    (title,), _ = table.read(tmp_path / "titles.csv")
    rows, _ = table.read_audience(tmp_path / "audience.csv")
    assert (title.tags, title.countries) == ((), ("NA",))
    assert [(row.country, row.audience) for row in rows] == [("NA", 7.0), (table.WORLD, 9.0)]
