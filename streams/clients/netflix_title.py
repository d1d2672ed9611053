"""Reads the titles of a viewing export: `Show: Season word N: Episode name (Episode word N)`, in any language.

The structure decides, not a list of languages: a segment that is one word and a number is a season, a last
parenthesis of a word and a number is an episode. The words below only settle what structure leaves open: whether
`Capítulo 8` names a season or an episode, and whether `Kill Bill: Volume 2` is a film.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from streams.clients.text import digest, normal, plain, slug, words


def _vocabulary(text: str) -> frozenset[str]:
    return frozenset(plain(word) for word in text.split())


_SEASON_WORDS: Final = _vocabulary(
    """season series temporada saison staffel stagione seizoen sezon sezona sezóna sezonul sæson sesong säsong kausi
    évad tuotantokausi sezoni denboraldia hooaeg mùa musim сезон σεζόν κύκλος עונה الموسم موسم सीज़न சீசன் సీజన్
    ซีซั่น ซีซัน ฤดูกาล シーズン 시즌 季"""
)
_PART_WORDS: Final = _vocabulary(
    """part parte partie teil deel del część cast osa rész часть частина μέρος parti kısım phần bagian ภาค 파트 パート
    volume vol volumen volum band book livro libro livre buch boek kitap bok bog книга kniha könyv βιβλίο buku
    collection colección coleção collezione collectie sammlung koleksiyon kolekcja samling ciclo cycle cykl
    cour arc saga 部"""
)
_EPISODE_WORDS: Final = _vocabulary(
    """episode episodes episodio episódio épisode episodul episodi episod folge aflevering odcinek afsnit avsnitt jakso
    bölüm capítulo chapter chapitre kapitel hoofdstuk capitolo rozdział luku epizod epizóda díl серия эпизод глава
    серія епізод επεισόδιο κεφάλαιο פרק الحلقة حلقة एपिसोड अध्याय ตอน ตอนที่ tập エピソード 話 话 集 에피소드 화 회"""
)
_LIMITED: Final = re.compile(
    r"""limited\ series | mini[\s-]?s?s?eri\w* | seri\w*\ limit\w* | mini[\s-]?dizi | mini[\s-]?sorozat
    | (?:serial|sezon)\ limitowany | begren[sz]\w*\ serie | rajoitettu\ sarja | seri\ terbatas
    | м[иі]н[иі][\s-]?сер[иі]ал | μινι[\s-]?σειρα | סדרה\ מוגבלת | مسلسل\ قصير
    | リミテッド・?シリーズ | 리미티드\ 시리즈 | 미니시리즈 | 迷[你您][剧劇]集? | 限定[剧劇]集?""",
    re.VERBOSE,
)

_COLON: Final = re.compile(r"\s*(?::\s+|：\s*)")
_LAST_PARENTHESIS: Final = re.compile(r"\s*[(（]([^()（）]*)[)）]\s*$")
_PARENTHESES: Final = re.compile(r"\s*[(（][^()（）]*[)）]")
_NUMBER: Final = re.compile(r"\d+")
_NAMED_NUMBER: Final = re.compile(r"([^\W\d_]+)\W{0,2}(\d+)|(\d+)\W{1,3}([^\W\d_]+)")
# What languages hang on a number without its being a word of its own: 2.ª, 1º, 2nd, 3-й; and the B of 3B.
_ORDINAL: Final = re.compile(r"(?<=\d)(?:\.?\s?[ªº°]|[.:-]?(?:st|nd|rd|th|a|o|e|и|я|го)\b|[a-d]\b)")
_LETTERED: Final = re.compile(r"\d[a-d]\b")
_FAR_EAST: Final = re.compile(r"(?:第|제)\s*(\d+|[一二三四五六七八九十])")
_FAR_EAST_DIGITS: Final = {c: str(n) for n, c in enumerate("一二三四五六七八九十", 1)}
_SPELLED: Final = {
    plain(word): number
    for number, spellings in enumerate(
        (
            "i one uno una um uma un une eins",
            "ii two dos dois duas deux zwei due",
            "iii three tres três trois drei tre",
            "iv four cuatro quatro quatre vier quattro",
            "v five cinco cinq fünf cinque",
            "vi six seis sechs sei",
            "vii seven siete sete sept sieben sette",
            "viii eight ocho oito huit acht otto",
            "ix nine nueve nove neuf neun",
            "x ten diez dez dix zehn dieci",
        ),
        1,
    )
    for word in spellings.split()
}


@dataclass(frozen=True, slots=True)
class ParsedTitle:
    """One title of an export. `show_id` and `title_id` are the same for the same text in every household."""

    show_id: str
    title_id: str
    show: str  # the series' or film's name, as written
    is_film: bool
    season: int | None
    episode: int | None


@dataclass(frozen=True, slots=True)
class _Reading:
    """A segment as a number and words; `number` is None where it has none, several, or one in the middle."""

    number: int | None
    words: tuple[str, ...]


@lru_cache(maxsize=65_536)
def parse_title(text: str) -> ParsedTitle:
    """Reads one title. Never raises; what shows neither season nor episode is a film."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    rest, episode = _split_episode(text)
    segments = [segment for segment in _COLON.split(rest) if segment]
    season: int | None
    found = _find_season(segments, episode is not None)
    if found is not None:
        at, season = found
        show = _name(segments[:at])
        label = "" if _says_only_its_number(segments[at]) else segments[at]
    elif episode is not None and len(segments) >= 2:
        # A season with a name (`Spartacus: Vengeance: Fugitivus (Episode 1)`), or none at all.
        season, show, label = None, segments[0], ": ".join(segments[1:-1])
    else:
        film_id = _identify(text, "film")
        return ParsedTitle(film_id, film_id, text, True, None, None)
    show_id = _identify(show, "series")
    if episode is None:
        place = digest(normal(text))
    else:
        place = f"e{episode}" if season is None else f"s{season}e{episode}"
        place += f"-{digest(normal(label))}" if label else ""
    return ParsedTitle(show_id, f"{show_id}:{place}", show, False, season, episode)


