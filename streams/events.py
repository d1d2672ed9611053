"""The event that playback clients send: its types, its fields, and the check that every event passes once.

An event stays the plain dict that orjson decoded. `validate` is the only gate: behind it a field that is present has
the type documented in docs/event-schema.md, so nothing downstream checks again.
"""

import math
from typing import Any, Final, TypeAlias

import orjson

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

_REQUIRED_IDS: Final = ("event_id", "member_id", "session_id")
_OPTIONAL_STRINGS: Final = ("device_id", "country", "tz", "row_version")
_WHOLE_NUMBERS: Final = ("season", "episode")
_POSITION_TYPES: Final = PLAYBACK_TYPES - {"complete"}
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
    try:
        event = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent(f"not JSON: {error}") from None
    validate(event)
    if key is None:
        raise InvalidEvent("the record has no key; it must be member_id in UTF-8")
    if key != event["member_id"].encode():
        raise InvalidEvent("the record's key is not member_id in UTF-8")
    return event  # type: ignore[no-any-return]


def validate(event: object) -> None:
    """Checks one decoded event. Raises InvalidEvent naming the field and what it must be."""
    if type(event) is not dict:
        raise InvalidEvent(f"an event is a JSON object, not {_json_type(event)}")
    kind = event.get("type")
    if type(kind) is not str or kind not in TYPES:
        raise InvalidEvent(f"type is {_short(kind)}; it must be one of {', '.join(sorted(TYPES))}")
    for name in _REQUIRED_IDS:
        _check_id(event, name)
    ts = event.get("ts")
    if type(ts) is not int or not MIN_TS <= ts <= MAX_TS:
        raise InvalidEvent(f"ts is {_short(ts)}; it must be whole milliseconds since 1970, UTC, from 2000 to 2100")
    device = event.get("device")
    if type(device) is not str or device not in _DEVICES_SET:
        raise InvalidEvent(f"device is {_short(device)}; it must be one of {', '.join(DEVICES)}")
    if kind in PLAYBACK_TYPES:
        _check_id(event, "title_id")
        _check_id(event, "show_id")
        if kind in _POSITION_TYPES and event.get("position_s") is None:
            raise InvalidEvent(f"position_s is missing; a {kind} event needs it, in seconds")
    elif kind in SHOW_TYPES:
        _check_id(event, "show_id")
        if kind == "rate" and (type(event.get("value")) not in (int, float) or event["value"] not in _RATINGS):
            raise InvalidEvent(f"value is {_short(event.get('value'))}; a rating is -1, 0, 1 or 2")
        if kind == "snooze" and not (_is_number(event.get("value")) and 0 < event["value"] <= 24 * 3660):
            raise InvalidEvent(f"value is {_short(event.get('value'))}; a snooze is hours, above 0, at most ten years")
    _check_optional(event)


def correct_clock(event: Event, arrived_ms: int) -> bool:
    """Sets a ts more than five minutes after its arrival to the arrival and marks the event with the ts it claimed.

    Returns whether it did. `arrived_ms` is the broker's time of the record.
    """
    if event["ts"] - arrived_ms <= CLOCK_AHEAD_MS:
        return False
    event["ts_claimed"] = event["ts"]
    event["ts"] = arrived_ms
    return True


def _check_optional(event: Event) -> None:
    for name in ("position_s", "duration_s"):
        value = event.get(name)
        if value is not None and not (_is_number(value) and 0 <= value < 1e7):
            raise InvalidEvent(f"{name} is {_short(value)}; it must be seconds, 0 or more, or null")
    for name in _WHOLE_NUMBERS:
        value = event.get(name)
        if value is not None and (type(value) is not int or not 0 <= value < 1_000_000):
            raise InvalidEvent(f"{name} is {_short(value)}; it must be a whole number, 0 or more, or null")
    autoplay = event.get("autoplay")
    if autoplay is not None and type(autoplay) is not bool:
        raise InvalidEvent(f"autoplay is {_short(autoplay)}; it must be true or false")
    source = event.get("source")
    if source is not None and (type(source) is not str or source not in SOURCES):
        raise InvalidEvent(f"source is {_short(source)}; it must be one of {', '.join(sorted(SOURCES))}")
    for name in _OPTIONAL_STRINGS:
        value = event.get(name)
        if value is not None and (type(value) is not str or not 0 < len(value) <= MAX_ID_CHARS):
            raise InvalidEvent(f"{name} is {_short(value)}; it must be a string of 1 to {MAX_ID_CHARS} characters")


def _check_id(event: Event, name: str) -> None:
    value = event.get(name)
    if type(value) is not str or not 0 < len(value) <= MAX_ID_CHARS or "\0" in value:
        raise InvalidEvent(f"{name} is {_short(value)}; it must be a string of 1 to {MAX_ID_CHARS} characters, no NUL")


def _is_number(value: object) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _short(value: object) -> str:
    if value is None:
        return "missing"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _json_type(value: object) -> str:
    names = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "a boolean"}
    return names.get(type(value), "null")
