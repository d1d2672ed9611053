"""The figures that services show under /metrics, and whether they are ready."""

import asyncio
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_S = 2.0


@dataclass(slots=True)
class Scrape:
    """All samples of one service: (name, labels as sorted pairs) -> value."""

    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)

    def values(self, name: str, **labels: str) -> list[float]:
        """All samples of a name that have these labels."""
        wanted = set(labels.items())
        return [value for (other, pairs), value in self.samples.items() if other == name and wanted <= set(pairs)]

    def total(self, name: str, **labels: str) -> float:
        """Their sum; 0 where there is none."""
        return sum(self.values(name, **labels))


async def scrape(port: int) -> Scrape:
    """The service's metrics; empty where it does not answer."""
    text = await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/metrics")
    found = Scrape()
    if text is not None:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found.samples[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


async def is_ready(port: int) -> tuple[bool, str]:
    """Whether /readyz answers 200, and what it is waiting for otherwise."""
    return await asyncio.to_thread(_ready, port)


async def members(port: int) -> list[str]:
    """The profiles that the gateway has rows of, those whose rows changed last first."""
    text = await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/v1/members")
    return [] if text is None else [member["member_id"] for member in json.loads(text)["members"]]


def _ready(port: int) -> tuple[bool, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=_TIMEOUT_S) as answer:
            return answer.status == 200, ""
    except urllib.error.HTTPError as error:
        try:
            waiting = json.load(error).get("waiting_for", [])
        except ValueError:
            waiting = []
        return False, "; ".join(waiting)
    except (OSError, ValueError):
        return False, "no answer yet"


def _get(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            return str(answer.read().decode())
    except (OSError, ValueError):
        return None
