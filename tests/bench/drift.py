"""A population whose habits change on a known day: how soon that is reported, what it costs, what live learning saves.

The log goes through the parts that the worker and the outcomes service are made of (fold, decision, impression, join,
learning, recalibration), one event after the other without Kafka, so that no row is made late or left out.
"""

import shutil
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from statistics import fmean

import orjson
from bench.figures import Figure, Section
from bench.harness import cw, folder_of, say
from conftest import Broker

from streams import catalog, events, profiles, topics
from streams.agents import decide, send
from streams.agents.fold import Served
from streams.outcomes.drift import LOSSES, Drift
from streams.outcomes.join import Member, Outcome
from streams.outcomes.learning import Learning
from streams.outcomes.served import parse
from streams.outcomes.tally import Judged, log_loss
from streams.scoring.recalibration import Recalibrations
from streams.scoring.scorer import Scorer, load

DAY_MS = 86_400_000
PUBLISH_EVERY = 200  # outcomes; the service does it every two seconds
CANDIDATE_DAYS = 30
SETTLED_DAYS = 7  # after the change: until then it is "during"


@dataclass(slots=True)
class Period:
    """What decisions of some days came to."""

    hits: list[tuple[bool, bool, bool]] = field(default_factory=list)  # by the model, by recency, by the one retrained
    losses: list[tuple[float, float]] = field(default_factory=list)  # continuation, raw and as served
    raw: Judged = field(default_factory=Judged)
    served: Judged = field(default_factory=Judged)

    def add(self, outcome: Outcome) -> None:
        """Counts one outcome of a session that played."""
        if outcome["rank"] is not None:
            again = next(iter((outcome.get("shadow") or {"shows": []})["shows"]), None) == outcome["played"]["show_id"]
            self.hits.append((outcome["rank"] == 1, outcome["recency_rank"] == 1, again))
        raw, served = outcome["continuation_raw"], outcome["continuation_probability"]
        self.raw.add(raw, outcome["continued"])
        self.served.add(served, outcome["continued"])
        self.losses.append((log_loss(raw, outcome["continued"]), log_loss(served, outcome["continued"])))


class Replay:
    """The worker and the outcomes service in one, over a log whose time is event time."""

    def __init__(self, log: Path, bundle: Path, live_from_ms: int, partitions: int) -> None:
        self.log, self.live_from_ms, self.partitions = log, live_from_ms, partitions
        self.serving = load(bundle)
        self.shadow: Scorer | None = None
        self.catalog = catalog.load(_lines(log.with_name(f"{log.stem}.titles.jsonl")))
        self.profiles = profiles.load(_lines(log.with_name(f"{log.stem}.profiles.jsonl")))
        self.members: dict[str, Member] = defaultdict(Member)
        self.learning = [Learning(partitions) for _ in range(partitions)]
        self.recalibrations = Recalibrations()
        self.judged: list[Outcome] = []
        self.drifts: list[Drift] = []
        self.on: list[tuple[int, int]] = []  # since when, ms of event time, so many recalibrations were on
        self._offsets = [0] * partitions

    def run(self, until_ms: int | None = None) -> None:
        """Goes on with the log up to a moment, or to its end."""
        if not hasattr(self, "_file"):
            self._file = self.log.open("rb")
        for line in self._file:
            event = orjson.loads(line)
            self._apply(event)
            if until_ms is not None and event["ts"] >= until_ms:
                return

    def _apply(self, event: events.Event) -> None:
        member_id = event["member_id"]
        partition = topics.partition_of(member_id.encode(), self.partitions)
        offset = self._offsets[partition]
        self._offsets[partition] += 1
        member = self.members[member_id]
        outcomes = member.apply_event(event, 0, offset)
        if event["ts"] >= self.live_from_ms and member.sessions and member.sessions[-1].opened == offset:
            outcomes += self._serve(member_id, member, partition, offset)
        for outcome in outcomes:
            self.drifts += self.learning[partition].outcome(outcome)
            if outcome["played"] is not None and outcome["trigger"] == "session_start":
                self.judged.append(outcome)
                if len(self.judged) % PUBLISH_EVERY == 0:
                    self._publish(outcome["ts"])

    def _serve(self, member_id: str, member: Member, partition: int, offset: int) -> list[Outcome]:
        session = member.sessions[-1]
        wanted = [decide.Wanted(member_id, member.state, member.state.devices[session.device_id])]
        made = decide.decide_by(self.serving, wanted, self.catalog, self.profiles, self.recalibrations)[0]
        shadow = None
        if self.shadow is not None:
            shadow = decide.decide_by(self.shadow, wanted, self.catalog, self.profiles)[0]
        now_ms = time.time_ns() // 1_000_000
        moment = Served(member_id, session.device_id, session.session_id, offset, "session_start", None, now_ms)
        _, value, _ = send.impression(moment, made, 0, shadow)
        impression = orjson.loads(value)
        self.drifts += self.learning[partition].row_served(impression, impression["scored_from_ts"])
        served, epoch = parse(impression)
        return member.apply_impression(served, epoch, offset)[1]

    def _publish(self, ts: int) -> None:
        for number, learning in enumerate(self.learning):
            self.recalibrations.update(orjson.dumps(learning.published(number, ts)))
        on = len(self.recalibrations._on)
        if on != (self.on[-1][1] if self.on else 0):
            self.on.append((ts, on))


