"""Views to sessions, cut where a member leaves a device alone for 30 minutes, and sessions to events."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from streams.clients.netflix_views import View
from streams.clients.text import digest
from streams.events import SESSION_IDLE_MS, Event


@dataclass(frozen=True, slots=True)
class Session:
    """One member on one device, at least one view, in order of their start. Times in ms since the epoch, UTC."""

    session_id: str
    views: Sequence[View]
    end_ms: int

    @property
    def member_id(self) -> str:
        """The profile that watched."""
        return self.views[0].member_id

    @property
    def start_ms(self) -> int:
        """Start of the first view."""
        return self.views[0].start_ms


def cut(views: Iterable[View]) -> list[Session]:
    """The views of one member to sessions, device by device. The order of the views given does not matter."""
    ordered = sorted(views, key=lambda view: (_device(view), view.start_ms, view.end_ms, view.key))
    sessions = []
    for _, of_device in groupby(ordered, key=_device):
        open_views: list[View] = []
        end_ms = 0
        for view in of_device:
            if open_views and view.start_ms - end_ms > SESSION_IDLE_MS:
                sessions.append(_session(open_views, end_ms))
                open_views, end_ms = [], 0
            open_views.append(view)
            end_ms = max(end_ms, view.end_ms)
        sessions.append(_session(open_views, end_ms))
    return sessions


def events_of(session: Session) -> Iterator[Event]:
    """The session's events, each behind what it follows; by time but for views that overlap."""
    first, last = session.views[0], session.views[-1]
    yield _event("session_start", first, session, first.start_ms)
    for view in session.views:
        title = view.title
        playing: dict[str, Any] = {
            "title_id": title.title_id,
            "show_id": title.show_id,
            "season": title.season,
            "episode": title.episode,
            "duration_s": None,
            "autoplay": view.autoplay,
        }
        source = {"source": "autoplay"} if view.autoplay else {}
        yield _event("play", view, session, view.start_ms) | playing | {"position_s": view.position_s} | source
        yield _event("stop", view, session, view.end_ms) | playing | {"position_s": view.stop_s}
    yield _event("session_end", last, session, session.end_ms)


def _event(kind: str, view: View, session: Session, ts: int) -> Event:
    event: Event = {
        "event_id": digest("\x1f".join((kind, *view.key)), 12),
        "type": kind,
        "member_id": view.member_id,
        "session_id": session.session_id,
        "ts": ts,
        "device": view.device,
    }
    for name, value in (("device_id", view.device_id), ("country", view.country), ("tz", view.tz)):
        if value is not None:
            event[name] = value
    return event


def _session(views: Sequence[View], end_ms: int) -> Session:
    first = views[0]
    name = "\x1f".join((first.member_id, _device(first), str(first.start_ms)))
    return Session(digest(name, 8), views, end_ms)


def _device(view: View) -> str:
    return view.device_id or ""
