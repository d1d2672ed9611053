"""Every metric of every service, declared once with its meaning; docs/metrics.md is made from this file (`make docs`).

Each service has a section, with a registry of its own: what it shows under /metrics is what it measures, never another
service's zero. To add a metric, write it under its service with the question that an operator asks first:

    ROWS = WORKER.counter("Are rows being made?", "cw_worker_rows_total", "Rows written to cw.rows.", "reason")

Names: `cw_SERVICE_WHAT_UNIT`, base units (seconds, bytes), counters end in `_total`. Labels hold a bounded set of
values: never a member, a show or a session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
LATENCY_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series a counter, which nobody here asks for


@dataclass(frozen=True, slots=True)
class Entry:
    """One metric as docs/metrics.md shows it."""

    question: str
    name: str
    kind: str  # counter, gauge or histogram
    labels: tuple[str, ...]
    meaning: str


class Section:
    """The metrics of one service. `expose` is the body of its /metrics."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.registry = CollectorRegistry()
        self.entries: list[Entry] = []
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def counter(self, question: str, name: str, meaning: str, *labels: str) -> Counter:
        """A number that only grows; `name` ends in `_total`."""
        self._note(question, name, "counter", labels, meaning)
        return Counter(name, meaning, labels, registry=self.registry)

    def gauge(self, question: str, name: str, meaning: str, *labels: str) -> Gauge:
        """A number that goes up and down."""
        self._note(question, name, "gauge", labels, meaning)
        return Gauge(name, meaning, labels, registry=self.registry)

    def histogram(
        self, question: str, name: str, meaning: str, *labels: str, buckets: Sequence[float] = LATENCY_BUCKETS
    ) -> Histogram:
        """A distribution; `buckets` are upper bounds in the unit that the name ends in."""
        self._note(question, name, "histogram", labels, meaning)
        return Histogram(name, meaning, labels, registry=self.registry, buckets=buckets)

    def expose(self) -> bytes:
        """The section in Prometheus' text format; serve it with CONTENT_TYPE."""
        return generate_latest(self.registry)

    def _note(self, question: str, name: str, kind: str, labels: tuple[str, ...], meaning: str) -> None:
        self.entries.append(Entry(question, name, kind, labels, meaning))


WORKER: Final = Section("Worker")
GATEWAY: Final = Section("Gateway")
MONITOR: Final = Section("Monitor")
OUTCOMES: Final = Section("Outcomes")
SECTIONS: Final = (WORKER, GATEWAY, MONITOR, OUTCOMES)

# --- Worker ---------------------------------------------------------------------------------------------------------

EVENTS_APPLIED: Final = WORKER.counter(
    "Are events being applied?", "cw_worker_events_applied_total", "Events folded into a member's state."
)
EVENTS_NOT_APPLIED: Final = WORKER.counter(
    "Why are events not applied?",
    "cw_worker_events_not_applied_total",
    "repeated (its id was seen), replayed (its offset was applied, after a restart), invalid (sent to cw.invalid), "
    "moved (to the partition of its key).",
    "outcome",
)
CLOCKS_AHEAD: Final = WORKER.counter(
    "Are clients' clocks wrong?",
    "cw_worker_clocks_ahead_total",
    "Events dated more than five minutes after their arrival, which counts instead.",
)
STATES_UNREADABLE: Final = WORKER.counter(
    "Is stored state damaged?",
    "cw_worker_states_unreadable_total",
    "Times a batch needed a member whose state can't be decoded; it stays as it is, its events go to cw.invalid.",
)
STATES_REBUILT: Final = WORKER.counter(
    "Was stored state mended?",
    "cw_worker_states_rebuilt_total",
    "States made anew by cw state: from log, empty.",
    "source",
)
ROWS_SENT: Final = WORKER.counter("Are rows being made?", "cw_worker_rows_sent_total", "Rows sent to cw.rows.")
ROWS_DEFERRED: Final = WORKER.counter(
    "Is the worker behind?",
    "cw_worker_rows_deferred_total",
    "Members of a batch with quiet events alone whose rows wait until there is room for them.",
)
IMPRESSIONS_SENT: Final = WORKER.counter(
    "Are served rows recorded?", "cw_worker_impressions_sent_total", "Records sent to cw.impressions."
)
EVENT_TO_ROW_SECONDS: Final = WORKER.histogram(
    "How fresh are rows when they leave?",
    "cw_worker_event_to_row_seconds",
    "Time from the arrival in Kafka of a batch's newest event until its rows are handed to the producer.",
)
CATALOG_TITLES: Final = WORKER.gauge("Is the catalogue there?", "cw_worker_catalog_titles", "Titles of catalog.titles.")
SIDE_RECORDS_REFUSED: Final = WORKER.counter(
    "Are side inputs damaged?", "cw_worker_side_records_refused_total", "Records left out of a side input.", "topic"
)
MODEL_INFO: Final = WORKER.gauge(
    "Which model serves?", "cw_model_info", "1 for the bundle that scores now; `recency` without one.", "version"
)
MODEL_CANDIDATE: Final = WORKER.gauge(
    "Which bundle is on trial?",
    "cw_model_candidate",
    "1 for the bundle on trial beside the one that serves: shadow (it scores along), split (it serves a share).",
    "version",
    "mode",
)
MODEL_SET_ASIDE: Final = WORKER.gauge(
    "Does recency serve in a bundle's place?",
    "cw_model_set_aside",
    "1 for a bundle that was set aside: error, not_finite, slow, outcomes (it does worse than recency).",
    "version",
    "reason",
)
MODEL_FALLBACKS: Final = WORKER.counter(
    "Was a bundle set aside?",
    "cw_model_fallbacks_total",
    "Bundles set aside for recency, by the same reasons.",
    "reason",
)
MODEL_ERRORS: Final = WORKER.counter(
    "Does the model fail?",
    "cw_model_errors_total",
    "Batches that recency scored because the bundle failed on them: error, not_finite.",
    "reason",
)
DECISION_SCORING_SECONDS: Final = WORKER.histogram(
    "What does scoring cost?",
    "cw_model_decision_seconds",
    "CPU time of all models for one decision, the mean of a batch.",
    buckets=(0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05),
)
BUNDLES_TAKEN: Final = WORKER.counter(
    "Is a published bundle taken over?", "cw_bundles_taken_total", "Bundles that were verified and now serve."
)
BUNDLES_REFUSED: Final = WORKER.counter(
    "Why does a published bundle not serve?",
    "cw_bundles_refused_total",
    "Bundles turned away, the old one kept: announcement, fetch, missing, hash, manifest, schema, model, placement, "
    "population, explanation, probe.",
    "reason",
)
RECALIBRATION_ON: Final = WORKER.gauge(
    "Are probabilities recalibrated by live outcomes?",
    "cw_model_recalibrated",
    "1 for each kind of probability (continuation, play) of a bundle that live recalibration changes now.",
    "version",
    "kind",
)
RECALIBRATION_SWITCHES: Final = WORKER.counter(
    "Does live recalibration come and go?",
    "cw_model_recalibration_switches_total",
    "Times that live recalibration was switched on (it beats the bundle on the live window) or off.",
    "kind",
    "switch",
)

