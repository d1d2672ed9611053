"""Public tables to titles and audiences; what is broken in them is counted and listed, and the rest goes on."""

import gzip
from pathlib import Path

import pytest

from models.titles import table
from models.titles.delimited import BrokenRow
from models.titles.imports import catalogue, movielens, netflix, tmdb, top10
from models.titles.matching import Names
from models.titles.table import AudienceRow, TitleRecord
from streams.cli import main
from streams.errors import CommandError

NETFLIX = "show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description\n"


def put(folder: Path, name: str, text: str | bytes) -> Path:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


def test_netflix_titles_have_listed_in_as_categories_and_directors_and_cast_as_people(tmp_path):
    text = NETFLIX + (
        's1,Movie,Okja,Bong Joon Ho,"Tilda Swinton, Paul Dano",", South Korea, United States",x,2017,TV-MA,121 min,'
        '"Action & Adventure, Dramas",A girl and her beast.\n'
        "s2,TV Show,Dark,,,,x,2017,,3 Seasons,Crime TV Shows,\n"
        "s3,Movie,Louis,,,,x,2017,74 min,,Movies,Talk.\n"
        "s1,Movie,Again,,,,x,2017,,,Movies,\n"
    )
    imported = netflix.read([path := put(tmp_path, "n.csv", text)])
    assert imported.titles == [
        TitleRecord(
            "s1",
            "Okja",
            "film",
            2017,
            ("Action & Adventure", "Dramas"),
            ("rated TV-MA", "about 120 min"),
            ("Bong Joon Ho", "Tilda Swinton", "Paul Dano"),
            ("South Korea", "United States"),
            "A girl and her beast.",
        ),
        TitleRecord("s2", "Dark", "series", 2017, ("Crime TV Shows",), ("3 seasons",)),
        TitleRecord("s3", "Louis", "film", 2017, ("Movies",), ("about 60 min",), summary="Talk."),
    ]
    assert imported.broken == {path: [BrokenRow(5, "title_id s1 stands in an earlier row")]}


def test_movielens_counts_raters_and_takes_ids_of_tmdb_where_links_are_given(tmp_path):
    movies = put(
        tmp_path,
        "movies.csv",
        "movieId,title,genres\n1,Toy Story (1995),Animation|Children\n"
        '2,"City of Lost Children, The (Cité des enfants perdus, La) (1995)",Drama\n'
        "3,Babylon 5,(no genres listed)\n4,Heat (1995)\n",
    )
    ratings = put(
        tmp_path, "ratings.csv", "userId,movieId,rating,timestamp\n1,1,4.0,9\n2,1,3.5,9\n2,2,5.0,9\n3,,5.0,9\n"
    )
    tags = put(tmp_path, "tags.csv", "userId,movieId,tag,timestamp\n1,1,pixar,9\n2,1,Fun,9\n3,1,fun,9\n")
    links = put(tmp_path, "links.csv", "movieId,imdbId,tmdbId\n1,0114709,862\n2,0112682,902\n3,1,\n")
    genome = put(tmp_path, "genome-scores.csv", "movieId,tagId,relevance\n1,1,0.9\n")
    imported = movielens.read([ratings, movies, links, tags, genome])
    assert imported.titles == [
        TitleRecord("tmdb-862", "Toy Story", "film", 1995, ("Animation", "Children"), ("fun", "pixar")),
        TitleRecord("tmdb-902", "The City of Lost Children (Cité des enfants perdus, La)", "film", 1995, ("Drama",)),
        TitleRecord("3", "Babylon 5", "film"),
    ]
    assert imported.audience == [
        AudienceRow("tmdb-862", "", 2.0),
        AudienceRow("tmdb-902", "", 1.0),
        AudienceRow("3", "", 0.0),
    ]
    assert imported.broken[movies] == [BrokenRow(5, "2 fields where the header has 3")]
    assert imported.broken[ratings] == [BrokenRow(5, "no movieId or no rating")]
    assert imported.broken[links] == [BrokenRow(4, "movieId 3 has no tmdbId", kept=True)]


def test_movielens_without_its_films_is_refused(tmp_path):
    ratings = put(tmp_path, "ratings.csv", "userId,movieId,rating\n1,1,4\n")
    with pytest.raises(CommandError, match=r"movies\.csv is not among the files"):
        movielens.read([ratings])


