"""`cw publish` and `cw models`."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from streams.errors import UsageError

_PUBLISH = """\
Checks a bundle as a worker will (every hash, the features, the models on made-up decisions) and announces it on the
topic cw.models. Running workers copy it, check it again and take it over without a restart; one that refuses it keeps
the one it has, and says so in cw_bundles_refused_total.

  cw publish bundle                serves everybody; 'cw models rollback' goes back to the one before
  cw publish bundle --shadow       scores along with the one that serves, seen by nobody, judged by live outcomes
  cw publish bundle --split 0.1    serves a tenth of the members, always the same ones

Workers on other machines need an address they can read: put the folder behind https and name it with --uri.
"""

_MODELS = """\
Which bundle serves, what served before it, and what is on trial.

  cw models list        what cw.models announces, and what the workers at CW_WORKER_URLS serve
  cw models rollback    go back to the bundle that served before; again, to the one before that
  cw models compare     the bundle on trial beside the one that serves (without a trial: that beside recency), on live
                        outcomes: the difference in precision at 1 and in log-loss with a 95 % interval
  cw models promote     let the bundle on trial serve everybody
  cw models withdraw    end the trial
  cw models resume      let workers that set the bundle aside (it failed, was slow, or did worse than recency) try again

'cw publish' begins: see 'cw publish --help'.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw publish`."""
    parser = subparsers.add_parser(
        "publish",
        help="check a bundle and announce it to running workers",
        description=_PUBLISH,
        epilog="Example: cw publish bundle",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="what 'cw train -o' wrote")
    parser.add_argument(
        "--uri", metavar="URI", help="where workers find it, https://... (default: DIR on this machine)"
    )
    trial = parser.add_mutually_exclusive_group()
    trial.add_argument("--shadow", action="store_true", help="on trial: score what the other one serves")
    trial.add_argument("--split", type=float, metavar="SHARE", help="on trial: serve this share of members, 0 to 1")
    parser.set_defaults(run=publish)


def add_models_parser(subparsers: Any) -> None:
    """Adds `cw models list|rollback|compare|promote|withdraw|resume`."""
    parser = subparsers.add_parser(
        "models",
        help="which bundle serves; go back to the one before; compare one on trial",
        description=_MODELS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, run, help_text in (
        ("list", _list, "what serves, served, and is on trial"),
        ("rollback", _rollback, "go back to the bundle that served before"),
        ("compare", _compare, "two bundles on live outcomes"),
        ("promote", _promote, "let the bundle on trial serve everybody"),
        ("withdraw", _withdraw, "end the trial"),
        ("resume", _resume, "let workers try a bundle again that they set aside"),
    ):
        action = actions.add_parser(name, help=help_text)
        action.set_defaults(run=run)
        if name == "compare":
            action.add_argument(
                "versions",
                nargs="*",
                metavar="VERSION",
                help="two versions, or one and 'recency' (default: the one that serves and the one on trial)",
            )


def publish(arguments: argparse.Namespace) -> None:
    """Raises BundleRefused where a worker would not take it, CommandError where Kafka does not."""
    from export.publish import announced, put_on_trial, serve, source_of
    from streams import config, topics
    from streams.scoring.announcements import SHADOW, SPLIT

    if arguments.uri is not None and not arguments.uri.startswith("https://"):
        raise UsageError("--uri must begin with https://; without it workers read DIR on this machine")
    if arguments.split is not None and not 0 < arguments.split < 1:
        raise UsageError(f"--split is {arguments.split:g}; it must be a share between 0 and 1, such as 0.1")
    settings = config.load()
    source = source_of(arguments.folder, arguments.uri)
    servers = settings.bootstrap_servers
    topics.ensure(servers, settings.partitions)
    if arguments.shadow or arguments.split is not None:
        mode = SHADOW if arguments.shadow else SPLIT
        put_on_trial(source, mode, arguments.split or 0.0, servers)
        what = "in the shadow" if arguments.shadow else f"for {arguments.split:.1%} of the members"
        print(f"Announced {source.version} on trial {what} on {topics.MODELS} at {servers}")
        return
    serve(source, announced(servers), servers)
    print(f"Announced {source.version} on {topics.MODELS} at {servers}")


def _list(_: argparse.Namespace) -> None:
    from export.publish import announced
    from export.screen import listing, served_by
    from streams import config

    settings = config.load()
    for line in listing(announced(settings.bootstrap_servers), served_by(settings.worker_urls)):
        print(line)


def _rollback(_: argparse.Namespace) -> None:
    from export.publish import announced, roll_back
    from streams import config

    settings = config.load()
    servers = settings.bootstrap_servers
    left, back = roll_back(announced(servers), settings.home, servers)
    print(f"Announced {back} again; {left} is taken back")


def _promote(_: argparse.Namespace) -> None:
    from export.publish import announced, promote
    from streams import config

    servers = config.load().bootstrap_servers
    print(f"Announced {promote(announced(servers), servers)} for everybody; its trial is over")


def _withdraw(_: argparse.Namespace) -> None:
    from export.publish import announced, withdraw
    from streams import config

    servers = config.load().bootstrap_servers
    print(f"{withdraw(announced(servers), servers)} is on trial no more")


def _resume(_: argparse.Namespace) -> None:
    from export.publish import announced, resume
    from streams import config

    servers = config.load().bootstrap_servers
    print(f"Announced {resume(announced(servers), servers)} anew: workers that set it aside try again")


def _compare(arguments: argparse.Namespace) -> None:
    """Raises CommandError where outcomes tell nothing of both."""
    from export.comparison import compare
    from export.publish import announced
    from export.screen import comparison
    from streams import config
    from streams.commands.progress import saying
    from streams.errors import CommandError
    from streams.scoring import fallback

    servers = config.load().bootstrap_servers
    since = 0
    if arguments.versions:
        if len(arguments.versions) != 2:
            raise UsageError("name two versions, or none: see 'cw models compare --help'")
        other, candidate = arguments.versions
    else:
        now = announced(servers)
        if now.live is None:
            raise CommandError("no bundle is announced, so there is nothing to compare; publish one with 'cw publish'")
        other, candidate = fallback.VERSION, now.live.source.version
        if now.candidate is not None:
            other, candidate, since = candidate, now.candidate.source.version, now.candidate.at
    with saying() as say:
        differences = compare(_outcomes(servers, say), other, candidate, since)
    if not differences:
        raise CommandError(
            f"no outcome tells of {other} and {candidate} yet; 'cw outcomes' must run, and sessions must have played"
        )
    for line in comparison(differences, other, candidate):
        print(line)


def _outcomes(servers: str, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """The records of cw.outcomes."""
    import orjson

    from streams import reading, topics

    for number, record in enumerate(reading.records(servers, topics.OUTCOMES), 1):
        if number % 10_000 == 1:
            say(f"reading {topics.OUTCOMES}: {number:,}")
        if record.value is not None:
            yield orjson.loads(record.value)
