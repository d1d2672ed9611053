"""`GET /v1/members`: the profiles that the page offers, with the devices whose rows are known."""

from typing import Any

from aiohttp import web

from streams.gateway.auth import Authenticator
from streams.gateway.http import json_answer
from streams.gateway.store import Row, RowStore


class Members:
    """The handler of one route. With authentication a caller sees itself and nobody else."""

    def __init__(self, store: RowStore, authenticator: Authenticator) -> None:
        self._store = store
        self._authenticator = authenticator

    async def get(self, request: web.Request) -> web.Response:
        """`{"members": [{"member_id", "devices": [...]}]}`, those whose rows changed last first."""
        caller = await self._authenticator.caller(request)
        known = [caller.member_id] if caller.member_id is not None else self._store.recent_members()
        return json_answer(
            {
                "members": [
                    {"member_id": member_id, "devices": [_device(row) for row in self._store.rows(member_id)]}
                    for member_id in known
                ]
            }
        )


def _device(row: Row) -> dict[str, Any]:
    fields = row.fields()
    return {
        "device": fields.get("device"),
        "device_id": row.device_id,
        "scored_from_ts": fields.get("scored_from_ts"),
        "items": len(fields.get("items") or ()),
    }
