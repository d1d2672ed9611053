"""`cw row MEMBER`: the row that a member sees now, and why, from the gateway on this machine."""

import argparse
import json
import os
import time
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import quote

from streams import config
from streams.config import Settings
from streams.errors import CommandError

TIMEOUT_S: Final = 10.0
TOKEN_S: Final = 60
FEATURES_PER_LINE: Final = 3
IN_WORDS: Final = 6  # contributions to an item's score, the largest first


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "row",
        help="show a member's row, and why each item stands where it stands",
        description="Shows the Continue Watching row of a member, of the device of the newest session, as the gateway "
        "serves it. With --explain, by the worker that owns the member: the features that each item was scored from, "
        "what each added to the score, and the events that they are from.",
        epilog="Example: cw row household-7/ada --explain. Environment: CW_GATEWAY_HOST, CW_GATEWAY_PORT; where the "
        "gateway asks for tokens, CW_JWT_SECRET signs one for the member, else CW_ACCESS_TOKEN holds one.",
    )
    parser.add_argument("member", metavar="MEMBER", help="the member's id, as it is in the events")
    parser.add_argument("--explain", action="store_true", help="add what moved each item's score, and its features")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Prints the row. Raises CommandError where there is none or the gateway does not answer."""
    from rich.console import Console

    row = _fetch(config.load(), arguments.member, arguments.explain)
    console = Console(highlight=False, soft_wrap=True)
    for line in describe(row, int(time.time() * 1000)):
        console.print(line, markup=False)


def describe(row: dict[str, Any], now_ms: int) -> list[str]:
    """The lines that `cw row` prints for a row, with features where it has them; `now_ms` is the time of reading."""
    continuation = row.get("continuation_probability")
    placement = row.get("placement") or {}
    lines = [
        f"{row['member_id']} on {row['device']} ({row['device_id']}), version {row['version']}",
        f"made {_age(now_ms - row['generated_at'])} ago by model {row['model_version']}, "
        f"from events up to {_age(now_ms - row['scored_from_ts'])} ago",
        f"row at position {placement.get('position')} of the page ({placement.get('method')}), "
        + (f"continues something: {continuation:.0%}" if continuation is not None else "no continuation estimate"),
    ]
    if not row["items"]:
        lines.append("The row is empty: nothing to continue.")
    for number, item in enumerate(row["items"], 1):
        lines.append(f"{number:3}. {_item(item)}")
        lines.extend(_explanation(item, row, now_ms))
    return lines


def _item(item: dict[str, Any]) -> str:
    episode = f" s{item['season'] or 0:02}e{item['episode']:02}" if item.get("episode") is not None else ""
    probability = item.get("play_probability")
    played = f"  plays {probability:.1%}" if probability is not None else ""
    score = f"  score {item['score']:.3f}" if item.get("score") is not None else ""
    progress = f"  {item['progress']:.0%} watched" if item.get("progress") else ""
    return f"{item['show_id']}{episode}  {item['reason'].replace('_', ' ')}{progress}{played}{score}"


def _explanation(item: dict[str, Any], row: dict[str, Any], now_ms: int) -> list[str]:
    """From which events; what moved the score most, in words; every feature's value, and what it added."""
    lines = []
    events = item.get("events") or {}
    if events.get("last_play"):
        plays = f"{events['plays']} play{'s' * (events['plays'] != 1)}"
        sessions = f"{events['sessions']} session{'s' * (events['sessions'] != 1)}"
        lines.append(f"from {plays} in {sessions}, the last begun {_age(now_ms - events['last_play'])} ago")
    added: dict[str, float] = item.get("contributions") or {}
    features: dict[str, float] = item.get("features") or {}
    names = sorted(features, key=lambda name: -abs(added.get(name, 0.0)))
    if added:
        up, down = (sum(part for part in added.values() if part * sign > 0) for sign in (1, -1))
        base = row["scored_from"]["base"]
        lines.append(f"score {base + up + down:.3f} = {base:.3f} for any show {up:+.3f} for it {down:+.3f} against it")
        meanings = row.get("meanings") or {}
        for name in [name for name in names if name in added][:IN_WORDS]:
            lines.append(f"{added[name]:+8.3f}  {meanings.get(name, name)}: {features[name]:g}")
    pairs = [f"{name}={features[name]:g}" + (f" {added[name]:+.3f}" if name in added else "") for name in names]
    width = max((len(pair) for pair in pairs), default=0) + 2
    lines += [
        "".join(pair.ljust(width) for pair in pairs[at : at + FEATURES_PER_LINE]).rstrip()
        for at in range(0, len(pairs), FEATURES_PER_LINE)
    ]
    return ["       " + line for line in lines]


def _age(ms: int) -> str:
    seconds = max(0, ms) / 1000
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} seconds"


def _fetch(settings: Settings, member: str, explain: bool) -> dict[str, Any]:
    base = f"http://{settings.gateway_host}:{settings.gateway_port}"
    url = f"{base}/v1/members/{quote(member, safe='')}/row" + ("?explain=1" if explain else "")
    request = urllib.request.Request(url, headers=_token(settings, member))
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            row: dict[str, Any] = json.load(answer)
            return row
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise CommandError(f"{member} has no row yet; a row comes with the member's first event") from None
        raise CommandError(f"the gateway at {base} answered {error.code}: {_reason(error)}") from None
    except (OSError, ValueError) as error:
        raise CommandError(f"no gateway at {base} ({error}); start one with 'cw gateway' or 'cw demo'") from None


def _token(settings: Settings, member: str) -> dict[str, str]:
    token = os.environ.get("CW_ACCESS_TOKEN")
    if settings.jwt_secret:
        import jwt

        token = jwt.encode({"sub": member, "exp": int(time.time()) + TOKEN_S}, settings.jwt_secret, "HS256")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return error.reason
