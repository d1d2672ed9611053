"""One device of a member: its session, and what it is playing."""

from typing import Final

from streams.events import SESSION_IDLE_MS

COUNTED_AFTER_S: Final = 60.0  # shorter plays are browsing
UNATTENDED_AFTER: Final = 2  # autoplayed titles in a row without a touch: from then on nobody is known to watch
LONGEST_SILENCE_MS: Final = 6 * 3_600_000  # a player silent for longer was not playing


class Play:
    """A title playing on a device. Times in ms; `playing` is false while paused."""

    __slots__ = (
        "autoplay",
        "completed",
        "counted",
        "last_ts",
        "playing",
        "show_id",
        "source",
        "start_ts",
        "title_id",
        "watched_s",
    )

    def __init__(self, show_id: str, title_id: str, start_ts: int, autoplay: bool, source: str) -> None:
        self.show_id = show_id
        self.title_id = title_id
        self.start_ts = start_ts
        self.last_ts = start_ts
        self.autoplay = autoplay
        self.source = source
        self.playing = True
        self.watched_s = 0.0
        self.counted = False
        self.completed = False

    def advance(self, ts: int) -> float:
        """Moves the play's clock to `ts`; returns the seconds watched since its last event."""
        elapsed = ts - self.last_ts
        if elapsed <= 0:
            return 0.0
        self.last_ts = ts
        if not self.playing or elapsed > LONGEST_SILENCE_MS:
            return 0.0
        seconds = elapsed / 1000
        self.watched_s += seconds
        return seconds


class Device:
    """A device slot: `slot` is its column in the shows' device statistics."""

    __slots__ = (
        "device",
        "device_id",
        "first_show",
        "last_show",
        "play",
        "session_id",
        "session_last",
        "session_plays",
        "session_start",
        "slot",
        "untouched",
    )

    def __init__(self, device_id: str, device: str, slot: int) -> None:
        self.device_id = device_id
        self.device = device
        self.slot = slot
        self.session_id = ""
        self.session_start = 0  # ms, event time of the session's first event
        self.session_last = 0  # ms, newest event of the session
        self.session_plays = 0  # counted plays in it
        self.first_show = ""  # show of its first counted play
        self.last_show = ""  # show of this device's last counted play, in any session
        self.untouched = 0  # autoplayed titles in a row since somebody last touched the player
        self.play: Play | None = None

    @property
    def unattended(self) -> bool:
        return self.untouched >= UNATTENDED_AFTER

    def idle(self, ts: int) -> bool:
        """Whether its session had ended by `ts`: 30 minutes without an event, six hours while something plays."""
        playing = self.play is not None and self.play.playing
        return ts - self.session_last > (LONGEST_SILENCE_MS if playing else SESSION_IDLE_MS)
