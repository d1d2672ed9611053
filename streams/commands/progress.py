"""What a command says while it works: one changing line on a terminal, plain lines elsewhere, both on stderr."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PLAIN_INTERVAL_S = 2.0


@contextmanager
def saying() -> Iterator[Callable[[str], None]]:
    """Gives a function that shows what is being done now.

    On a terminal the line is gone afterwards. Elsewhere a line that differs from the last in a count alone is printed
    every two seconds at most.
    """
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        with console.status("...") as status:
            yield status.update
        return
    last, last_at = "", 0.0

    def say(text: str) -> None:
        nonlocal last, last_at
        words = "".join(c for c in text if not c.isdigit())
        if words != last or time.monotonic() - last_at > _PLAIN_INTERVAL_S:
            last, last_at = words, time.monotonic()
            console.print(text, markup=False, soft_wrap=True)

    yield say
