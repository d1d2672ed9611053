"""Figures as measurements give them: to a table for people, to JSON, and to the page of the last run."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BEGIN = "<!-- last run: written by make bench -->"
END = "<!-- end of the last run -->"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `text` is how people read it; `wanted` is the bound that it is held against, where there is one."""

    key: str  # in the JSON
    what: str
    value: float
    text: str
    wanted: str = ""

    @classmethod
    def times(cls, key: str, what: str, value: float, wanted: str = "") -> "Figure":
        """How many times another one's figure it is."""
        return cls(key, what, round(value, 3), f"{value:.2f} ×", wanted)

    @classmethod
    def rate(cls, key: str, what: str, value: float, unit: str, wanted: str = "") -> "Figure":
        """Something a second."""
        return cls(key, what, round(value, 1), f"{value:,.0f} {unit}/s", wanted)

    @classmethod
    def of(cls, key: str, what: str, value: float, unit: str, wanted: str = "", digits: int = 1) -> "Figure":
        """A number with a unit."""
        return cls(key, what, round(value, 3), f"{value:,.{digits}f} {unit}".strip(), wanted)


@dataclass(frozen=True, slots=True)
class Section:
    """What one measurement found; `notes` say how, and what is left out and why."""

    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()


def processor_time() -> tuple[int, int]:
    """Of all processors since the machine started, in ticks: all of it, and what the host gave to others (proc(5))."""
    ticks = [int(text) for text in next((line for line in _lines("/proc/stat")), "cpu 0").split()[1:]]
    return sum(ticks), ticks[7] if len(ticks) > 7 else 0


def with_stolen(section: Section, before: tuple[int, int]) -> Section:
    """The section, with a note of the share of processor time since `before` that the host gave to others."""
    every, stolen = (now - then for now, then in zip(processor_time(), before, strict=True))
    note = f"Meanwhile the host gave {stolen / max(1, every):.0%} of the processors' time to others."
    return replace(section, notes=[*section.notes, "", note])


def machine() -> dict[str, Any]:
    """The machine and the moment: a figure means nothing without them."""
    cpu = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def as_json(machine: dict[str, Any], sections: Sequence[Section]) -> dict[str, Any]:
    """One flat object: a value for each key, the machine, and the notes."""
    values = {figure.key: figure.value for section in sections for figure in section.figures}
    return {**values, "machine": machine, "notes": [note for section in sections for note in section.notes]}


def as_markdown(machine: dict[str, Any], sections: Sequence[Section]) -> str:
    """The tables, one for each measurement."""
    lines = [
        f"{machine['date']}, {machine['cores']} cores of {machine['cpu']}, {machine['memory_gib']} GiB, "
        f"{machine['system']}. Load before the run: {machine['load_before']}.",
    ]
    for section in sections:
        lines += ["", f"### {section.title}", ""]
        if section.figures:
            lines += ["| measured | figure | wanted |", "| --- | ---: | --- |"]
        lines += [f"| {figure.what} | {figure.text} | {figure.wanted} |" for figure in section.figures]
        lines += ["", *section.notes] if section.notes else []
    return "\n".join(lines) + "\n"


def write_page(page: Path, text: str) -> None:
    """Puts the text between the page's markers."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{text}{END}{after}")


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
