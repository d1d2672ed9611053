"""How far a long command is: one bar a stage, on stderr; without a terminal one line a stage."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Stages:
    """The stages of a command, one after the other. A new stage ends the one before."""

    def __init__(self, display: Progress) -> None:
        self._display = display
        self._name = ""
        self._task: TaskID | None = None

    def stage(self, name: str, done: int, total: int) -> None:
        """Shows `done` of `total` under `name`."""
        self._display.update(self._begin(name, total), completed=done, total=total)

    def say(self, name: str) -> None:
        """Begins a stage whose length is not known."""
        self._begin(name, None)

    def counter(self, name: str, total: int) -> Callable[..., None]:
        """Begins a stage of `total`; the function counts one more, or as many as it is given."""
        task = self._begin(name, total)

        def count(more: int = 1) -> None:
            self._display.advance(task, more)

        return count

    def describe(self, text: str) -> None:
        """Shows `text` beside the bar of the stage in place of its name; without a terminal, as a line."""
        if self._task is not None:
            self._display.update(self._task, description=text)
        if not self._display.console.is_terminal:
            self._display.console.print(text)

    def end(self) -> None:
        """Fills the bar of the stage: less work than foreseen is done work too."""
        if self._task is not None:
            total = next(task.total for task in self._display.tasks if task.id == self._task)
            self._display.update(self._task, total=total or 1, completed=total or 1)

    def _begin(self, name: str, total: int | None) -> TaskID:
        if name == self._name and self._task is not None:
            return self._task
        self.end()
        self._name = name
        if not self._display.console.is_terminal:
            self._display.console.print(f"{name} ...")
        self._task = self._display.add_task(name, total=total)
        return self._task


@contextmanager
def showing() -> Iterator[Stages]:
    """Shows stages until the block ends; their bars are gone then."""
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as display:
        yield Stages(display)
