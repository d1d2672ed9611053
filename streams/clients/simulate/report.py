"""What people see: progress while it works, and what the log looks like beside real viewing."""

import sys
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.table import Table

from streams.clients.simulate.statistics import Statistics

_EVERY_S: Final = 5.0  # a line, where nobody watches a terminal
_EVERY_TERMINAL_S: Final = 0.2


class Progress:
    """Says on standard error how far the simulated time has come; call it with that time in ms."""

    def __init__(self, statistics: Statistics, beginning: str) -> None:
        self._statistics = statistics
        self._console = Console(stderr=True)
        self._status = self._console.status(beginning) if self._console.is_terminal else None
        self._every = _EVERY_TERMINAL_S if self._status else _EVERY_S
        self._said = time.monotonic()
        self._start_ms = self._until_ms = 0
        self._live = False

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def history(self, start_ms: int, until_ms: int) -> None:
        """From here on it is the history that is made."""
        self._start_ms, self._until_ms = start_ms, until_ms

    def live(self) -> None:
        """From here on the members are live."""
        self._live = True

    def __call__(self, now_ms: int) -> None:
        now = time.monotonic()
        if now - self._said < self._every:
            return
        self._said = now
        events = f"{self._statistics.events:,} events"
        if self._live:
            text = f"live: {events}, event time {_utc(now_ms)}"
        else:
            share = min((now_ms - self._start_ms) / max(self._until_ms - self._start_ms, 1), 1.0)
            text = f"history: {share:.0%}, {events}, event time {_utc(now_ms)}"
        self._say(text)

    def waiting(self) -> None:
        """Kafka takes its time to acknowledge; nothing is lost."""
        self._say("waiting for Kafka to acknowledge; see 'cw broker status' if this stays")

    def _say(self, text: str) -> None:
        if self._status:
            self._status.update(text)
        else:
            print(text, file=sys.stderr, flush=True)


def show(statistics: Statistics, days: float) -> None:
    """Prints the table of figures and the number of events of each type to standard output."""
    table = Table(title="This population beside real viewing", title_justify="left")
    table.add_column("figure")
    table.add_column("real", justify="right")
    table.add_column("here", justify="right")
    for line in statistics.lines():
        table.add_row(line.name, f"{line.real:g}", "-" if line.measured is None else f"{line.measured:g}")
    console = Console()
    console.print(table)
    if days < 45:
        console.print("The real figures are of years of viewing: a history of less than about 60 days is further off.")
    console.print("Events: " + ", ".join(f"{kind} {count:,}" for kind, count in statistics.types().items()))


def _utc(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
