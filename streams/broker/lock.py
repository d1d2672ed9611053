"""Rewrites jars.lock for a release of Apache Kafka: python -m streams.broker.lock VERSION (a few seconds, network)."""

import hashlib
import sys
from pathlib import Path

from streams.broker.jars import LOCK_NAME

HEADER = "# The class path of Apache Kafka: coordinate, sha256. Written by python -m streams.broker.lock VERSION."


def main(version: str) -> None:
    """Resolves Kafka's dependencies and a logging backend with jgo, and pins what came out."""
    import jgo

    artifacts = jgo.resolve(f"org.apache.kafka:kafka_2.13:{version}")
    log4j = next(a.version for a in artifacts if a.artifactId == "log4j-core")
    # "!": without it jgo takes the logging parent's dependency management for everybody's, kafka-clients included.
    artifacts += jgo.resolve(f"org.apache.logging.log4j:log4j-slf4j-impl:{log4j}!")[:1]
    lines = [HEADER]
    for artifact in artifacts:
        digest = hashlib.sha256(Path(artifact.resolve()).read_bytes()).hexdigest()
        lines.append(f"{artifact.groupId}:{artifact.artifactId}:{artifact.version} {digest}")
    Path(__file__).with_name(LOCK_NAME).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
