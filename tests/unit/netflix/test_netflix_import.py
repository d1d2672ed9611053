"""Whole exports to events: literal files in, literal events out."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.cli import main
from streams.clients.netflix import Imported, default_prefixes, read
from streams.errors import CommandError, UsageError
from streams.events import validate

HEADER = (
    "Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,"
    "Device Type,Bookmark,Latest Bookmark,Country"
)
FIRST = (
    "Ana,2021-03-06 20:00:00,00:40:00,,The Lantern: Season 1: Low Tide (Episode 2),,Zibo Smart TV,00:45:00,"
    "Not latest view,BR (Brazil)"
)
SECOND = "Ana,2021-03-06 20:41:00,00:10:00,,The Quiet Harbour,,Zibo Smart TV,00:10:00,00:10:00,BR (Brazil)"
ROWS = [SECOND, FIRST]  # exports stand newest first
T0 = int(datetime(2021, 3, 6, 20, tzinfo=UTC).timestamp() * 1000)
NOW_MS = T0 + 86_400_000
MINUTE = 60_000

Importer = Callable[..., Imported]


@pytest.fixture
def importer(tmp_path: Path) -> Importer:
    def run(*lines: str, encoding: str = "utf-8", prefix: str | None = "home") -> Imported:
        path = tmp_path / "export.csv"
        path.write_bytes("\n".join(lines).encode(encoding) + b"\n")
        return read([path], prefix, now_ms=NOW_MS)

    return run


def test_views_become_the_events_that_the_player_would_have_sent(importer: Importer) -> None:
    events = list(importer(HEADER, *ROWS).events())
    for event in events:
        validate(event)
    common = {
        "member_id": "home/Ana",
        "device": "tv",
        "device_id": "zibo-smart-tv",
        "country": "BR",
        "tz": "America/Sao_Paulo",
    }
    for event in events:
        assert event.items() >= common.items()
    moments = [
        (e["type"], (e["ts"] - T0) // MINUTE, e.get("position_s"), e.get("season"), e.get("episode")) for e in events
    ]
    assert moments == [
        ("session_start", 0, None, None, None),
        ("play", 0, 300, 1, 2),
        ("stop", 40, 2700, 1, 2),
        ("play", 41, 0, None, None),
        ("stop", 51, 600, None, None),
        ("session_end", 51, None, None, None),
    ]
    lantern, harbour = events[1], events[3]
    assert lantern["show_id"].startswith("the-lantern-")
    assert lantern["title_id"] == f"{lantern['show_id']}:s1e2"
    assert harbour["show_id"] == harbour["title_id"]
    assert lantern["duration_s"] is None  # an export tells no runtimes
    assert len({event["session_id"] for event in events}) == 1
    assert len({event["event_id"] for event in events}) == 6


EXPECTED = {"rows": 2, "events": 6}


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([HEADER.replace("Start Time", "StartTime"), *ROWS], id="StartTime"),
        pytest.param([HEADER.replace(" ", "."), *ROWS], id="Start.Time"),
        pytest.param([HEADER.replace("Start Time", "Start Time (UTC)"), *ROWS], id="Start Time (UTC)"),
        pytest.param([",".join(f'"{f}"' for f in line.split(",")) for line in [HEADER, *ROWS]], id="all quoted"),
        pytest.param([";".join(line.split(",")) for line in [HEADER, *ROWS]], id="semicolons"),
        pytest.param(["\t".join(line.split(",")) for line in [HEADER, *ROWS]], id="tabs"),
        pytest.param([",".join(reversed(line.split(","))) for line in [HEADER, *ROWS]], id="columns turned round"),
        pytest.param(["," + HEADER, "0," + SECOND, "1," + FIRST], id="a column of row numbers"),
        pytest.param(["", HEADER, "", *ROWS, ""], id="empty lines"),
        pytest.param([HEADER, SECOND, HEADER, FIRST], id="header again in the middle"),
        pytest.param([line + "\r" for line in [HEADER, *ROWS]], id="carriage returns"),
        pytest.param([HEADER, *(line.replace("2021-03-06 ", "06.03.2021 ") for line in ROWS)], id="German dates"),
        pytest.param(ROWS, id="no header"),
        pytest.param([HEADER.replace("Start Time", "Sta,rt Ti"), *ROWS], id="damaged header"),
        pytest.param([HEADER, "0," + SECOND, "1," + FIRST], id="row numbers that the header leaves out"),
        pytest.param([",".join(reversed(line.split(","))) for line in ROWS], id="no header, columns turned round"),
    ],
)  # fmt: skip
def test_exports_of_every_shape_give_the_same_events(importer: Importer, lines: list[str]) -> None:
    wanted = list(importer(HEADER, *ROWS).events())
    imported = importer(*lines)
    assert imported.files[0].views == 2
    keep = ("type", "member_id", "ts", "title_id", "position_s", "season", "episode", "device", "country")
    assert [{k: e.get(k) for k in keep} for e in imported.events()] == [{k: e.get(k) for k in keep} for e in wanted]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16"])
def test_names_survive_every_encoding(importer: Importer, encoding: str) -> None:
    imported = importer(HEADER, FIRST.replace("Ana", "Zoë").replace("Lantern", "Laterné"), encoding=encoding)
    assert imported.members == ["home/Zoë"]
    assert imported.titles()[0]["name"] == "The Laterné"


def test_one_broken_byte_does_not_spoil_the_accents_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_bytes("\n".join([HEADER, FIRST.replace("Ana", "Zoë")]).encode() + b"\n" + SECOND.encode() + b"\xff\n")
    assert "home/Zoë" in read([path], "home", now_ms=NOW_MS).members


def test_without_a_profile_column_everybody_is_one_member(importer: Importer) -> None:
    lines = [line.split(",", 1)[1] for line in [HEADER, *ROWS]]
    assert importer(*lines).members == ["home/viewer"]
    assert importer(*lines[1:]).members == ["home/viewer"]


def test_a_slash_in_a_profile_does_not_make_another_household(importer: Importer) -> None:
    assert importer(HEADER, FIRST.replace("Ana", "Ana/Bo")).members == ["home/Ana_Bo"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (FIRST.replace("2021-03-06", "1970-01-01"), "start time is before 2000"),
        (FIRST.replace("2021-03-06", "2031-03-06"), "start time is in the future"),
        (FIRST.replace("2021-03-06 20:00:00", "soon"), "start time is not a time"),
        (FIRST.replace("00:40:00", "-00:40:00"), "duration is not a time"),
        (FIRST.replace("00:40:00", "99:40:00"), "duration is over a day"),
        (FIRST.replace("The Lantern: Season 1: Low Tide (Episode 2)", " "), "no title"),
        (FIRST.replace("Ana", ""), "no profile name"),
        (FIRST.replace("Low Tide", "Low, Tide"), "too many columns"),
        ("Ana,2021-03-06 20:00:00", "too few columns"),
        ('"Ana,2021-03-06 20:00:00', "too few columns"),
        ("\x01\x02 ,;", "too few columns"),
    ],
)
def test_a_broken_row_is_counted_with_its_reason_and_line_and_the_rest_is_read(
    importer: Importer, row: str, reason: str
) -> None:
    imported = importer(HEADER, row, SECOND)
    (report,) = imported.files
    assert (report.rows, report.views, report.rejected, report.lines) == (2, 1, {reason: 1}, {reason: [2]})
    assert len(list(imported.events())) == imported.event_count == 4


def test_a_quoted_title_may_break_over_lines(importer: Importer) -> None:
    imported = importer(HEADER, FIRST.replace("The Lantern", '"The\nLantern').replace("2)", '2)"'), SECOND)
    assert [title["name"] for title in imported.titles()] == ["The Lantern", "The Quiet Harbour"]


def test_trailers_are_left_out(importer: Importer) -> None:
    imported = importer(HEADER, SECOND, FIRST.replace(",,Zibo", ",TRAILER,Zibo"))
    assert (imported.files[0].trailers, imported.files[0].views) == (1, 1)


def test_exact_repeats_are_dropped_also_those_of_a_later_export(tmp_path: Path) -> None:
    """A later export of the same household differs in Latest Bookmark alone."""
    early, late = tmp_path / "early.csv", tmp_path / "late.csv"
    early.write_text("\n".join([HEADER, FIRST, FIRST]))
    late.write_text("\n".join([HEADER, SECOND, FIRST.replace("Not latest view", "00:45:00")]))
    imported = read([early, late], "home", now_ms=NOW_MS)
    assert [(report.views, report.repeats) for report in imported.files] == [(1, 1), (1, 1)]
    assert len(imported.sessions) == 1


def test_the_latest_bookmark_changes_nothing(importer: Importer) -> None:
    """It is written when the export is made, and tells the future."""
    assert list(importer(HEADER, FIRST.replace("Not latest view", "01:59:59")).events()) == list(
        importer(HEADER, FIRST).events()
    )


def test_the_same_export_gives_the_same_ids_again_and_another_member_others(importer: Importer) -> None:
    ids = [event["event_id"] for event in importer(HEADER, *ROWS).events()]
    assert [event["event_id"] for event in importer(HEADER, *reversed(ROWS)).events()] == ids
    assert not set(ids) & {event["event_id"] for event in importer(HEADER, *ROWS, prefix="other").events()}


@pytest.mark.parametrize(
    ("attributes", "autoplay"),
    [
        ("", False),
        ("Autoplayed: user action: None; ", True),
        ("Autoplayed: user action: Unspecified; ", True),
        ("Has branched playback; Autoplayed: user action: None; ", True),
        ("Autoplayed: user action: User_Interaction; ", False),
        ("Has branched playback; ", False),
    ],
)
def test_autoplay_is_what_the_player_started_and_nobody_touched(
    importer: Importer, attributes: str, autoplay: bool
) -> None:
    (play,) = [
        e
        for e in importer(HEADER, FIRST.replace("00:40:00,,", f"00:40:00,{attributes},")).events()
        if e["type"] == "play"
    ]
    assert play["autoplay"] is autoplay
    assert play.get("source") == ("autoplay" if autoplay else None)


def test_without_a_bookmark_a_view_began_at_the_start(importer: Importer) -> None:
    events = importer(HEADER, FIRST.replace(",00:45:00,", ",,")).events()
    assert [event["position_s"] for event in events if "position_s" in event] == [0, 2400]


def test_a_session_ends_after_half_an_hour_of_nothing(importer: Importer) -> None:
    assert len(importer(HEADER, FIRST, SECOND.replace("20:41:00", "21:10:00")).sessions) == 1
    assert len(importer(HEADER, FIRST, SECOND.replace("20:41:00", "21:10:01")).sessions) == 2


def test_two_devices_of_a_profile_are_two_sessions(importer: Importer) -> None:
    imported = importer(HEADER, FIRST, SECOND.replace("Zibo Smart TV", "iPhone 12"))
    assert [(session.views[0].device, len(session.views)) for session in imported.sessions] == [("tv", 1), ("phone", 1)]


def test_events_of_all_profiles_stand_in_order_of_time(importer: Importer) -> None:
    events = list(importer(HEADER, FIRST, FIRST.replace("Ana", "Bo").replace("20:00", "20:20"), SECOND).events())
    assert [event["ts"] for event in events] == sorted(event["ts"] for event in events)
    assert {event["member_id"] for event in events} == {"home/Ana", "home/Bo"}


def test_titles_are_named_but_no_episode_is_said_to_exist(importer: Importer) -> None:
    titles = importer(HEADER, *ROWS).titles()
    assert [(title["name"], title["kind"]) for title in titles] == [
        ("The Lantern", "series"),
        ("The Quiet Harbour", "film"),
    ]
    assert all(title["title_id"] == title["show_id"] for title in titles)
    assert not any({"season", "episode", "runtime_s"} & title.keys() for title in titles)


def test_each_file_is_a_household_named_after_it() -> None:
    assert default_prefixes([Path("x/a.csv"), Path("y/b.csv")]) == ["a", "b"]
    assert default_prefixes([Path("x/a.csv"), Path("y/a.csv")]) == ["x-a", "y-a"]
    assert default_prefixes([Path("x/a.csv"), Path("x/a.txt")]) == ["x-a-1", "x-a-2"]


@pytest.mark.parametrize("content", ["", "\n\n", "Title,Date\nA,2021-01-01\n", "hello\nworld\n", HEADER])
def test_a_file_without_a_row_that_can_be_read_is_an_error_in_one_line(importer: Importer, content: str) -> None:
    with pytest.raises(CommandError) as raised:
        importer(content)
    assert "\n" not in str(raised.value)


def test_one_unreadable_file_among_others_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("\n".join([HEADER, FIRST]))
    bad.write_text("Title,Date\nA,2021-01-01\n")
    reports = read([bad, good], now_ms=NOW_MS).files
    assert "Start Time" in str(reports[0].unreadable)
    assert reports[1].views == 1


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        read([tmp_path / "none.csv"], now_ms=NOW_MS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(noise=st.binary(max_size=300))
def test_noise_in_a_file_never_costs_the_rows_around_it_unless_it_takes_their_quotes(
    tmp_path: Path, noise: bytes
) -> None:
    path = tmp_path / "noise.csv"
    quiet = noise.replace(b'"', b"")
    path.write_bytes(f"{HEADER}\n{FIRST}\n".encode() + quiet + f"\n{SECOND}\n".encode())
    views = [view.title.show for view in read([path], "home", now_ms=NOW_MS).views]
    assert "The Lantern" in views
    assert "The Quiet Harbour" in views


def test_the_command_writes_events_and_names_and_reports_what_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export, out = tmp_path / "My export.csv", tmp_path / "out.jsonl"
    export.write_text("\n".join([HEADER, *ROWS, FIRST.replace("2021", "1970")]))
    assert main(["import", "netflix", str(export), "-o", str(out)]) == 0
    events = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    assert Counter(event["member_id"] for event in events) == {"My export/Ana": 6}
    assert len((tmp_path / "out.titles.jsonl").read_bytes().splitlines()) == 2
    printed = capsys.readouterr().out
    assert "start time is before 2000 (line 4)" in printed


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 2), (["nowhere.csv", "-o", "x"], 2), (["{export}"], 2), (["{export}", "-o", "{nowhere}/x.jsonl"], 1)],
)
def test_the_command_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    export = tmp_path / "export.csv"
    export.write_text("\n".join([HEADER, FIRST]))
    given = [each.format(export=export, nowhere=tmp_path / "nowhere") for each in arguments]
    assert main(["import", "netflix", *given]) == code
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


# A real export, where one lies beside the repository, is checked by what must hold of any.
_REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "household" / "ViewingActivity.csv"


@pytest.mark.parametrize("real", [False, True] if _REAL.is_file() else [False])
def test_every_row_of_an_export_is_accounted_for(tmp_path: Path, real: bool) -> None:
    path = _REAL
    if not real:
        path = tmp_path / "export.csv"
        days = [line.replace("-06 ", f"-{day:02} ") for day in range(1, 7) for line in ROWS]
        trailers = [line.replace(",,Zibo", ",HOOK,Zibo") for line in days]
        path.write_text("\n".join([HEADER, *days, *trailers, *days]))
    imported = read([path])
    (report,) = imported.files
    assert report.rows == report.views + report.trailers + report.repeats + sum(report.rejected.values())
    assert sum(report.rejected.values()) <= report.rows // 100
    for event in imported.events():
        validate(event)
    views = list(imported.views)
    assert len(views) == report.views
    assert sum(view.device == "other" for view in views) <= len(views) // 100
    assert all(view.country and view.tz for view in views)
