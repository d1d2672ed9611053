"""Topics, groups and a producer for the tests of lag."""

import uuid

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from streams.monitor.kafka import Broker


@pytest.fixture(scope="module")
def servers(broker):
    return broker.bootstrap_servers


@pytest.fixture(scope="module")
def admin(servers):
    with KafkaAdminClient(bootstrap_servers=servers) as client:
        yield client


@pytest.fixture(scope="module")
def producer(servers):
    client = KafkaProducer(bootstrap_servers=servers, acks="all")
    yield client
    client.close()


@pytest.fixture
def connection(servers):
    broker = Broker(servers)
    yield broker
    broker.close()


@pytest.fixture
def topic(topics):
    """A new topic of two partitions that stamps records itself, as playback.events does."""
    return topics(2, message_timestamp_type="LogAppendTime")


@pytest.fixture
def group():
    return f"group-{uuid.uuid4().hex[:8]}"
