"""`cw broker`: the Kafka that everything else talks to: an embedded one, or the cluster that the environment names."""

import argparse
import signal
from typing import Any

from streams import config
from streams.errors import CommandError

DESCRIPTION = """\
The embedded Apache Kafka: one node, for one machine. Its data are in CW_HOME/broker (default .cw/broker), it listens on
127.0.0.1, port CW_BROKER_PORT (default 9092). The first start fetches Kafka's jars into the user's Maven cache; later
starts need no network. Starting also creates the topics, each with CW_PARTITIONS partitions (default 4).

With CW_BROKER_HOST, the name by which other machines reach this one, it listens on every interface. It checks nobody:
do that in a private network only.

With KAFKA_BOOTSTRAP_SERVERS set there is no embedded broker: start creates the topics on that cluster, status reports
on it, and stop leaves it alone.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw broker start|stop|status`."""
    parser = subparsers.add_parser(
        "broker",
        help="start, stop or look at the embedded Kafka",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, help_text, run in (
        ("start", "start it (or find it running) and create the topics", _start),
        ("stop", "stop it; its data stay", _stop),
        ("status", "say whether it runs; exit code 1 where it does not", _status),
    ):
        action = actions.add_parser(name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
        action.set_defaults(run=run)
        if run is _start:
            action.add_argument("--foreground", action="store_true", help="stay; stop it on SIGTERM (containers)")


def _start(arguments: argparse.Namespace) -> None:
    from streams.broker import embedded

    settings = config.load()
    stays = arguments.foreground and not settings.external_broker
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a Kafka that is half started goes with the command
    try:
        print(_started(settings), flush=True)
        if stays:
            embedded.wait(settings)
            raise CommandError(f"the broker has ended: see {settings.home / 'broker' / 'server.log'}")
    except KeyboardInterrupt:
        if not stays:
            raise
        _stop(arguments)


def _started(settings: config.Settings) -> str:
    """Starts or finds the broker and its topics; what to say of it."""
    from streams import topics
    from streams.broker import embedded
    from streams.commands.progress import saying

    with saying() as say:
        if settings.external_broker:
            made = topics.ensure(settings.bootstrap_servers, settings.partitions)
            outcome = f"Using the Kafka at {settings.bootstrap_servers} (KAFKA_BOOTSTRAP_SERVERS)"
        else:
            broker = embedded.start(settings, say)
            say("Creating the topics ...")
            made = topics.ensure(settings.bootstrap_servers, settings.partitions)
            topics.await_coordinators(settings.bootstrap_servers)
            verb = "runs" if broker.started_here else "was already running"
            outcome = f"Kafka {broker.version} {verb} at {settings.bootstrap_servers} (pid {broker.pid})"
    return f"{outcome}; {len(made)} topics created" if made else f"{outcome}; its topics are there"


def _stop(_: argparse.Namespace) -> None:
    from streams.broker import embedded
    from streams.commands.progress import saying

    settings = config.load()
    if settings.external_broker:
        print(f"The Kafka at {settings.bootstrap_servers} (KAFKA_BOOTSTRAP_SERVERS) is not ours to stop; left alone")
        return
    with saying() as say:
        stopped = embedded.stop(settings, say)
    print(f"Stopped (pid {stopped.pid})" if stopped else "The broker was not running")


def _status(_: argparse.Namespace) -> None:
    from streams import topics
    from streams.broker import embedded

    settings = config.load()
    where = f"the Kafka at {settings.bootstrap_servers} (KAFKA_BOOTSTRAP_SERVERS)"
    if not settings.external_broker:
        broker = embedded.find(settings)
        if broker is None:
            raise CommandError(f"no broker runs on {settings.home}: start it with 'cw broker start'")
        folder = settings.home / "broker"
        where = f"Kafka {broker.version} at {settings.broker_host}:{broker.port} (pid {broker.pid}), data in {folder}"
        settings = config.load({"KAFKA_BOOTSTRAP_SERVERS": f"{settings.broker_host}:{broker.port}"})
    with topics.admin(settings.bootstrap_servers, timeout_s=10) as client:
        brokers = len(client.describe_cluster()["brokers"])
        names = client.list_topics()
    ours = sum(name in topics.SETTINGS for name in names)
    print(f"{where}: running, {brokers} broker{'s' * (brokers != 1)}, {ours} of our {len(topics.SETTINGS)} topics")
