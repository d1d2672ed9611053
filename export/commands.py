"""`cw publish`."""

import argparse
from pathlib import Path
from typing import Any

from streams.errors import UsageError

_DESCRIPTION = """\
Checks a bundle as a worker will (every hash, the features, the models on made-up decisions) and announces it on the
topic cw.models. Running workers copy it, check it again and take it over without a restart; one that refuses it keeps
the one it has, and says so in cw_bundles_refused_total.

Workers on other machines need an address they can read: put the folder behind https and name it with --uri.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw publish`."""
    parser = subparsers.add_parser(
        "publish",
        help="check a bundle and announce it to running workers",
        description=_DESCRIPTION,
        epilog="Example: cw publish bundle",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="what 'cw train -o' wrote")
    parser.add_argument(
        "--uri", metavar="URI", help="where workers find it, https://... (default: DIR on this machine)"
    )
    parser.set_defaults(run=publish)


def publish(arguments: argparse.Namespace) -> None:
    """Raises BundleRefused where a worker would not take it, CommandError where Kafka does not."""
    from export.publish import announce, announcement
    from streams import config, topics

    if arguments.uri is not None and not arguments.uri.startswith("https://"):
        raise UsageError("--uri must begin with https://; without it workers read DIR on this machine")
    settings = config.load()
    version, record = announcement(arguments.folder, arguments.uri)
    topics.ensure(settings.bootstrap_servers, settings.partitions)
    announce(record, settings.bootstrap_servers, topics.MODELS)
    print(f"Announced {version} on {topics.MODELS} at {settings.bootstrap_servers}")
