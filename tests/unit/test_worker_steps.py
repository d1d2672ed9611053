"""The worker's steps, one by one: records to events, events to states, states to rows, rows to records."""

from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from eventlog import DAY, MINUTE, T0, event, watch

from streams import features, topics
from streams.agents import arrive, decide, fold, send
from streams.agents.explain import explain
from streams.batching import Record
from streams.catalog import Catalog, parse_title
from streams.events import TYPES
from streams.member import MemberState
from streams.profiles import Profile
from streams.scoring.swap import ModelSlot

HOME = topics.partition_of(b"m", 4)


@dataclass
class FakeRecord:
    """A record as the transport hands it over."""

    value: bytes | None
    key: bytes | None = b"m"
    offset: int = 0
    timestamp: int = T0 + DAY
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


def log_of(*events: dict) -> list[Record]:
    return [FakeRecord(orjson.dumps(made), offset=offset) for offset, made in enumerate(events)]


def folded(*events: dict, states: dict | None = None) -> fold.Folded:
    return fold.fold(arrive.sort(log_of(*events), HOME, 4).events, states or {b"m": None}, {}, 0)


@pytest.fixture
def models(tmp_path: Path) -> ModelSlot:
    return ModelSlot(tmp_path)


class TestArrive:
    def test_records_around_one_that_cannot_be_read_arrive(self) -> None:
        good = event("session_start", T0)
        records = log_of(good, good, good)
        records[1] = FakeRecord(b"\xff", offset=1)
        arrivals = arrive.sort(records, HOME, 4)
        assert [record.offset for record, _ in arrivals.events] == [0, 2]
        assert [refused.record.offset for refused in arrivals.refused] == [1]

    def test_an_event_in_another_partition_than_its_keys_is_a_stray(self) -> None:
        arrivals = arrive.sort(log_of(event("session_start", T0)), (HOME + 1) % 4, 4)
        assert (len(arrivals.events), len(arrivals.strays), len(arrivals.refused)) == (0, 1, 0)

    def test_a_stray_that_was_moved_before_is_refused(self) -> None:
        record = FakeRecord(orjson.dumps(event("session_start", T0)), headers=[(arrive.ORIGIN_HEADER, b"x")])
        arrivals = arrive.sort([record], (HOME + 1) % 4, 4)
        assert (len(arrivals.strays), len(arrivals.refused)) == (0, 1)

    def test_a_clock_that_runs_ahead_is_set_to_the_arrival(self) -> None:
        record = FakeRecord(orjson.dumps(event("session_start", T0 + 6 * MINUTE)), timestamp=T0)
        arrivals = arrive.sort([record], HOME, 4)
        assert arrivals.ahead == 1
        assert arrivals.events[0][1]["ts"] == T0


class TestFold:
    def test_a_replayed_batch_changes_nothing_and_asks_for_the_row_again(self) -> None:
        session = [event("session_start", T0), *watch("a", T0, 5)]
        first = folded(*session)
        again = folded(*session, states=dict(first.states))
        assert (again.applied, again.replayed) == (0, len(session))
        assert again.urgent == {b"m": None}
        assert again.served == []

    def test_a_repeat_of_an_event_id_is_counted_and_makes_no_row(self) -> None:
        made = event("session_start", T0)
        state = folded(made).states
        again = fold.fold(arrive.sort([FakeRecord(orjson.dumps(made), offset=9)], HOME, 4).events, dict(state), {}, 0)
        assert (again.applied, again.repeated) == (0, 1)
        assert not again.urgent
        assert again.states[b"m"].offset == 9

    def test_events_of_a_member_whose_state_is_unreadable_are_refused(self) -> None:
        arrivals = arrive.sort(log_of(event("session_start", T0)), HOME, 4)
        result = fold.fold(arrivals.events, {}, {b"m": ValueError("version 9")}, 0)
        assert not result.states
        assert "version 9" in result.refused[0].reason

    def test_every_type_of_event_is_urgent_or_quiet(self) -> None:
        assert fold.QUIET_TYPES | fold.URGENT_TYPES == TYPES
        assert not fold.QUIET_TYPES & fold.URGENT_TYPES

    def test_a_session_that_opens_and_a_row_seen_are_moments_of_serving(self) -> None:
        result = folded(
            event("session_start", T0), event("browse", T0 + 1), event("row_viewed", T0 + 2, row_version="0-0-5")
        )
        assert [(s.trigger, s.offset, s.shown_version) for s in result.served] == [
            ("session_start", 0, None),
            ("row_viewed", 2, "0-0-5"),
        ]

    def test_a_row_that_was_shown_is_made_for_its_impression_though_its_event_is_quiet(self) -> None:
        before = folded(event("session_start", T0))
        seen = arrive.sort([FakeRecord(orjson.dumps(event("row_viewed", T0 + 2)), offset=9)], HOME, 4)
        assert fold.fold(seen.events, dict(before.states), {}, 0).urgent == {b"m": None}


