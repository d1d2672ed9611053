"""`cw gateway`: takes events over HTTP, serves and pushes rows, and shows the page."""

import argparse
import asyncio
import logging
from typing import Any

from streams import config


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "gateway",
        help="take events over HTTP, serve and push rows, show the page",
        description="The HTTP side of Continue Watching: POST /v1/events, the row by GET, SSE and WebSocket, the "
        "catalogue, health, metrics, the page at /, and the similarity map of titles at /titles. Stops cleanly on "
        "ctrl-c and SIGTERM.",
        epilog="Environment: CW_GATEWAY_HOST (127.0.0.1), CW_GATEWAY_PORT (8080), KAFKA_BOOTSTRAP_SERVERS (the "
        "embedded broker), CW_JWT_SECRET or CW_JWKS_URL (authentication; without one only this machine may connect), "
        "CW_WORKER_URLS (where explanations come from, http://127.0.0.1:8081), CW_REQUIRE_MODEL_VERSION (ready only "
        "once a worker serves it), CW_EPOCH (0), CW_TITLES_DIR (what 'cw titles map' wrote, for /titles).",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Serves until it is stopped. Raises UsageError on settings that don't go together, CommandError without a port."""
    from streams.gateway.service import serve

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it reports every attempt; we report every outage
    asyncio.run(serve(config.load()))