def measure(
    broker: Broker, members: int = 300, train_days: int = 40, change_day: int = 60, days: int = 85, seed: int = 1
) -> Section:
    """Trains on the first days, serves the others; habits change on `change_day`; another bundle learns ten days later.

    The broker is not used.
    """
    folder = folder_of(broker, "drift")
    log = folder / "log.jsonl"
    say(f"simulating {members} members over {days} days, whose habits change on day {change_day} ...")
    population = ("--members", members, "--days", days, "--seed", seed, "--habits-change-at", change_day)
    cw(broker, "simulate", *population, "-o", log)
    with log.open("rb") as file:
        start_ms = orjson.loads(next(file))["ts"]
    change_ms, again_ms = start_ms + change_day * DAY_MS, start_ms + (change_day + 10) * DAY_MS
    first, second = (train(broker, log, folder / name, until) for name, until in
                     (("first", start_ms + train_days * DAY_MS), ("second", again_ms)))  # fmt: skip
    replay = Replay(log, first, start_ms + train_days * DAY_MS, broker.settings.partitions)
    say("serving the days before the change ...")
    replay.run(change_ms)
    say("serving those after it ...")
    replay.run(again_ms)
    replay.shadow = load(second)
    replay.run()
    return section(replay, change_ms, again_ms, members)


def train(broker: Broker, log: Path, folder: Path, until_ms: int) -> Path:
    """A bundle that has seen the log up to a moment."""
    folder.mkdir()
    say(f"training for {folder.name} ...")
    with log.open("rb") as file, (folder / "log.jsonl").open("wb") as part:
        part.writelines(takewhile(lambda line: orjson.loads(line)["ts"] < until_ms, file))
    for name in ("titles", "profiles"):
        shutil.copy(log.with_name(f"{log.stem}.{name}.jsonl"), folder / f"log.{name}.jsonl")
    cw(broker, "train", "--events", folder / "log.jsonl", "-o", folder / "bundle", "--candidate-days", CANDIDATE_DAYS)
    return folder / "bundle"


def section(replay: Replay, change_ms: int, again_ms: int, members: int) -> Section:
    """The figures of a replay."""
    periods = {"before": Period(), "during": Period(), "after": Period()}
    for outcome in replay.judged:
        at = outcome["ts"]
        settled = change_ms + SETTLED_DAYS * DAY_MS
        periods["before" if at < change_ms else "during" if at < settled else "after"].add(outcome)
    retrained = Period()
    for outcome in replay.judged:
        if outcome["ts"] >= again_ms and outcome.get("shadow") is not None:
            retrained.add(outcome)
    figures: list[Figure] = []
    false = [drift for drift in replay.drifts if drift.ts < change_ms]
    figures.append(Figure.of("drift_false", "drifts reported before the change", len(false), "", digits=0))
    for name, signals in (("loss", LOSSES), ("any", None)):
        found = [d for d in replay.drifts if d.ts >= change_ms and (signals is None or d.signal in signals)]
        words = "drift of a loss" if signals else "any drift"
        if found:
            seen = sum(change_ms <= outcome["ts"] < found[0].ts for outcome in replay.judged)
            hours = (found[0].ts - change_ms) / 3_600_000
            figures += [
                Figure.of(f"drift_{name}_hours", f"{words} is reported after ({found[0].signal})", hours, "h"),
                Figure.of(f"drift_{name}_decisions", "… decisions, all partitions", seen, "", digits=0),
            ]
        else:
            say(f"{words} was not reported")
    for name, period in periods.items():
        n = len(period.hits)
        model, recency, _ = (100 * fmean(hit[at] for hit in period.hits) for at in range(3))
        figures += [
            Figure.of(f"{name}_decisions", f"{name}: sessions that went on with a show of the row", n, "", digits=0),
            Figure.of(f"{name}_precision", f"{name}: right show first, by the model", model, "%"),
            Figure.of(f"{name}_recency", f"{name}: right show first, by recency", recency, "%"),
            Figure.of(f"{name}_loss_raw", f"{name}: log-loss of continuation, without live recalibration",
                      period.raw.log_loss or 0.0, "", digits=4),
            Figure.of(f"{name}_loss", f"{name}: … with it", period.served.log_loss or 0.0, "", digits=4),
            Figure.of(f"{name}_ece_raw", f"{name}: calibration error of continuation, without",
                      period.raw.calibration_error or 0.0, "", digits=4),
            Figure.of(f"{name}_ece", f"{name}: … with it", period.served.calibration_error or 0.0, "", digits=4),
        ]  # fmt: skip
    model, recency, again = (100 * fmean(hit[at] for hit in retrained.hits) for at in range(3))
    figures += [
        Figure.of("last_precision", "from day ten after the change: right show first, by the old model", model, "%"),
        Figure.of("last_recency", "… by recency", recency, "%"),
        Figure.of("last_retrained", "… by a model trained anew on day ten", again, "%"),
    ]
    switched = ", ".join(f"{(ts - change_ms) / DAY_MS:+.1f} d: {on}" for ts, on in replay.on) or "never"
    by_signal: dict[str, list[str]] = defaultdict(list)
    for drift in replay.drifts:
        by_signal[drift.signal].append(f"{(drift.ts - change_ms) / DAY_MS:+.1f}")
    notes = [
        f"{members} simulated members, four partitions. During is the first {SETTLED_DAYS} days after the change. "
        "Live recalibration keeps the order, so the right show first is the same with it and without.",
        f"Kinds of recalibration that are on, by days from the change: {switched}.",
        "Drifts, in days from the change: "
        + "; ".join(f"{signal} {', '.join(times)}" for signal, times in sorted(by_signal.items())) + ".",
    ]  # fmt: skip
    return Section("Habits that change", figures, notes)


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()
