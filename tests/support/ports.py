"""TCP ports for what tests start."""

import os
import random
import socket
from itertools import count

# Below those that systems give to outgoing connections, so that none takes a port between here and its use; a stretch
# for each of the processes that tests run in.
_STRETCH = 3_000
_FIRST = 20_000 + _STRETCH * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4)
_ports = count(random.randrange(_STRETCH))


def free_port() -> int:
    """A port that nobody listens on now, and that was not given out lately."""
    while True:
        port = _FIRST + next(_ports) % _STRETCH
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
