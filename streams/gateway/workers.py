"""What only the workers know: why a row is as it is, and which bundle is being served."""

import asyncio
import time
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from streams.gateway.http import try_later
from streams.gateway.store import Row
from streams.gateway.versions import covers, parse_version

ASK_S: Final = 3.0
_NONE: Final = ""  # no character stays as it is
VERSIONS_KEPT_S: Final = 0.5  # so that many readiness probes are one question to the workers


class Workers:
    """Asks the workers at CW_WORKER_URLS."""

    def __init__(self, urls: tuple[str, ...]) -> None:
        self._urls = urls
        self._session: aiohttp.ClientSession | None = None
        self._versions: tuple[float, set[str]] = (float("-inf"), set())

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()

    async def explain(self, row: Row) -> dict[str, Any]:
        """The row with what its items were scored from, by the worker that owns the member.

        Raises Problem 503 where no worker answers for the member.
        """
        path = f"/v1/members/{quote(row.member_id, safe=_NONE)}/explain?device_id={quote(row.device_id, safe=_NONE)}"
        answers = await asyncio.gather(*(self._ask(URL(url + path, encoded=True)) for url in self._urls))
        explained = [answer for answer in answers if answer is not None and isinstance(answer.get("items"), list)]
        if not explained:
            raise try_later(503, "no worker can explain this row now: none answers for this member")
        return _merge(row, max(explained, key=lambda answer: parse_version(answer.get("version")) or (0, 0, 0)))

    async def model_versions(self) -> set[str]:
        """The bundle versions that ready workers serve now."""
        asked, versions = self._versions
        if time.monotonic() - asked > VERSIONS_KEPT_S:
            answers = await asyncio.gather(*(self._ask(URL(url + "/readyz")) for url in self._urls))
            versions = {
                str(answer.get("model_version"))
                for answer in answers
                if answer is not None and answer.get("ready") is True
            }
            self._versions = (time.monotonic(), versions)
        return versions

    async def _ask(self, url: URL) -> dict[str, Any] | None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_S))
        try:
            async with self._session.get(url) as answer:
                decoded = orjson.loads(await answer.read()) if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None
        return decoded if isinstance(decoded, dict) else None


def _merge(row: Row, explained: dict[str, Any]) -> dict[str, Any]:
    """The served row with what the worker knows of its items; the worker's own row where it covers later events, or
    another bundle serves by now."""
    version = parse_version(explained.get("version"))
    served = row.fields()
    later = version is not None and not covers(row.version, (version.epoch, version.offset))
    if later or explained.get("model_version") != served.get("model_version"):
        return explained
    known = {item.get("show_id"): item for item in explained["items"] if isinstance(item, dict)}
    items = [{**known.get(item["show_id"], {}), **item} for item in served["items"]]
    return {**explained, **served, "items": items}
