"""What the demo shows: its steps with their times, then how the system lives."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

_PLAIN_INTERVAL_S: Final = 10.0
_REFRESH_S: Final = 0.5


class Screen:
    """Prints on stdout: a changing display on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._plain_at = 0.0

    @asynccontextmanager
    async def step(self, title: str, detail: Callable[[], str] = str) -> AsyncIterator[None]:
        """Shows a step while it is done, `detail()` beside it on a terminal, and its time when it is done."""
        import asyncio

        began = time.monotonic()
        if not self.console.is_terminal:
            self.console.print(f"{title} ...", markup=False)
            yield
            self.console.print(f"  done in {time.monotonic() - began:.1f} s", markup=False)
            return

        with self.console.status(title) as status:

            async def refresh() -> None:
                while True:
                    text = f"{title}  {time.monotonic() - began:.0f} s  [dim]{_plain(detail())}[/dim]"
                    status.update(text)
                    await asyncio.sleep(_REFRESH_S)

            refreshing = asyncio.create_task(refresh())
            try:
                yield
            finally:
                refreshing.cancel()
        self.console.print(f"[green]✓[/green] {_plain(title)}  [dim]{time.monotonic() - began:.1f} s[/dim]")

    def say(self, text: str) -> None:
        """One line that stays."""
        self.console.print(text, markup=False)

    def figures(self, rows: list[tuple[str, str]]) -> None:
        """Shows figures that change: in place on a terminal, a line every ten seconds elsewhere."""
        if not self.console.is_terminal:
            if time.monotonic() - self._plain_at >= _PLAIN_INTERVAL_S:
                self._plain_at = time.monotonic()
                self.say("; ".join(f"{name} {value}" for name, value in rows))
            return
        if self._live is None:
            self._live = Live(console=self.console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(_table(rows), refresh=True)

    def end_figures(self) -> None:
        """Takes the changing figures away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def summary(self, title: str, rows: list[tuple[str, str]]) -> None:
        """Figures that stay."""
        self.say("")
        self.console.print(title, style="bold", markup=False)
        for name, value in rows:
            self.say(f"  {name:<34} {value}")


def _table(rows: list[tuple[str, str]]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    return table


def _plain(text: str) -> str:
    return text.replace("[", "\\[")[:120]
