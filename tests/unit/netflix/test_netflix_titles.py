"""Titles of viewing exports: show, season and episode, in any language and order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.clients.netflix_title import ParsedTitle, parse_title


def read(text: str) -> tuple[str, int | None, int | None]:
    parsed = parse_title(text)
    assert not parsed.is_film
    return parsed.show, parsed.season, parsed.episode


@pytest.mark.parametrize(
    ("text", "show", "season", "episode"),
    [
        ("The Lantern: Season 2: Low Tide (Episode 5)", "The Lantern", 2, 5),
        ("Der Turm: Staffel 1: Nebel (Folge 3)", "Der Turm", 1, 3),
        ("La Marea: Temporada 10: El faro (Episodio 12)", "La Marea", 10, 12),
        ("A Maré: Temporada 3: O farol (Episódio 1)", "A Maré", 3, 1),
        ("Le Phare : Saison 1 : La marée (Épisode 4)", "Le Phare", 1, 4),
        ("Deniz Feneri: 1. Sezon: Sis (2. Bölüm)", "Deniz Feneri", 1, 2),
        ("Il Faro: Stagione 2: Nebbia (Episodio 6)", "Il Faro", 2, 6),
        ("De Toren: Seizoen 4: Mist (Aflevering 9)", "De Toren", 4, 9),
        ("Latarnia: Sezon 1: Mgła (Odcinek 7)", "Latarnia", 1, 7),
        ("Fyret: Sæson 1: Tåge (Afsnit 2)", "Fyret", 1, 2),
        ("Fyren: Säsong 3: Dimma (Avsnitt 2)", "Fyren", 3, 2),
        ("Majakka: Kausi 2: Sumu (Jakso 3)", "Majakka", 2, 3),
        ("A torony: 2. évad: Köd (4. rész)", "A torony", 2, 4),
        ("Маяк: Сезон 1: Туман (Серия 8)", "Маяк", 1, 8),
        ("Ο Φάρος: Σεζόν 1: Ομίχλη (Επεισόδιο 2)", "Ο Φάρος", 1, 2),
        ("灯台: シーズン2: 霧 (第5話)", "灯台", 2, 5),
        ("灯塔: 第 2 季: 雾 (第 3 集)", "灯塔", 2, 3),
        ("灯塔：第二季：雾（第 3 集）", "灯塔", 2, 3),
        ("등대: 시즌 1: 안개 (3화)", "등대", 1, 3),
        ("المنارة: الموسم 1: ضباب (الحلقة 2)", "المنارة", 1, 2),
        ("המגדלור: עונה 1: ערפל (פרק 2)", "המגדלור", 1, 2),
        ("दीपस्तंभ: सीज़न 1: कोहरा (एपिसोड 2)", "दीपस्तंभ", 1, 2),
        ("ประภาคาร: ซีซั่น 1: หมอก (ตอนที่ 2)", "ประภาคาร", 1, 2),
        ("Ngọn Hải Đăng: Mùa 1: Sương (Tập 2)", "Ngọn Hải Đăng", 1, 2),
        ("The Lantern: Part 2: Low Tide (Episode 5)", "The Lantern", 2, 5),
        ("La Torre: Livro 1: Ar: A ponte (Episódio 1)", "La Torre", 1, 1),
        ("The Lantern: Volume 3: Three (Episode 1)", "The Lantern", 3, 1),
        ("La Tour: Partie 2: Deux (Épisode 1)", "La Tour", 2, 1),
        ("Der Turm: Teil 2: Zwei (Folge 1)", "Der Turm", 2, 1),
        ("The Lantern: Collection 2: Two (Episode 1)", "The Lantern", 2, 1),
        ("La Torre: Ciclo 2: Dos (Capítulo 1)", "La Torre", 2, 1),
        ("Zibo: Wibbel 4: Zu (Zonk 9)", "Zibo", 4, 9),  # a language that nobody has seen
    ],
)
def test_season_and_episode_are_read_in_any_language(
    text: str, show: str, season: int | None, episode: int | None
) -> None:
    assert read(text) == (show, season, episode)


@pytest.mark.parametrize(
    "text",
    [
        "Glass House: Limited Series: One (Episode 1)",
        "Glass House: Miniserie: Eins (Folge 1)",
        "Glass House: Minissérie: Um (Episódio 1)",
        "Glass House: Mini-série : Un (Épisode 1)",
        "Glass House: Série limitée: Un (Épisode 1)",
        "Glass House: Serie limitada: Uno (Episodio 1)",
        "Glass House: Мини-сериал: Один (Серия 1)",
        "Glass House: Mini Dizi: Bir (1. Bölüm)",
    ],
)
def test_a_limited_series_has_one_season(text: str) -> None:
    assert read(text) == ("Glass House", 1, 1)


@pytest.mark.parametrize(
    ("text", "show", "season", "episode"),
    [
        # the show's own colons
        ("Harbour: The Long Night: Season 3: Fog: Part One (Episode 2)", "Harbour: The Long Night", 3, 2),
        ("Harbour: The Series: Season 1: Fog (Episode 2)", "Harbour: The Series", 1, 2),
        # the name twice, the name with the season's number
        ("Harbour - Fog: Harbour - Fog: Book 2: Ice (Episode 8)", "Harbour - Fog", 2, 8),
        ("Harbour: Harbour 3: Chapter two: Ice (Episode 2)", "Harbour", 3, 2),
        # numbers and colons in an episode's name
        ("The Ox: Part 2: Chapter 8: The Plough (Episode 8)", "The Ox", 2, 8),
        ("Prism: Season 1: Red (6 months after) (Episode 8)", "Prism", 1, 8),
        ("Convoy: The Pacific: Part 1 (Episode 1)", "Convoy", None, 1),
        # ordinals, spelled numbers, letters, notes
        ("Tutti: 2.ª temporada: Baía (Episódio 3)", "Tutti", 2, 3),
        ("Tutti: 2nd Season: Bay (Episode 3)", "Tutti", 2, 3),
        ("Dogs: Season One: Fetch (Episode 2)", "Dogs", 1, 2),
        ("Hunters: The Ink: Season 3B: Ash (Episode 22)", "Hunters: The Ink", 3, 22),
        ("Rangers: Season 1 (Reversioned): Day (Episode 30)", "Rangers", 1, 30),
        ("Rangers: Season 4 Part 2: Day (Episode 3)", "Rangers", 4, 3),
        # a season with a name, none at all, an episode without a number
        ("Arena: Vengeance: Fugitive (Episode 1)", "Arena", None, 1),
        ("Arena: Fugitive (Episode 1)", "Arena", None, 1),
        ("Arena: Season 2: Fugitive", "Arena", 2, None),
        ("Arena: Season 2", "Arena", 2, None),
    ],
)
def test_structure_tells_show_season_and_episode(text: str, show: str, season: int | None, episode: int | None) -> None:
    assert read(text) == (show, season, episode)


@pytest.mark.parametrize(
    "text",
    [
        "The Quiet Harbour",
        "Harbour: A New Hope",
        "Harbour 2: The Storm",
        "Harbour: Volume 2",
        "Harbour - Part 1: A Child of Fire",
        "Harbour (Part 2)",
        "Wars: Episode IV: A New Hope",
        "7:19",
        "2012",
        "GANTZ:O",
        "The Families: New and Selected (Stories)",
        "(Episode 1)",
    ],
)
def test_a_title_without_season_and_episode_is_a_film(text: str) -> None:
    parsed = parse_title(text)
    assert parsed == ParsedTitle(parsed.show_id, parsed.show_id, text, True, None, None)


def test_ids_do_not_depend_on_case_spaces_or_kinds_of_quotes() -> None:
    one, other = parse_title("Bo’s  Race: Season 1: Go (Episode 2)"), parse_title("BO'S RACE: season 1: Go (Episode 2)")
    assert (one.show_id, one.title_id) == (other.show_id, other.title_id)


def test_an_episode_keeps_its_id_when_its_name_is_translated() -> None:
    assert (
        parse_title("Lupo: Part 1: Chapter 1 (Episode 1)").title_id
        == parse_title("Lupo: Parte 1: Capítulo 1 (Episódio 1)").title_id
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mask", "Mask: Season 1: A (Episode 1)"),  # a film and a series of one name
        ("Mask!", "Mask?"),
    ],
)
def test_different_titles_are_different_shows(one: str, other: str) -> None:
    assert parse_title(one).show_id != parse_title(other).show_id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("M: Season 3: A (Episode 1)", "M: Season 3B: A (Episode 1)"),
        ("M: Season 1: A (Episode 1)", "M: Season 1 (Reversioned): A (Episode 1)"),
        ("M: Vengeance: A (Episode 1)", "M: Gods: A (Episode 1)"),
        ("M: Season 1: A", "M: Season 1: B"),
    ],
)
def test_different_episodes_of_a_show_have_different_ids(one: str, other: str) -> None:
    a, b = parse_title(one), parse_title(other)
    assert a.show_id == b.show_id
    assert a.title_id != b.title_id


_PIECES = st.sampled_from(
    [
        ":",
        ": ",
        " : ",
        "：",
        "(",
        ")",
        "（",
        "Season",
        "Parte",
        "1",
        "²",
        "٣",
        "第",
        "話",
        "III",
        "Limited Series",
        " ",
        "\n",
        "é",
    ]
)


@given(st.one_of(st.text(max_size=80), st.lists(_PIECES, max_size=14).map("".join)))
def test_any_text_is_read_to_ids_that_events_can_carry(text: str) -> None:
    parsed = parse_title(text)
    for name in (parsed.show_id, parsed.title_id):
        assert 0 < len(name) <= 256
        assert "\0" not in name
    assert parsed.season is None or 0 <= parsed.season < 1_000_000
    assert parsed.episode is None or 0 <= parsed.episode < 1_000_000
    assert parse_title(text) == parsed
