"""The gateway's page as a test sees it: what stands where, and what a person does."""

import time
from collections.abc import Callable
from typing import Any

from selenium.webdriver.remote.webdriver import WebDriver


class Page:
    """One open page. `kind` is tv or phone; shows are named by their id."""

    def __init__(self, driver: WebDriver) -> None:
        self.driver = driver

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        return str(self.js("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def shows(self, kind: str) -> list[str]:
        """The row of a device, first to last."""
        return list(
            self.js(
                "return [...document.querySelectorAll(`.${arguments[0]} .continue .card`)].map(c => c.dataset.show)",
                kind,
            )
        )

    def version(self, kind: str) -> tuple[int, ...]:
        text = self.js("return document.querySelector(`.${arguments[0]} .continue`).dataset.version", kind)
        return tuple(int(number) for number in text.split("-"))

    def position(self, kind: str, show: str) -> float:
        """Where the card of the show would resume, in seconds."""
        return float(self.js(f"return document.querySelector({self._card(kind, show)!r}).dataset.position"))

    def place(self, kind: str) -> int:
        """Which row of the page the Continue Watching row is, from the top, as it stands in the document."""
        return int(
            self.js(
                "const row = document.querySelector(`.${arguments[0]} .continue`);"
                "return 1 + [...row.parentElement.children].indexOf(row)",
                kind,
            )
        )

    def play(self, kind: str, show: str) -> None:
        self.js(f"document.querySelector({self._card(kind, show)!r}).click()")

    def press(self, kind: str, action: str, show: str | None = None) -> None:
        """Presses a button of the device, or of one card on it."""
        where = self._card(kind, show) if show else f".{kind}"
        self.js(f"document.querySelector({f'{where} [data-action={action}]'!r}).click()")

    def video(self, kind: str) -> dict[str, Any]:
        """The video element: its time and length in seconds of the video, and whether it stands still."""
        return dict(
            self.js(
                "const v = document.querySelector(`.${arguments[0]} video`);"
                "return {time: v.currentTime, length: v.duration, paused: v.paused,"
                " fault: v.error && v.error.message, frames: v.getVideoPlaybackQuality().totalVideoFrames}",
                kind,
            )
        )

    def seek(self, kind: str, share: float) -> None:
        """Moves the player's bar to a share of the title."""
        self.js(
            "const bar = document.querySelector(`.${arguments[0]} .seek`);"
            "bar.value = 1000 * arguments[1]; bar.dispatchEvent(new Event('change'))",
            kind,
            share,
        )

    def events(self, kind: str) -> list[str]:
        """The types of the events that Kafka took from the device, in order."""
        lines = self.js(
            "return [...document.querySelectorAll('#events li.sent')].map("
            "line => [line.children[1].textContent, line.children[2].textContent])"
        )
        return [what for who, what in reversed(lines) if who == kind]

    def wait(self, check: Callable[[], Any], what: str, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(0.1)

    @staticmethod
    def _card(kind: str, show: str) -> str:
        return f'.{kind} .continue .card[data-show="{show}"]'
