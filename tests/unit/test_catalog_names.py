"""A catalogue record may name a series without telling which episodes exist, as an import's does."""

from eventlog import T0, watch

from streams.cards import NEXT_EPISODE, card
from streams.catalog import Catalog, parse_title
from streams.features import Gatherer
from streams.member import MemberState

NAMED = {"title_id": "A", "show_id": "A", "name": "The Lantern", "kind": "series"}


def catalog(*records: dict[str, object]) -> Catalog:
    made = Catalog()
    for record in records:
        made.put(parse_title(record))
    return made


def test_a_named_series_goes_on_as_an_unknown_one_does() -> None:
    state = MemberState()
    for each in watch("A", T0, 44, episode=3):
        state.apply(each)
    shown = card(state.shows["A"], catalog(NAMED), None, T0)
    assert (shown.reason, shown.episode) == (NEXT_EPISODE, 4)


def test_the_name_can_be_replaced_and_removed() -> None:
    made = catalog(NAMED, {**NAMED, "name": "The Beacon"})
    assert made.titles["A"].name == "The Beacon"
    assert made.of_show("A") == []
    made.remove("A")
    assert made.titles == {}


def test_playing_the_name_itself_is_no_error() -> None:
    """A client that sends the show's id as the title's: the place has no number among the episodes."""
    known = catalog(NAMED, {**NAMED, "title_id": "A.e1", "season": 1, "episode": 1})
    state = MemberState()
    for each in watch("A", T0, 5, title_id="A", season=1):
        state.apply(each)
    (device,) = state.devices.values()
    assert len(Gatherer(30, known).add(state, device, T0)) == 1