# --- Gateway --------------------------------------------------------------------------------------------------------

EVENTS_ACCEPTED: Final = GATEWAY.counter(
    "Are events arriving?", "cw_gateway_events_accepted_total", "Events that Kafka has acknowledged."
)
EVENTS_REJECTED: Final = GATEWAY.counter(
    "Are clients sending what can't be read?",
    "cw_gateway_events_rejected_total",
    "Events refused: invalid (not an event), member (of another member), unavailable (the broker did not answer in "
    "time), overload (too many in flight).",
    "reason",
)
EVENTS_IN_FLIGHT: Final = GATEWAY.gauge(
    "Is the broker keeping up?", "cw_gateway_events_in_flight", "Events handed to the producer, not acknowledged yet."
)
BROKER_UP: Final = GATEWAY.gauge(
    "Can events be taken?", "cw_gateway_broker_up", "1 while Kafka acknowledges events, 0 while POST answers 503."
)
ROWS_HELD: Final = GATEWAY.gauge("How many rows can be served?", "cw_gateway_rows_held", "Rows in the row store.")
ROWS_READ: Final = GATEWAY.counter(
    "Are rows arriving?",
    "cw_gateway_rows_read_total",
    "Records of cw.rows: new, old (a version not above the one held), removed (a tombstone), unreadable.",
    "outcome",
)
STREAMS_CONNECTED: Final = GATEWAY.gauge(
    "How many clients listen?", "cw_gateway_streams", "Open streams by transport: sse, ws.", "transport"
)
ROWS_PUSHED: Final = GATEWAY.counter(
    "Are rows reaching clients?", "cw_gateway_rows_pushed_total", "Rows written to streams.", "transport"
)
ROWS_CONFLATED: Final = GATEWAY.counter(
    "Are clients slower than their rows?",
    "cw_gateway_rows_conflated_total",
    "Updates that a newer one overtook before the client could take them; the client got the newer one.",
)
STREAMS_CLOSED: Final = GATEWAY.counter(
    "Why do streams end?",
    "cw_gateway_streams_closed_total",
    "Streams closed: client (it left), slow (it took nothing for too long), expired (its token), stopping.",
    "reason",
)
PUSH_SECONDS: Final = GATEWAY.histogram(
    "How fresh is a pushed row?",
    "cw_gateway_push_seconds",
    "Time from the row's generated_at to its write to a stream; first rows of a new stream are not counted.",
)
ROW_WAITS: Final = GATEWAY.counter(
    "Do clients get their row fresh?",
    "cw_gateway_row_waits_total",
    "Answers to GET row with `after`: covered, stale.",
    "outcome",
)
HTTP_REQUESTS: Final = GATEWAY.counter(
    "What is the gateway answering?",
    "cw_gateway_http_requests_total",
    "Answers by route and status.",
    "route",
    "status",
)
HTTP_SECONDS: Final = GATEWAY.histogram(
    "How long do calls take?", "cw_gateway_http_seconds", "Time to answer; streams are left out.", "route"
)