def _split_episode(text: str) -> tuple[str, int | None]:
    """The title without its last `(Episode word N)`, and N; the title itself and None where there is none."""
    match = _LAST_PARENTHESIS.search(text)
    if match is None or match.start() == 0:
        return text, None
    reading = _read(match[1])
    if reading.number is None or not 1 <= len(reading.words) <= 2 or _SEASON_WORDS.intersection(reading.words):
        return text, None
    return text[: match.start()], reading.number


def _find_season(segments: list[str], has_episode: bool) -> tuple[int, int] | None:
    """Which segment is the season, and its number; None where none is. The first segment is always the show."""
    readings = [_read(segment) for segment in segments]
    numbered = [(at, r.number, r.words) for at, r in enumerate(readings) if at and r.number is not None]
    for at, number, names in numbered:
        if len(names) <= 4 and _SEASON_WORDS.intersection(names):
            return at, number
    for at, segment in enumerate(segments):
        if at and _LIMITED.fullmatch(plain(segment)):
            return at, 1
    # Words that name films too (`Kill Bill: Volume 2`) are a season only with an episode's name behind them.
    inner = [candidate for candidate in numbered if candidate[0] < len(segments) - 1]
    for at, number, names in inner:
        if len(names) <= 3 and _PART_WORDS.intersection(names):
            return at, number
    for at, number, _ in inner:  # Stranger Things: Stranger Things 4: ...
        if plain(segments[at]) == f"{plain(segments[at - 1])} {number}":
            return at, number
    for at, number, names in inner:  # a word of a language not seen yet
        certain = has_episode or (names and len(names[0]) > 2)
        if number < 100 and len(names) == 1 and certain and not _EPISODE_WORDS.intersection(names):
            return at, number
    return None


def _says_only_its_number(segment: str) -> bool:
    """`Season 3`, not `Season 3B` or `Season 1 (Reversioned)`: two seasons of one number need telling apart."""
    if _LIMITED.fullmatch(plain(segment)):
        return True
    alone = len(_read(segment).words) == 1 and not _PARENTHESES.search(segment)
    return alone and not _LETTERED.search(plain(segment))


@lru_cache(maxsize=65_536)
def _read(segment: str) -> _Reading:
    bare = plain(_PARENTHESES.sub("", segment))
    bare = _FAR_EAST.sub(lambda match: _FAR_EAST_DIGITS.get(match[1], match[1]), bare)
    bare = _ORDINAL.sub(" ", bare)
    names = tuple(words(bare))
    numbers = [int(digits) for digits in _NUMBER.findall(bare) if len(digits) <= 5]
    if not numbers and len(names) == 2 and names[0] in _SEASON_WORDS | _PART_WORDS and names[1] in _SPELLED:
        return _Reading(_SPELLED[names[1]], names[:1])
    if len(numbers) > 1:  # Season 4 Part 2: the season's own number
        for match in _NAMED_NUMBER.finditer(bare):
            if (match[1] or match[4]) in _SEASON_WORDS:
                return _Reading(int(match[2] or match[3]), names)
    trimmed = bare.strip(" .,-:#")
    at_an_end = trimmed[:1].isdigit() or trimmed[-1:].isdigit() or len(names) == 1
    return _Reading(numbers[0] if len(numbers) == 1 and at_an_end else None, names)


def _name(segments: list[str]) -> str:
    """The show's name; what stands twice in a row counts once (`Avatar: Avatar: Book 2: …`)."""
    return ": ".join(s for i, s in enumerate(segments) if i == 0 or plain(s) != plain(segments[i - 1]))


def _identify(name: str, kind: str) -> str:
    """A readable id that is the same wherever the same name is read: its slug and eight digits of its hash."""
    return f"{slug(name, 48)}-{digest(f'{kind} {normal(name)}')}"