def test_tmdb_tables_have_lists_as_json_python_or_names(tmp_path):
    movies = put(
        tmp_path,
        "tmdb_5000_movies.csv",
        "genres,id,keywords,original_title,overview,production_countries,release_date,title,vote_count\n"
        '"[{""id"": 18, ""name"": ""Drama""}]",7,"[{""id"": 1, ""name"": ""space war""}]",Orig,"Two\nlines.",'
        '"[{""iso_3166_1"": ""GB"", ""name"": ""United Kingdom""}]",2009-12-10,Avatar,11800\n'
        "\"[{'id': 18, 'name': 'It''s'}]\",8,,Second,,,,,\n"
        '"Action, Drama",9,,Third,,"Spain, Chile",1999-01-01,Third,3\n'
        "Drama,1997-08-20,,Shifted,,,,,\n",
    )
    credits = put(
        tmp_path,
        "tmdb_5000_credits.csv",
        "movie_id,title,cast,crew\n"
        '7,Avatar,"[{""name"": ""Zoe""}]","[{""job"": ""Editor"", ""name"": ""Ed""}, {""job"": ""Director"", '
        '""name"": ""Jim""}]"\n',
    )
    imported = tmdb.read([credits, movies])
    assert imported.titles == [
        TitleRecord(
            "tmdb-7",
            "Avatar",
            "film",
            2009,
            ("Drama",),
            ("space war",),
            ("Jim", "Zoe"),
            ("United Kingdom",),
            "Two\nlines.",
        ),
        TitleRecord("tmdb-8", "Second", "film", categories=("Its",)),
        TitleRecord("tmdb-9", "Third", "film", 1999, ("Action", "Drama"), countries=("Spain", "Chile")),
    ]
    assert imported.audience == [AudienceRow("tmdb-7", "", 11800.0), AudienceRow("tmdb-9", "", 3.0)]
    assert imported.broken[movies] == [BrokenRow(6, "id is no whole number")]


def test_tmdb_json_is_a_list_of_ids_or_a_dump_of_the_api(tmp_path):
    ids = put(
        tmp_path,
        "tv_series_ids.json.gz",
        gzip.compress(b'{"id":1,"original_name":"Dark","popularity":2.1}\nnot json\n[1]\n{"original_name":"x"}\n'),
    )
    dump = put(
        tmp_path,
        "dump.json",
        b'{"id":603,"title":"The Matrix","overview":"Neo.","release_date":"1999-03-30","vote_count":5,'
        b'"genres":[{"id":28,"name":"Action"}],"keywords":{"keywords":[{"id":1,"name":"hacker"}]},'
        b'"credits":{"cast":[{"name":"Keanu"}],"crew":[{"job":"Director","name":"Lana"}]}}\n',
    )
    imported = tmdb.read([ids, dump])
    assert imported.titles == [
        TitleRecord("tmdb-tv-1", "Dark", "series"),
        TitleRecord(
            "tmdb-603", "The Matrix", "film", 1999, ("Action",), ("hacker",), ("Lana", "Keanu"), summary="Neo."
        ),
    ]
    assert [row.line for row in imported.broken[ids]] == [2, 3, 4]


WORLD = (
    "week\tcategory\tweekly_rank\tshow_title\tseason_title\tweekly_hours_viewed\truntime\tweekly_views\n"
    "2024-01-14\tFilms (English)\t1\tOkja\tN/A\t4000\t2\t2000\n"
    "2024-01-14\tFilms (English)\t2\tHeat\tN/A\t1500\t3\t500\n"
    "2021-07-04\tFilms (English)\t1\tOkja\tN/A\t600\t\t\n"
    "2021-07-04\tTV (Non-English)\t1\tDark\tDark: Season 1\t5200\t\t\n"
    "2021-07-04\tGames\t1\tDark\tN/A\t1\t\t\n"
    "2021-07-04\tTV (English)\t11\tDark\tN/A\t1\t\t\n"
)
COUNTRIES = (
    "country_name\tcountry_iso2\tweek\tcategory\tweekly_rank\tshow_title\tseason_title\n"
    "Germany\tDE\t2022-01-02\tFilms\t1\tOkja\t\n"
    "Germany\tDE\t2022-01-09\tFilms\t2\tOkja\t\n"
    "Germany\tDE\t2022-01-09\tTV\t2\tDark\tDark: Season 2\n"
)


def test_top10_sums_views_and_estimates_countries_from_ranks(tmp_path):
    """Okja's hours of 2021 are divided by its runtime of 2024, Dark's by a series' usual one; rank 2 has 1/4 here."""
    world, countries = put(tmp_path, "world.tsv", WORLD), put(tmp_path, "countries.tsv", COUNTRIES)
    imported = top10.read([countries, world])
    assert [(title.title_id, title.title, title.kind) for title in imported.titles] == [
        ("film-okja", "Okja", "film"),
        ("film-heat", "Heat", "film"),
        ("series-dark", "Dark", "series"),
    ]
    assert imported.audience == [
        AudienceRow("film-okja", "", 2300.0),
        AudienceRow("film-heat", "", 500.0),
        AudienceRow("series-dark", "", 1000.0),
        AudienceRow("film-okja", "DE", 1250.0),
        AudienceRow("series-dark", "DE", 582.4),
    ]
    assert imported.broken[world] == [
        BrokenRow(6, "category 'Games' is neither Films nor TV"),
        BrokenRow(7, "weekly_rank '11' is not 1 to 10"),
    ]