# --- Monitor --------------------------------------------------------------------------------------------------------

LAG_SECONDS: Final = MONITOR.gauge(
    "How far behind is each consumer?",
    "cw_lag_seconds",
    "Age of the oldest record that the group has not committed, by the record's own timestamp in the log; 0 where "
    "nothing waits.",
    "group",
    "topic",
    "partition",
)
LAG_RECORDS: Final = MONITOR.gauge(
    "How many records wait?",
    "cw_lag_records",
    "Offsets between the group's commit and the end of the partition; 0 where only transaction markers are left.",
    "group",
    "topic",
    "partition",
)
GROUP_STATUS: Final = MONITOR.gauge(
    "Is a consumer dead, stuck or falling behind?",
    "cw_group_status",
    "The status of the group's worst partition: 0 OK, 1 WARN, 2 REWIND, 3 STALL, 4 STOP.",
    "group",
)
GROUP_MEMBERS: Final = MONITOR.gauge(
    "How many consumers share the work?",
    "cw_group_members",
    "Members that the broker counts in the group; a killed one stays until its session times out.",
    "group",
)
COMMITTED_OFFSET: Final = MONITOR.gauge(
    "Is a consumer moving?",
    "cw_committed_offset",
    "The next offset that the group will read, as committed; -1 where it has never committed.",
    "group",
    "topic",
    "partition",
)
LOG_END_OFFSET: Final = MONITOR.gauge(
    "Is anything arriving?",
    "cw_log_end_offset",
    "The offset that the next record of the partition will get.",
    "topic",
    "partition",
)
MONITOR_BROKER_UP: Final = MONITOR.gauge(
    "Can these figures be trusted?",
    "cw_monitor_broker_up",
    "1 where the last round reached the broker; on 0 the series above are taken away rather than left frozen.",
)
MONITOR_ROUND_SECONDS: Final = MONITOR.histogram(
    "What does watching cost?",
    "cw_monitor_round_seconds",
    "Time of one round of measurements, all groups.",
)
MONITOR_RECORDS_READ: Final = MONITOR.counter(
    "What does watching cost the broker?",
    "cw_monitor_records_read_total",
    "Partitions read for the timestamp of their oldest uncommitted record; at most one a round, partition and change.",
)

# --- Outcomes -------------------------------------------------------------------------------------------------------

OUTCOME_EVENTS: Final = OUTCOMES.counter(
    "Are events being read?", "cw_outcomes_events_total", "Events folded, to learn what sessions played first."
)
OUTCOME_ROWS: Final = OUTCOMES.counter(
    "Are served rows being read?",
    "cw_outcomes_rows_total",
    "Records of cw.impressions: taken, left out (sent again, or seen after the session was settled), invalid.",
    "result",
)
OUTCOMES_SENT: Final = OUTCOMES.counter(
    "What did sessions do with their rows?",
    "cw_outcomes_sent_total",
    "Records sent to cw.outcomes, by how the session was settled: played, session_end, over, moved.",
    "ended",
)
LIVE_DECISIONS: Final = OUTCOMES.gauge(
    "How much do the live figures rest on?",
    "cw_live_decisions",
    "Decisions in the live window of a bundle, of all partitions; role is served or shadow.",
    "version",
    "role",
)
LIVE_PRECISION: Final = OUTCOMES.gauge(
    "Is the right show first, live?",
    "cw_live_right_first_ratio",
    "Of the sessions in the live window that played a show of their row first, the share in which it stood first: in "
    "the row, by recency on the same rows, or in the shadow.",
    "version",
    "order",
)
LIVE_LOG_LOSS: Final = OUTCOMES.gauge(
    "Are probabilities right, live?",
    "cw_live_log_loss",
    "Mean log-loss in the live window of the probabilities as served: continuation, play.",
    "version",
    "kind",
)
LIVE_CALIBRATION_ERROR: Final = OUTCOMES.gauge(
    "Are probabilities calibrated, live?",
    "cw_live_calibration_error",
    "Expected calibration error in the live window, 15 bins: continuation, play.",
    "version",
    "kind",
)
RECALIBRATION_GAIN: Final = OUTCOMES.gauge(
    "What would live recalibration gain?",
    "cw_live_recalibration_gain",
    "Log-loss of the bundle's own probabilities less that of the recalibrated ones, over the live window.",
    "version",
    "kind",
)
DRIFTS: Final = OUTCOMES.counter(
    "Has something changed?",
    "cw_drift_total",
    "Changes that ADWIN found: rank_loss and continuation_loss (the models do worse), or the mean of a feature.",
    "signal",
)
VERDICTS: Final = OUTCOMES.counter(
    "Was a bundle found worse than recency?",
    "cw_live_verdicts_total",
    "Verdicts sent to cw.models: workers then set the bundle aside.",
)
