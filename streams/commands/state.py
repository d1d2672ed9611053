"""`cw state`: members' states that can't be read, and making one anew."""

import argparse
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import quote

from streams import config
from streams.errors import CommandError

SILENCE_S: Final = 60.0  # a worker tells how far it is twice a second
ELSEWHERE: Final = 421  # another worker has the member

DESCRIPTION = """\
A state that can't be decoded (damaged, or written by a newer version) is never reset by itself: it stays as it is, and
its member's events go to cw.invalid. The workers at CW_WORKER_URLS (default http://127.0.0.1:CW_WORKER_PORT) look
after it:

  cw state broken                   a line each: member, partition, reason. Looks at every state of every worker.
  cw state rebuild MEMBER           makes the state anew from playback.events; what was turned away meanwhile is in it,
                                    so 'cw invalid replay' leaves those events out
  cw state rebuild MEMBER --empty   begins anew with nothing, from the next event on; 'cw invalid replay' then sends
                                    the events that were turned away

The member's other events go on meanwhile, and each counts once. A state that can be read is not touched.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw state broken|rebuild`."""
    parser = subparsers.add_parser(
        "state",
        help="find members' states that can't be read, and make one anew",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    broken = actions.add_parser("broken", help="list the states that can't be read, with the reason")
    broken.set_defaults(run=_broken)
    rebuild = actions.add_parser("rebuild", help="make an unreadable state anew from the log, or from nothing")
    rebuild.add_argument("member", metavar="MEMBER", help="the member's id, as 'cw state broken' shows it")
    rebuild.add_argument("--empty", action="store_true", help="begin with nothing instead of the log")
    rebuild.set_defaults(run=_rebuild)


def _broken(_: argparse.Namespace) -> None:
    from streams.commands.progress import saying

    urls = config.load().worker_urls
    found = looked_at = 0
    with saying() as say:
        for url in urls:
            done = 0
            for answer in _ask(url, "/v1/states/unreadable"):
                if "looked_at" in answer:
                    done = answer["looked_at"]
                    say(f"{looked_at + done} states looked at ...")
                else:
                    found += 1
                    print(f"{answer['member_id']}  partition {answer['partition']}  {answer['reason']}", flush=True)
            looked_at += done
    workers = f"{len(urls)} worker{'s' * (len(urls) != 1)}"
    print(f"{found} of {looked_at} states can't be read, on {workers}", file=sys.stderr)


def _rebuild(arguments: argparse.Namespace) -> None:
    from streams import invalid
    from streams.commands.progress import saying

    settings = config.load()
    body = json.dumps({"from": "empty" if arguments.empty else "log"}).encode()
    with saying() as say:
        done: dict[str, Any] = {}
        for answer in ask_owner(settings.worker_urls, arguments.member, "rebuild", body):
            done = answer
            if "read" in done:
                say(f"Reading playback.events: {done['read']} of {done['of']} ...")
        if arguments.empty:
            print(f"{arguments.member} begins anew with nothing; 'cw invalid replay' sends what was turned away")
            return
        say("Looking in cw.invalid for events that the state has now ...")
        covered = invalid.settle_covered(
            settings.bootstrap_servers, arguments.member, done["partition"], done["offset"]
        )
    print(
        f"{arguments.member} is made anew from {done['events']} events: {done['shows']} shows; "
        f"{covered} of its events in cw.invalid are in it and need no replay"
    )


def ask_owner(urls: tuple[str, ...], member: str, what: str, body: bytes) -> Iterator[dict[str, Any]]:
    """What the worker that has the member answers. Raises CommandError where none of them has it, or it refuses."""
    silent = []
    for url in urls:
        try:
            yield from _ask(url, f"/v1/members/{quote(member, safe='')}/{what}", body)
            return
        except _Elsewhere:
            continue
        except _NoAnswer as error:
            silent.append(str(error))
    if silent:
        raise CommandError("; ".join(silent))
    raise CommandError(
        f"none of the workers at {', '.join(urls)} has {member}: name the others in CW_WORKER_URLS, separated by commas"
    )


class _Elsewhere(Exception):
    """The worker says that another one has the member."""


class _NoAnswer(CommandError):
    """Nobody answers there."""


def _ask(url: str, path: str, body: bytes | None = None) -> Iterator[dict[str, Any]]:
    """A worker's answer, line by line. Raises CommandError with its words where it refuses, or nobody answers."""
    try:
        request = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=SILENCE_S) as lines:
            for line in lines:
                answer = json.loads(line)
                if "error" in answer:
                    raise CommandError(answer["error"])
                yield answer
    except urllib.error.HTTPError as error:
        if error.code == ELSEWHERE:
            raise _Elsewhere from None
        raise CommandError(_reason(error)) from None
    except (OSError, ValueError, HTTPException) as error:
        raise _NoAnswer(
            f"no worker answers at {url} ({getattr(error, 'reason', None) or error}): start it with 'cw worker', "
            "or set CW_WORKER_URLS to where the workers are"
        ) from None


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{error.url} answered {error.code}: is it a worker's address? Set CW_WORKER_URLS"