class TestDecide:
    def state(self) -> MemberState:
        return folded(
            event("session_start", T0 - 2 * DAY, device="web", session_id="old"),
            event("session_start", T0),
            *watch("a", T0, 5),
            *watch("b", T0 + 10 * MINUTE, 5),
            event("session_start", T0 + 20 * MINUTE, device="phone", session_id="s2"),
        ).states[b"m"]

    def test_each_device_with_a_session_in_the_last_day_gets_a_row(self) -> None:
        wanted = decide.rows_of("m", self.state())
        assert [want.device.device_id for want in wanted] == ["phone", "tv"]

    def test_without_a_bundle_the_row_is_in_recency_order_and_says_so(self, models: ModelSlot) -> None:
        decisions = decide.decide(decide.rows_of("m", self.state()), models, Catalog(), {})
        for decision in decisions:
            assert [item["show_id"] for item in decision.row["items"]] == ["b", "a"]
            assert decision.row["model_version"] == "recency"
            assert decision.row["scored_from_ts"] == T0 + 20 * MINUTE

    async def test_an_explanation_names_every_feature_of_every_item(self, models: ModelSlot) -> None:
        wanted = decide.rows_of("m", self.state())[0]
        explained = await explain(wanted, decide.decide([wanted], models, Catalog(), {})[0])
        assert all(tuple(item["features"]) == features.NAMES for item in explained["items"])
        assert explained["scored_from"]["offset"] == self.state().offset
        assert set(explained["meanings"]) == {*features.NAMES, *features.CONTEXT_NAMES}

    async def test_an_explanation_says_when_the_events_were_that_it_is_from(self, models: ModelSlot) -> None:
        wanted = decide.rows_of("m", self.state())[0]
        explained = await explain(wanted, decide.decide([wanted], models, Catalog(), {})[0])
        events = {item["show_id"]: item["events"] for item in explained["items"]}
        assert events["b"]["first_play"] == events["b"]["last_play"] == T0 + 10 * MINUTE
        assert (events["b"]["plays"], events["b"]["sessions"]) == (1, 1)
        assert explained["scored_from"]["since"] == T0 - 2 * DAY
        assert explained["scored_from"]["ts"] == T0 + 20 * MINUTE

    def test_a_country_from_the_profile_stands_in_where_events_name_none(self, models: ModelSlot) -> None:
        catalog = Catalog()
        catalog.put(parse_title({"title_id": "b", "show_id": "b", "kind": "film", "countries": ["US"]}))

        def shown(profiles: dict[str, Profile]) -> list[str]:
            decision = decide.decide(decide.rows_of("m", self.state())[:1], models, catalog, profiles)[0]
            return [item["show_id"] for item in decision.row["items"]]

        assert shown({}) == ["b", "a"]
        assert shown({"m": Profile(country="US")}) == ["b", "a"]
        assert shown({"m": Profile(country="FR")}) == ["a"]

    def test_nothing_wanted_is_nothing_made(self, models: ModelSlot) -> None:
        assert decide.decide([], models, Catalog(), {}) == []


class TestSend:
    def test_an_invalid_record_keeps_key_and_value_and_says_where_it_stood(self) -> None:
        refused = arrive.Refused(FakeRecord(b"\xff", key=None, offset=7, timestamp=5), "no é")
        assert send.invalid(refused, "playback.events", 3) == (
            None,
            b"\xff",
            [
                ("reason", "no é".encode()),
                ("topic", b"playback.events"),
                ("partition", b"3"),
                ("offset", b"7"),
                ("timestamp", b"5"),
            ],
        )

    def test_a_moved_record_keeps_its_headers_and_names_its_origin(self) -> None:
        record = FakeRecord(b"v", offset=7, headers=[("trace", b"t")])
        assert send.moved([record], "playback.events", 9, 4) == {
            HOME: [(b"m", b"v", [("trace", b"t"), (arrive.ORIGIN_HEADER, b"playback.events/9/7")])]
        }
