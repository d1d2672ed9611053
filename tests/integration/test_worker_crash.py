"""kill -9 under load: nothing lost and nothing counted twice, in the changelog, in RocksDB and in the rows."""

import random
import re
import resource
import shutil
import threading
import time
import uuid

import orjson
from eventlog import DAY, HOUR, MINUTE, event, watch
from kafka import KafkaProducer
from worker_process import (
    WorkerProcess,
    changelog_states,
    local_states,
    plain_fold,
    records,
    wait_caught_up,
    wait_until,
)

from streams import codec, topics
from streams.row import parse_version

MEMBERS = 400
EVENTS_PER_S = 600
FULL_BYTES = 64 << 10  # what a file may have where there is no more room


def history(member_id, noise):
    """A few days of one member on two devices: sessions, glances, dismissals, events late, events sent twice."""
    begins = int(time.time() * 1000) - 5 * DAY
    made = []
    for session in range(noise.randint(2, 4)):
        device = noise.choice(["tv", "phone"])
        at = begins + session * DAY + noise.randint(0, 12) * HOUR
        of_session = [event("session_start", at)]
        for _ in range(noise.randint(1, 3)):
            show = f"show-{noise.randint(1, 5)}"
            of_session += watch(show, at, noise.choice([1, 3, 12]), noise.randint(1, 6))
            at += 20 * MINUTE
        wish = noise.choice(["dismiss", "undismiss", "add_to_list"])
        of_session.append(event(wish, at, f"show-{noise.randint(1, 5)}"))
        for made_event in of_session:
            made_event |= {"member_id": member_id, "session_id": f"{member_id}-{session}", "device": device}
        made += of_session
    for _ in range(len(made) // 10):  # a late one, and a repeat
        first, second = sorted(noise.sample(range(len(made)), 2))
        made.insert(second, made.pop(first))
        made.insert(second, dict(made[first]))
    # A repeat makes no row, so the last one is none: then the newest row covers the last event.
    last = event("session_start", begins + 5 * DAY)
    return [*made, last | {"member_id": member_id, "session_id": f"{member_id}-last", "device": "tv"}]


def load(noise, run):
    """The events of all members, each member's in their order."""
    waiting = {f"{run}-{number}": history(f"{run}-{number}", noise)[::-1] for number in range(MEMBERS)}
    while waiting:
        member_id = noise.choice(list(waiting))
        yield waiting[member_id].pop()
        if not waiting[member_id]:
            del waiting[member_id]


class Load(threading.Thread):
    """Sends events at a steady pace until they are all sent."""

    def __init__(self, servers, made, per_s=EVENTS_PER_S):
        super().__init__(daemon=True)
        self.servers, self.made, self.per_s, self.sent = servers, list(made), per_s, 0

    def run(self):
        producer = KafkaProducer(bootstrap_servers=self.servers, linger_ms=5)
        began = time.monotonic()
        for sent in self.made:
            producer.send(topics.EVENTS, key=sent["member_id"].encode(), value=orjson.dumps(sent))
            self.sent += 1
            time.sleep(max(0.0, self.sent / self.per_s - (time.monotonic() - began)))
        producer.close()


def events_applied(worker):
    """How many events this process has folded."""
    assert worker.alive()
    found = re.search(r"^cw_worker_events_applied_total (\S+)", worker.get("/metrics")[1], re.MULTILINE)
    return float(found[1]) if found else 0.0


def newest_rows(servers, run):
    """The highest (epoch, offset) that a row of each member of the run covers."""
    newest = {}
    for record in records(servers, topics.ROWS):
        if record.key.startswith(run.encode()):
            row = orjson.loads(record.value)
            version = parse_version(row["version"])[:2]
            newest[row["member_id"]] = max(version, newest.get(row["member_id"], (-1, -1)))
    return newest


def rows_behind(servers, run, folded):
    """Members whose newest row does not cover their last event: what it covers, and that event's offset."""
    behind = {}
    for member_id, covered in newest_rows(servers, run).items():
        state = codec.decode_state(folded[member_id])
        if covered != (state.epoch, state.offset):
            behind[member_id] = (covered, state.offset)
    return behind


def test_killed_under_load_the_tables_equal_a_plain_fold_over_the_log(broker, tmp_path):
    """Three kills while events are applied, the last with the local state gone: the worker goes on where it was."""
    run = uuid.uuid4().hex[:6]
    noise = random.Random(run)
    servers, partitions = broker.bootstrap_servers, broker.settings.partitions
    sending = Load(servers, load(noise, run))
    with WorkerProcess(broker, tmp_path / "worker") as worker:
        worker.wait_ready()
        sending.start()
        for kill in range(3):
            wait_until(lambda: events_applied(worker) > 0, 60)
            time.sleep(noise.uniform(0.5, 2.5))
            applied = events_applied(worker)
            worker.kill()
            assert sending.is_alive(), "the load ended before the kill"
            print(f"killed at {sending.sent} events sent, {applied:.0f} applied since its start")
            if kill == 2:
                shutil.rmtree(worker.data)
            worker.start()
            worker.wait_ready()
        sending.join()
        wait_caught_up(servers)
        folded = plain_fold(servers, partitions)
        # Rows of quiet events may come after the events are committed: what is put off is durable, too.
        wait_until(lambda: not rows_behind(servers, run, folded), 60, every_s=0.5)
        worker.stop()

    assert sum(member_id.startswith(run) for member_id in folded) == MEMBERS
    changelog = changelog_states(servers)
    local = local_states(worker.data)
    wrong = [member_id for member_id in folded if changelog.get(member_id) != folded[member_id]]
    assert not wrong
    assert local == folded

    assert len(newest_rows(servers, run)) == MEMBERS
    assert not rows_behind(servers, run, folded)


def ratings(run):
    """Each member rates many shows: states of 30 kB, some versions of which are more than RocksDB keeps in memory."""
    at = int(time.time() * 1000) - 6 * DAY
    for number in range(MEMBERS):
        of_member = {"member_id": f"{run}-{number}", "session_id": f"{run}-{number}-ratings", "device": "tv"}
        for show in range(80):
            yield event("rate", at + show, f"rated-{show}", value=1) | of_member


def test_without_room_on_the_disk_the_worker_ends_in_one_line_and_goes_on_once_there_is_some(broker, tmp_path):
    """The system lets its files grow no more (RLIMIT_FSIZE): nothing is lost, in the changelog or in RocksDB."""
    servers, partitions = broker.bootstrap_servers, broker.settings.partitions
    run = uuid.uuid4().hex[:6]
    sending = Load(servers, load(random.Random(7), run))
    with WorkerProcess(broker, tmp_path / "worker") as worker:
        worker.wait_ready()
        Load(servers, ratings(run), per_s=20_000).run()
        sending.start()
        wait_until(lambda: events_applied(worker) > 0, 60)
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (FULL_BYTES, FULL_BYTES))
        assert worker.process.wait(120) == 1
        assert f"make room in {worker.data}" in worker.log.read_text().splitlines()[-1]
        shutil.rmtree(worker.data)  # which leaves too little room for a restoration
        worker.start()
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (FULL_BYTES, FULL_BYTES))
        assert worker.process.wait(120) == 1
        assert f"make room in {worker.data}" in worker.log.read_text().splitlines()[-1]
        worker.start()
        worker.wait_ready()
        sending.join()
        wait_caught_up(servers)
        worker.stop()
    folded = plain_fold(servers, partitions)
    assert changelog_states(servers) == folded
    assert local_states(worker.data) == folded
