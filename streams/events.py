"""The event that playback clients send: its types, its fields, and the check that every event passes once.

An event is a plain dict. Behind `parse` or `validate` a field that is present has the type documented in
docs/event-schema.md, so nothing downstream checks again. `validate` is the reference, and gives the reasons; `parse`
lets the decoder check what it can while it reads, since every event of the log passes there.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, Required, TypeAlias, TypedDict

import msgspec
import orjson
from msgspec import Meta

Event: TypeAlias = dict[str, Any]

PLAYBACK_TYPES: Final = frozenset({"play", "progress", "pause", "seek", "stop", "complete"})
SHOW_TYPES: Final = frozenset({"rate", "add_to_list", "remove_from_list", "dismiss", "undismiss", "snooze"})
SESSION_TYPES: Final = frozenset({"session_start", "session_end", "row_viewed", "browse"})
TYPES: Final = PLAYBACK_TYPES | SHOW_TYPES | SESSION_TYPES
DEVICES: Final = ("tv", "phone", "tablet", "web", "console", "other")
SOURCES: Final = frozenset({"row", "search", "browse", "autoplay", "other"})

SESSION_IDLE_MS: Final = 30 * 60 * 1000
CLOCK_AHEAD_MS: Final = 5 * 60 * 1000  # a ts further ahead of its arrival counts as the time of arrival
MAX_EVENT_BYTES: Final = 64 * 1024
MAX_ID_CHARS: Final = 256
MIN_TS: Final = 946_684_800_000  # 2000-01-01: nobody streamed before; catches seconds sent for milliseconds
MAX_TS: Final = 4_102_444_800_000  # 2100-01-01

MAX_SECONDS: Final = 1e7
MAX_NUMBER: Final = 1_000_000  # of a season or an episode
MAX_SNOOZE_HOURS: Final = 24 * 3660

_DEVICES_SET: Final = frozenset(DEVICES)
_RATINGS: Final = frozenset({-1, 0, 1, 2})


class InvalidEvent(ValueError):
    """What was sent is not an event; the message is the reason, in one line."""


def decode(payload: bytes | None, key: bytes | None) -> Event:
    """Bytes of one Kafka record to a valid event. Raises InvalidEvent with the reason.

    The record's key must be the event's `member_id` in UTF-8.
    """
    if not payload:
        raise InvalidEvent("the record has no value")
    if len(payload) > MAX_EVENT_BYTES:
        raise InvalidEvent(f"the event has {len(payload)} bytes; at most {MAX_EVENT_BYTES} are read")
    event = parse(payload)
    if key is None:
        raise InvalidEvent("the record has no key; it must be member_id in UTF-8")
    if key != event["member_id"].encode():
        raise InvalidEvent("the record's key is not member_id in UTF-8")
    return event


def parse(text: bytes) -> Event:
    """JSON, of a record or of a line of an event file, to a valid event. Raises InvalidEvent with the reason.

    Fields that docs/event-schema.md does not name may be left out.
    """
    try:
        text.decode()  # the decoder does not look into fields that it leaves out
        event: Event = _DECODER.decode(text)  # type: ignore[assignment]
        kind = event["type"]
        complete = kind not in _VALUES and None not in map(event.get, _OF_KIND[kind])
        if complete and not (_BACKSLASH in text and _NUL in text):
            return event
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        pass  # said below, with the reason
    try:
        event = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent(f"not JSON: {error}") from None
    validate(event)
    return event


def validate(event: object) -> None:
    """Checks one decoded event. Raises InvalidEvent naming the field and what it must be."""
    if type(event) is not dict:
        raise InvalidEvent(f"an event is a JSON object, not {_json_type(event)}")
    kind = event.get("type")
    if type(kind) is not str or kind not in TYPES:
        raise InvalidEvent(f"type is {_short(kind)}; it must be one of {', '.join(sorted(TYPES))}")
    for name, value in event.items():
        if value is not None and name in _CHECKS:
            check, expected = _CHECKS[name]
            if not check(value):
                raise InvalidEvent(f"{name} is {_short(value)}; it must be {expected}")
    for name in _REQUIRED[kind]:
        if event.get(name) is None:
            raise InvalidEvent(f"{name} is missing; a {kind} event needs it")
    if kind in _VALUES:
        check, expected = _VALUES[kind]
        if not check(event["value"]):
            raise InvalidEvent(f"value is {_short(event['value'])}; {expected}")


def _is_id(value: object) -> bool:
    return type(value) is str and 0 < len(value) <= MAX_ID_CHARS and "\0" not in value


def _is_text(value: object) -> bool:
    return type(value) is str and 0 < len(value) <= MAX_ID_CHARS


def _is_ts(value: object) -> bool:
    return type(value) is int and MIN_TS <= value <= MAX_TS


def _is_seconds(value: object) -> bool:
    return (type(value) is float or type(value) is int) and 0 <= value < MAX_SECONDS


def _is_whole(value: object) -> bool:
    return type(value) is int and 0 <= value < MAX_NUMBER


def _is_bool(value: object) -> bool:
    return type(value) is bool


def _is_device(value: object) -> bool:
    return type(value) is str and value in _DEVICES_SET


def _is_source(value: object) -> bool:
    return type(value) is str and value in SOURCES


def _is_rating(value: object) -> bool:
    return type(value) in (int, float) and value in _RATINGS


def _is_snooze(value: object) -> bool:
    return (type(value) is float or type(value) is int) and 0 < value <= MAX_SNOOZE_HOURS


_Check: TypeAlias = tuple[Callable[[object], bool], str]
_TEXT: Final[_Check] = (_is_text, f"a string of 1 to {MAX_ID_CHARS} characters")
_ID: Final[_Check] = (_is_id, f"a string of 1 to {MAX_ID_CHARS} characters, no NUL")
_SECONDS: Final[_Check] = (_is_seconds, "seconds, 0 or more, or null")
_WHOLE: Final[_Check] = (_is_whole, "a whole number, 0 or more, or null")
_CHECKS: Final[dict[str, _Check]] = {
    **dict.fromkeys(("event_id", "member_id", "session_id", "title_id", "show_id"), _ID),
    "ts": (_is_ts, "whole milliseconds since 1970, UTC, from 2000 to 2100"),
    "device": (_is_device, f"one of {', '.join(DEVICES)}"),
    **dict.fromkeys(("position_s", "duration_s"), _SECONDS),
    **dict.fromkeys(("season", "episode"), _WHOLE),
    "autoplay": (_is_bool, "true or false"),
    "source": (_is_source, f"one of {', '.join(sorted(SOURCES))}"),
    **dict.fromkeys(("device_id", "country", "tz", "row_version"), _TEXT),
}
_VALUES: Final[dict[str, _Check]] = {
    "rate": (_is_rating, "a rating is -1, 0, 1 or 2"),
    "snooze": (_is_snooze, "a snooze is hours, above 0, at most ten years"),
}
_ALWAYS: Final = ("event_id", "member_id", "session_id", "ts", "device")
_OF_KIND: Final = {
    kind: (("title_id", "show_id") if kind in PLAYBACK_TYPES else ())
    + (("position_s",) if kind in PLAYBACK_TYPES - {"complete"} else ())
    + (("show_id",) if kind in SHOW_TYPES else ())
    + (("value",) if kind in ("rate", "snooze") else ())
    for kind in TYPES
}
_REQUIRED: Final = {kind: _ALWAYS + names for kind, names in _OF_KIND.items()}

_Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARS)]
_Seconds: TypeAlias = Annotated[int, Meta(ge=0, lt=int(MAX_SECONDS))] | Annotated[float, Meta(ge=0, lt=MAX_SECONDS)]
_Whole: TypeAlias = Annotated[int, Meta(ge=0, lt=MAX_NUMBER)]


class _Fields(TypedDict, total=False):
    """The checks of `_CHECKS` as types, for the decoder."""

    event_id: Required[_Text]
    type: Required[Literal[tuple(TYPES)]]  # type: ignore[valid-type]
    member_id: Required[_Text]
    session_id: Required[_Text]
    ts: Required[Annotated[int, Meta(ge=MIN_TS, le=MAX_TS)]]
    device: Required[Literal[DEVICES]]  # type: ignore[valid-type]
    title_id: _Text | None
    show_id: _Text | None
    position_s: _Seconds | None
    duration_s: _Seconds | None
    season: _Whole | None
    episode: _Whole | None
    autoplay: bool | None
    source: Literal[tuple(SOURCES)] | None  # type: ignore[valid-type]
    device_id: _Text | None
    country: _Text | None
    tz: _Text | None
    row_version: _Text | None
    value: Any


_DECODER: Final = msgspec.json.Decoder(_Fields)
_NUL: Final = b"\\u0000"  # no id may hold it; escaped, the only way that JSON has it
_BACKSLASH: Final = ord("\\")  # one byte is looked for at once, several take ten times as long


def correct_clock(event: Event, arrived_ms: int) -> bool:
    """Sets a ts more than five minutes after its arrival to the arrival and marks the event with the ts it claimed.

    Returns whether it did. `arrived_ms` is the broker's time of the record.
    """
    if event["ts"] - arrived_ms <= CLOCK_AHEAD_MS:
        return False
    event["ts_claimed"] = event["ts"]
    event["ts"] = arrived_ms
    return True


def _short(value: object) -> str:
    if value is None:
        return "missing"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _json_type(value: object) -> str:
    names = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "a boolean"}
    return names.get(type(value), "null")
