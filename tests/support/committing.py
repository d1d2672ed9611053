"""What tests of lag do to a topic: send records, and commit as a group that then leaves."""

from kafka import KafkaConsumer, TopicPartition


def send(producer, topic, partition, count, **options):
    for i in range(count):
        producer.send(topic, value=b"record %d" % i, partition=partition, **options)
    producer.flush()


def commit(servers, group, offsets):
    """Commits as a consumer of its own that then leaves."""
    consumer = KafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    consumer.assign([TopicPartition(*at) for at in offsets])
    for (topic, partition), offset in offsets.items():
        consumer.seek(TopicPartition(topic, partition), offset)
    consumer.commit()
    consumer.close()
