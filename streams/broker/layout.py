"""The folder of the embedded broker: its data, its settings, its log; written anew at each start but for the data."""

import base64
import shutil
import socket
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from streams.errors import CommandError
from streams.topics import MAX_INVALID_BYTES

_MAX_LONG = 2**63 - 1

_SERVER = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{listen}:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://{advertised}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}

# One node: nothing to replicate to. Few internal partitions, so that the first consumer need not wait.
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0

# Topics are made with their settings by `cw`; one made by a typo would have none of them.
auto.create.topics.enable=false
message.max.bytes={max_bytes}

# Nothing goes by time unless its topic says so: history is old, and a computer may be off for weeks.
log.retention.ms=-1
log.retention.bytes=-1
offsets.retention.minutes=5256000
log.message.timestamp.after.max.ms={max_long}

# Two cores and half a gigabyte of heap.
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=33554432
"""

_LOG4J = """\
status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={log}
appender.file.filePattern={log}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{yyyy-MM-dd HH:mm:ss.SSS}} %p %m (%c)%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=3
rootLogger.level=info
rootLogger.appenderRef.file.ref=file
logger.appinfo.name=org.apache.kafka.common.utils.AppInfoParser
logger.appinfo.level=warn
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one embedded broker, all under CW_HOME/broker."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def lock(self) -> Path:
        return self.folder / "broker.lock"

    @property
    def server(self) -> Path:
        return self.folder / "server.properties"

    @property
    def log4j(self) -> Path:
        return self.folder / "log4j2.properties"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def output(self) -> Path:
        return self.folder / "output.log"

    def make(self) -> None:
        """Makes the folder. Raises CommandError where that can't be done, or Kafka could not read its path."""
        if "," in str(self.folder):
            raise CommandError(f"Kafka takes the comma in {self.folder} for a list: set CW_HOME to a path without one")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(
                f"can't make the folder {self.folder} ({error.strerror}): set CW_HOME to a folder you can write"
            ) from None

    def write_settings(self, host: str, port: int) -> None:
        """Writes server.properties and log4j2.properties. The controller keeps its port while that is free.

        Listens on `host` where that is loopback; where it is another name of this machine, on every interface.
        """
        fields = {
            "listen": listening(host),
            "advertised": host,
            "port": port,
            "controller_port": self._controller_port(),
            "max_bytes": MAX_INVALID_BYTES,
            "max_long": _MAX_LONG,
        }
        self.server.write_text(_SERVER.format(data=_escaped(self.data), **fields))
        self.log4j.write_text(_LOG4J.format(log=_escaped(self.log)))

    def _controller_port(self) -> int:
        remembered = self.folder / "controller.port"
        try:
            port = int(remembered.read_text())
            if is_free("127.0.0.1", port):
                return port
        except (OSError, ValueError, OverflowError):
            pass
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        remembered.write_text(f"{port}\n")
        return port

    def check_data(self) -> bool:
        """True where there is data of a broker, False where there is none yet.

        Raises CommandError where the folder holds something else, or what an interrupted copy left of it.
        """
        if not self.data.exists() or (self.data.is_dir() and not any(self.data.iterdir())):
            return False
        try:
            lines = (self.data / "meta.properties").read_text().splitlines()
            meta = dict(line.split("=", 1) for line in lines if "=" in line)
        except (OSError, UnicodeDecodeError):
            meta = {}
        if meta.get("node.id") != "1" or not meta.get("cluster.id") or not meta.get("directory.id"):
            raise CommandError(
                f"{self.data} is not a broker's data folder, or a damaged one (no valid meta.properties): "
                "move it away or remove it (its events go with it), then start again"
            )
        return True

    def format(self, java: list[str]) -> None:
        """Makes an empty data folder with Kafka's StorageTool, and then moves it to its place: no half one stays."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        settings = self.folder / "format.properties"
        settings.write_text(self.server.read_text().replace(_escaped(self.data), _escaped(fresh)))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
        command = [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            reason = reason_in(done.stdout + done.stderr) or f"exit code {done.returncode}"
            raise CommandError(f"Kafka could not format {self.data}: {reason}")
        settings.unlink()
        if self.data.exists():
            self.data.rmdir()
        fresh.rename(self.data)


def listening(host: str) -> str:
    """The address to listen on, for clients that call this machine `host`."""
    return host if host in ("127.0.0.1", "localhost") else "0.0.0.0"


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def reason_in(log: str) -> str | None:
    """The last line of a Java log that says why: an exception's message, or a line of level ERROR or FATAL."""
    reason = None
    for line in log.splitlines():
        _, found, message = line.partition("Exception: ")
        if found and not line.startswith("\t"):
            reason = message
        elif " ERROR " in line or " FATAL " in line or line.startswith("Error"):
            reason = line.split(" ERROR ")[-1].split(" FATAL ")[-1]
    return " ".join(reason.split())[:300] if reason else None


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\")
