"""docs/operations.md names every setting that the code reads, and no other, with its default."""

import re
from pathlib import Path

from streams import config

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text()
ROWS = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", PAGE, re.MULTILINE))


def test_the_table_of_settings_has_every_variable_that_the_code_reads_and_no_other():
    """A variable is one in quotes in the code: `environ["CW_..."]`, `_port(environ, "CW_...", ...)`."""
    files = [path for part in ("streams", "models", "export") for path in (ROOT / part).rglob("*.py")]
    code = "\n".join(path.read_text() for path in files)
    read = set(re.findall(r'"(CW_[A-Z_]+|KAFKA_BOOTSTRAP_SERVERS)"', code))
    assert set(ROWS) == read


def test_the_defaults_in_the_table_are_those_of_the_code():
    """Ports, hosts and numbers, as `config.load` gives them for an empty environment."""
    settings = config.load({})
    for name, value in {
        "CW_BROKER_PORT": settings.broker_port,
        "CW_BROKER_HOST": settings.broker_host,
        "CW_GATEWAY_HOST": settings.gateway_host,
        "CW_GATEWAY_PORT": settings.gateway_port,
        "CW_SERVICE_HOST": settings.service_host,
        "CW_WORKER_PORT": settings.worker_port,
        "CW_MONITOR_PORT": settings.monitor_port,
        "CW_OUTCOMES_PORT": settings.outcomes_port,
        "CW_PARTITIONS": settings.partitions,
        "CW_EPOCH": settings.epoch,
    }.items():
        assert ROWS[name] == str(value)
    assert ROWS["CW_HOME"] == f"`{settings.home.name}`"