def test_names_match_past_case_accents_and_punctuation_but_not_past_kind_and_year():
    film = TitleRecord("1", "Amélie & Co.", "film", 2001)
    older, newer = TitleRecord("2", "Beast", "film", 1988), TitleRecord("3", "Beast", "film", 2022)
    names = Names([film, older, newer, TitleRecord("4", "…")])
    assert names.find("AMELIE and Co", "film", 2021) is film
    assert names.find("Amélie & Co.", "series") is None
    assert names.find("Amélie & Co.", "film", 1999) is None
    assert names.find("Beast (Tamil)", "film", 2022) is newer
    assert names.find("Beast", "film", 2000) is older
    assert names.find("!!!") is None


def test_the_command_writes_tables_and_lists_broken_rows(tmp_path, capsys):
    source = put(tmp_path, "n.csv", NETFLIX + "s1,Movie,Okja,,,,x,2017,,,Dramas,Beast.\ns2,Movie\n")
    assert main(["titles", "import", "netflix", str(source), "-o", str(tmp_path / "data")]) == 0
    assert table.read(tmp_path / "data/titles.csv")[0][0].title == "Okja"
    assert (tmp_path / "data/broken.tsv").read_text() == (
        f"file\tline\tkept\treason\n{source}\t3\t0\t2 fields where the header has 12\n"
    )
    said = capsys.readouterr().out
    assert "1 titles (1 films, 0 series)" in said
    assert "1 rows left out" in said
    assert "line 3: 2 fields where the header has 12" in said


def test_the_command_finds_audiences_of_a_tables_titles(tmp_path, capsys):
    table.write(tmp_path / "titles.csv", [TitleRecord("s1", "OKJA", "film", 2017), TitleRecord("s2", "Other", "film")])
    world = put(tmp_path, "world.tsv", WORLD)
    command = ["titles", "import", "top10", str(world), "--titles", str(tmp_path / "titles.csv"), "-o", str(tmp_path)]
    assert main(command) == 0
    assert table.read_audience(tmp_path / "audience.csv")[0] == [AudienceRow("s1", "", 2300.0)]
    assert (tmp_path / "unmatched.tsv").read_text().splitlines()[1:] == [
        "series\tDark\t2021\t1000",
        "film\tHeat\t2024\t500",
    ]
    assert "1 of 3 titles that charted" in capsys.readouterr().out


def test_a_table_of_something_else_is_refused_with_what_is_wanted(tmp_path, capsys):
    source = put(tmp_path, "x.csv", "a,b\n1,2\n")
    assert main(["titles", "import", "top10", str(source), "-o", str(tmp_path)]) == 1
    assert "is no table of Netflix's Top 10, by its columns" in capsys.readouterr().err
    assert main(["titles", "import", "netflix", str(source), "-o", str(tmp_path)]) == 1
    assert "has no column show_id, type, title, listed_in" in capsys.readouterr().err


def test_the_made_up_catalogue_is_written_as_tables(tmp_path):
    assert main(["titles", "simulate", "--titles", "30", "-o", str(tmp_path / "made")]) == 0
    assert len(table.read(tmp_path / "made/titles.csv")[0]) == 30
    assert table.read_audience(tmp_path / "made/audience.csv")[0]


def test_a_catalogue_becomes_titles_by_show(tmp_path):
    def line(title_id, show_id, kind, added, summary):
        named = f'"title_id":"{title_id}","show_id":"{show_id}","name":"Dark","kind":"{kind}"'
        numbers = '"season":1,"episode":1,' if kind == "series" else ""
        return f'{{{named},{numbers}"added_at":{added},"summary":"{summary}","genres":["drama"],"tags":["twins"]}}\n'

    source = put(
        tmp_path,
        "log.titles.jsonl",
        line("d.2", "dark", "series", 20, "Second.") + line("d.1", "dark", "series", 10, "First.") + "{}\n"
        + line("f", "f", "film", 5, "Film."),
    )  # fmt: skip
    imported = catalogue.read([source])
    assert imported.titles == [
        TitleRecord("dark", "Dark", "series", None, ("drama",), ("twins",), summary="First."),
        TitleRecord("f", "Dark", "film", None, ("drama",), ("twins",), summary="Film."),
    ]
    assert [row.line for row in imported.broken[source]] == [3]
