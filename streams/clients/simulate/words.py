"""Names and summaries of made-up titles, put together by a small grammar: legible, varied, nobody's real title."""

from random import Random
from typing import Final, NamedTuple

_ONSETS: Final = ("b", "br", "c", "d", "dr", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v", "w")
_NUCLEI: Final = ("a", "e", "i", "o", "u", "ae", "ie", "ou")
_CODAS: Final = ("ck", "dor", "l", "lin", "mer", "n", "nd", "ra", "rn", "s", "sk", "th", "tta", "ven", "vik", "x")
_PERSONS: Final = (
    "Ada", "Anselm", "Bea", "Bram", "Cato", "Clio", "Dario", "Edda", "Emeka", "Fern", "Goro", "Hanne", "Ilse", "Imran",
    "Jonna", "Kaito", "Lena", "Lucho", "Mara", "Milo", "Nadia", "Nuno", "Odile", "Otis", "Petra", "Quinn", "Rafa",
    "Rosa", "Sana", "Selim", "Tamsin", "Teo", "Uma", "Vera", "Wanda", "Wim", "Yara", "Yusuf", "Zadie", "Zoran",
)  # fmt: skip


class Genre(NamedTuple):
    """The words of one genre. `tags` describe its titles; the others fill the grammar's slots."""

    name: str
    tags: tuple[str, ...]
    things: tuple[str, ...]
    adjectives: tuple[str, ...]
    heroes: tuple[str, ...]
    deeds: tuple[str, ...]
    stakes: tuple[str, ...]


GENRES: Final = (
    Genre("drama", ("slow-burning", "family-secrets", "small-town", "ensemble", "class-divide", "courtroom"),
          ("Orchard", "Harbour", "Letters", "Inheritance", "Winter House", "Ferry", "Vineyard"),
          ("Quiet", "Borrowed", "Unfinished", "Distant", "Salted"),
          ("a returning daughter", "a tired judge", "an estranged son", "a young doctor", "a village teacher"),
          ("opens a house that was locked for years", "takes over the business", "reads letters meant for others",
           "defends somebody nobody believes"),
          ("an old promise comes due", "the town takes sides", "every answer costs a friendship")),
    Genre("crime", ("detective", "cold-case", "heist", "undercover", "corruption", "forensic"),
          ("Ledger", "Precinct", "Alibi", "Informer", "Tollgate", "Cold Room", "Witness List"),
          ("Crooked", "Marked", "Second", "Paper", "Grey"),
          ("a night inspector", "a disgraced accountant", "a rookie pathologist", "a retired burglar"),
          ("reopens a case that was closed too fast", "follows money through three ports", "goes under cover",
           "plans one last job"),
          ("the evidence points home", "somebody in the squad is talking", "the clock of a trial is running")),
    Genre("comedy", ("workplace", "deadpan", "awkward", "feel-good", "roommates", "satire"),
          ("Roommates", "Bakery", "Parking Lot", "Night Shift", "Choir", "Allotment", "Car Wash"),
          ("Mild", "Awkward", "Perfect", "Cheap", "Loud"),
          ("a flat of three", "an over-keen manager", "a failed magician", "a choir without a conductor"),
          ("runs the worst hotel of the coast", "enters a contest by mistake", "inherits a bakery and its debts",
           "pretends to be somebody important"),
          ("nobody read the contract", "the neighbours find out", "there is only one key")),
    Genre("romance", ("second-chance", "slow-love", "wedding", "opposites", "long-distance", "bittersweet"),
          ("Postcards", "Summer", "Waltz", "Lighthouse", "Recipe", "Umbrella", "Night Train"),
          ("Late", "Tender", "Accidental", "Second-Hand", "Amber"),
          ("a florist", "a ship's cook", "a court translator", "a widowed pianist"),
          ("answers a letter sent to the wrong address", "shares a kitchen with a rival", "misses the same train",
           "organises a wedding that is not theirs"),
          ("one of them is leaving in spring", "both families have plans", "neither will say it first")),
    Genre("sci-fi", ("space", "time-loop", "first-contact", "dystopia", "androids", "survival"),
          ("Orbit", "Signal", "Colony", "Array", "Descent", "Protocol", "Horizon Nine"),
          ("Hollow", "Silent", "Recursive", "Outer", "Zero"),
          ("a salvage crew", "a night-shift astronomer", "an android gardener", "the last pilot of a colony"),
          ("answers a signal older than the sun", "lives the same hour again", "maps a moon that moves",
           "wakes up on the wrong ship"),
          ("the air lasts nine days", "the machine remembers more than it says", "home has stopped answering")),
    Genre("fantasy", ("magic", "quest", "dragons", "prophecy", "court-intrigue", "folklore"),
          ("Crown", "Lanterns", "Thorn Gate", "Wyrm", "Oath", "Mirrors", "Salt Road"),
          ("Broken", "Ninth", "Gilded", "Sleeping", "Ashen"),
          ("a map maker's apprentice", "an unwilling heir", "a thief with one spell", "a banished queen"),
          ("carries a lantern that must not go out", "bargains with the river", "hunts the dragon that raised her",
           "wakes an army of stone"),
          ("winter does not end", "the oath binds both ways", "the crown chooses badly")),
    Genre("thriller", ("conspiracy", "kidnapping", "spy", "paranoia", "revenge", "hostage"),
          ("Dead Drop", "Corridor", "Asset", "Thirteenth Floor", "Border", "Blackout", "Silence Clause"),
          ("Last", "False", "Burned", "Narrow", "Hidden"),
          ("an interpreter", "a former courier", "a hospital pharmacist", "a security guard"),
          ("hears one sentence too many", "finds a phone that rings once a day", "has until morning to cross a border",
           "is hunted for a file never opened"),
          ("no one is who they signed in as", "every exit is watched", "trust is a matter of minutes")),
    Genre("documentary", ("nature", "true-story", "food", "history", "music-history", "engineering"),
          ("Rivers", "Makers", "Harvest", "Archive", "Deep Water", "Workshops", "Bridges"),
          ("Hidden", "Living", "Hand-Made", "Lost", "Measured"),
          ("a team of divers", "a village baker", "a bridge builder", "the keeper of an archive"),
          ("follows one river from spring to sea", "restores what others threw away", "cooks with what grows",
           "tells how a city learned to stand"),
          ("the season is short", "the craft has few heirs", "nature sets the terms")),
    Genre("reality", ("competition", "cooking", "makeover", "dating", "travel", "auction"),
          ("Kitchen", "Auction", "Island", "Workbench", "Road Trip", "Garden Duel", "House Swap"),
          ("Ultimate", "Blind", "Fast", "Golden", "Backyard"),
          ("a crew of cooks", "a newly wed couple", "a team of carpenters", "a busload of strangers"),
          ("competes for a small fortune", "rebuilds a house in a week", "trades homes for a month",
           "bids on boxes nobody has opened"),
          ("one leaves every week", "the judges have opinions", "the budget is tiny")),
    Genre("horror", ("haunted-house", "supernatural", "slasher", "found-footage", "psychological", "folk-horror"),
          ("Cellar", "Hollow", "Visitor", "Well", "Nursery", "Static", "Chapel"),
          ("Pale", "Unlit", "Buried", "Whispering", "Crawling"),
          ("a night nurse", "a family of four", "a sound engineer", "a village sexton"),
          ("moves into a house that counts its guests", "records a voice between two stations",
           "digs where the map says not to"),
          ("something copies their footsteps", "the door was never there", "it only moves when nobody speaks")),
    Genre("anime", ("mecha", "coming-of-age", "school", "martial-arts", "cyber-city", "slice-of-life"),
          ("Academy", "Blade", "Skyline", "Alchemists", "Circuit", "Ghost Festival", "Relay"),
          ("Crimson", "Neon", "Drifting", "Infinite", "Paper"),
          ("a transfer student", "a courier on a flying bike", "a clumsy swordsmith", "a repair robot"),
          ("joins a school that no map shows", "pilots a borrowed machine", "trains for a race over the clouds"),
          ("rivals become friends", "the city is listening", "every victory costs a memory")),
    Genre("kids", ("animals", "learning", "sing-along", "adventure", "friendship", "bedtime"),
          ("Bears", "Tugboat", "Treehouse", "Dinosaurs", "Puddle Club", "Robots", "Bus"),
          ("Tiny", "Bouncy", "Giggly", "Wobbly", "Sunny"),
          ("a small tugboat", "a brave bear cub", "a curious robot", "a bus that can sing"),
          ("helps a new friend each day", "learns to count on the way", "finds out what the noise was",
           "builds something from boxes"),
          ("everybody is home for supper", "sharing makes it work", "there is a song for that")),
)  # fmt: skip
KIDS: Final = len(GENRES) - 1
PROFILE_NAMES: Final = _PERSONS


def invented(rng: Random) -> str:
    """A proper noun that means nothing, such as a place."""
    first = rng.choice(_ONSETS) + rng.choice(_NUCLEI)
    middle = rng.choice(_ONSETS) + rng.choice(_NUCLEI) if rng.random() < 0.35 else ""
    return (first + middle + rng.choice(_CODAS)).capitalize()


def title(rng: Random, genre: Genre, taken: set[str]) -> str:
    """A name of a show that is not in `taken`; it is added there."""
    while True:
        thing, adjective = rng.choice(genre.things), rng.choice(genre.adjectives)
        name = rng.choice((
            f"The {thing} of {invented(rng)}",
            f"{adjective} {invented(rng)}",
            f"{invented(rng)} {thing}",
            f"The {adjective} {thing} of {invented(rng)}",
            f"{rng.choice(_PERSONS)} and the {adjective} {thing}",
            f"{thing} {invented(rng)}",
            f"{rng.choice(_PERSONS)} {invented(rng)}",
        ))  # fmt: skip
        if name not in taken:
            taken.add(name)
            return name


def summary(rng: Random, genre: Genre, tags: list[str]) -> str:
    """One or two sentences about a show."""
    hero, deed, stake = rng.choice(genre.heroes), rng.choice(genre.deeds), rng.choice(genre.stakes)
    place = rng.choice(("In", "Near", "Far from", "Somewhere outside")) + f" {invented(rng)}"
    flavour = " and ".join(tags[:2]).replace("-", " ")
    return rng.choice((
        f"{place}, {hero} {deed}, and {stake}.",
        f"{hero.capitalize()} {deed}. Soon {stake}.",
        f"{hero.capitalize()} {deed} while {stake}: {flavour}.",
        f"{place}, {stake}. Then {hero} {deed}.",
    ))  # fmt: skip


def episode_name(rng: Random, genre: Genre) -> str:
    """A name of an episode; names may repeat, as they do."""
    thing, adjective = rng.choice(genre.things), rng.choice(genre.adjectives)
    return rng.choice((f"The {adjective} {thing}", f"{rng.choice(_PERSONS)}'s {thing}", f"{adjective}, Again",
                       f"Without {rng.choice(_PERSONS)}", f"What the {thing} Knew", f"{invented(rng)}"))  # fmt: skip
