"""The join: each served row with what its session then did. Pure: no Kafka, no clock.

A session is what the fold says it is, and its first play the first that the fold counts (60 seconds), so that live and
training judge by one definition (streams.member.Observer). A session is settled, once, by the first of

    played       its first counted play
    session_end  its client said that it ended
    over         its device opened another session, or this one again after its silence; or nothing of the device for
                 six hours of the member's event time
    moved        its id turned up on another device

Every row served up to then gets one outcome, with the id of the impression. Rows that were seen afterwards judge
nothing that the session did first, and get none. As impressions and events each come in an order of their own, a row
may arrive before its session opens, or after it is settled: the outcomes are the same.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from streams.device import LONGEST_SILENCE_MS, Device, Play
from streams.events import Event
from streams.member import MemberState
from streams.outcomes.served import Served, most_recent, rank_by_recency, rank_by_row
from streams.show import Show

MAX_SESSIONS: Final = 16  # of a member, remembered for rows that arrive late; the oldest gives way
MAX_ROWS: Final = 64  # rows that wait: in a session for what it plays, or for events that are still to come

Outcome = dict[str, Any]


@dataclass(slots=True)
class Session:
    """A session that began; offsets are those of the event log."""

    session_id: str
    device_id: str
    opened: int  # of the event that opened it
    settled: int = -1  # of the event that settled it; -1 while it is open
    ended: str = ""  # how it was settled
    ts: int = 0  # ms, event time: the start of its first play, or of what settled it
    played: dict[str, Any] | None = None  # its first counted play: show_id, title_id, source, autoplay
    waiting: list[Served] = field(default_factory=list)  # rows served to it, to be judged
    told: list[int] = field(default_factory=list)  # offsets of those whose outcome was given

    @property
    def open(self) -> bool:
        return self.settled < 0


class Member:
    """One member: the fold's state, the last sessions, and rows that came before their events.

    `seen` is (epoch, offset) of the last impression applied, as the state has them of the last event.
    """

    __slots__ = ("_event", "_offset", "early", "seen", "sessions", "state")

    def __init__(self) -> None:
        self.state = MemberState()
        self.sessions: list[Session] = []  # in order of opening
        self.early: list[Served] = []
        self.seen = (0, -1)

    def apply_event(self, event: Event, epoch: int, offset: int) -> list[Outcome]:
        """Folds one valid event; returns the outcomes that it settles."""
        if epoch > self.state.epoch:  # another log, whose offsets begin anew
            self.sessions, self.early = [], []
        self._event, self._offset = event, offset
        applied = self.state.apply(event, epoch, offset, observer=self)
        outcomes: list[Outcome] = []
        if applied.changed:
            if event["type"] == "session_end":
                device_id = event.get("device_id") or event["device"]
                for session in self._open_sessions():
                    if session.session_id == event["session_id"] and session.device_id == device_id:
                        self._settle(session, "session_end")
            for session in self._open_sessions():
                device = self.state.devices.get(session.device_id)
                if device is None or event["ts"] - device.session_last > LONGEST_SILENCE_MS:
                    self._settle(session, "over")
            for session in self.sessions:
                if session.waiting and not session.open:
                    outcomes += self._tell(session)
        outcomes += self._place_early()
        while len(self.sessions) > MAX_SESSIONS:
            oldest = self.sessions.pop(0)
            if oldest.open:
                self._settle(oldest, "over")
                outcomes += self._tell(oldest)
        return outcomes

    def apply_impression(self, served: Served, epoch: int, offset: int) -> tuple[bool, list[Outcome]]:
        """Takes a served row, found at this offset of cw.impressions.

        Returns whether it was new, and the outcomes that are complete with it. One of an older epoch is none of this
        log's, and is left out; so is what was applied before.
        """
        if (epoch, offset) <= self.seen:
            return False, []
        self.seen = (epoch, offset)
        if not self._reached(served):
            if any(early["id"] == served["id"] for early in self.early):
                return False, []
            self.early.append(served)
            del self.early[:-MAX_ROWS]
            return True, []
        return self._give(served)

    # --- what the fold tells

    def session_opened(self, state: MemberState, device: Device, event: Event) -> None:
        """Settles what the new session replaces. One whose id has played already is no new decision."""
        for session in self._open_sessions():
            if session.device_id == device.device_id:
                self._settle(session, "over")
            elif session.session_id == device.session_id:
                self._settle(session, "moved")
        if not any(s.session_id == device.session_id and s.ended == "played" for s in self.sessions):
            self.sessions.append(Session(device.session_id, device.device_id, self._offset))

    def first_play(self, state: MemberState, device: Device, show: Show, play: Play) -> None:
        """Settles the session that played."""
        for session in self._open_sessions():
            if session.session_id == device.session_id and session.device_id == device.device_id:
                self._settle(session, "played")
                session.ts = play.start_ts
                session.played = {
                    "show_id": show.show_id,
                    "title_id": play.title_id,
                    "source": play.source,
                    "autoplay": play.autoplay,
                }

    # --- sessions and rows

    def _open_sessions(self) -> list[Session]:
        return [session for session in self.sessions if session.open]

    def _settle(self, session: Session, ended: str) -> None:
        session.settled, session.ended, session.ts = self._offset, ended, self._event["ts"]

    def _session_of(self, served: Served) -> Session | None:
        """The session that a row was served to, in which nothing was settled before it; None where there is none."""
        for session in reversed(self.sessions):
            if session.session_id == served["session_id"] and session.device_id == served["device_id"]:
                before = session.opened <= served["offset"]
                if before and (session.open or served["offset"] <= session.settled):
                    return session
        return None

    def _place_early(self) -> list[Outcome]:
        """Gives rows that came early to their sessions, once the events that showed them are here."""
        outcomes: list[Outcome] = []
        if self.early:
            here = [served for served in self.early if self._reached(served)]
            self.early = [served for served in self.early if not self._reached(served)]
            for served in here:
                outcomes += self._give(served)[1]
        return outcomes

    def _reached(self, served: Served) -> bool:
        """Whether the event that showed the row has been applied."""
        return self.state.epoch == self.seen[0] and bool(served["offset"] <= self.state.offset)

    def _give(self, served: Served) -> tuple[bool, list[Outcome]]:
        """Gives a row to its session: whether it was new there, and its outcome where the session is settled."""
        session = self._session_of(served)
        if session is None or served["offset"] in session.told or len(session.waiting) >= MAX_ROWS:
            return False, []
        if any(waiting["id"] == served["id"] for waiting in session.waiting):
            return False, []
        session.waiting.append(served)
        return True, [] if session.open else self._tell(session)

    def _tell(self, session: Session) -> list[Outcome]:
        """The outcomes of the rows that waited for this session."""
        outcomes = [_outcome(served, session) for served in session.waiting]
        session.told += [served["offset"] for served in session.waiting]
        session.waiting = []
        return outcomes


def _outcome(served: Served, session: Session) -> Outcome:
    """The record of cw.outcomes, less the member; docs/live-learning.md has its fields."""
    played = session.played
    show_id = played["show_id"] if played is not None else None
    return {
        **{name: value for name, value in served.items() if name != "offset"},
        "recency_first": most_recent(served),
        "ended": session.ended,
        "ts": session.ts,
        "settled_offset": session.settled,
        "played": played,
        "rank": rank_by_row(served, show_id) if show_id is not None else None,
        "recency_rank": rank_by_recency(served, show_id) if show_id is not None else None,
        "continued": None if show_id is None else show_id in served["shows"] or show_id in served["not_shown"],
        "from_row": None if played is None else played["source"] == "row",
    }
