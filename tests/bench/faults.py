"""Thirty faults at random moments under load: is anything lost or counted twice, and how long do rows stand still.

FAULTS, FAULTS_RATE (events a second), FAULTS_MEMBERS and FAULTS_SEED change it. A wrong state is an error, no figure.
"""

import os
import random
import time

import fault_scene
from bench.figures import Figure, Section
from bench.harness import folder_of, say
from conftest import Broker

COUNT = int(os.environ.get("FAULTS", "30"))
RATE = float(os.environ.get("FAULTS_RATE", "2000"))
MEMBERS = int(os.environ.get("FAULTS_MEMBERS", "5000"))
SEED = int(os.environ.get("FAULTS_SEED", "1"))


def measure(broker: Broker) -> Section:
    """Runs the faults, each kind as often, in random order. Raises AssertionError where state or rows are wrong."""
    noise = random.Random(SEED)
    kinds = [fault_scene.FAULTS[number % len(fault_scene.FAULTS)] for number in range(COUNT)]
    noise.shuffle(kinds)
    scene = fault_scene.Scene(broker, folder_of(broker, "faults"), RATE, MEMBERS, SEED)
    happened = []
    with scene.running():
        for number, kind in enumerate(kinds, 1):
            time.sleep(noise.uniform(0.5, 5))
            say(f"fault {number} of {COUNT}: {kind.__name__.replace('_', ' ')} ...")
            happened.append(scene.happen(kind))
            say(f"  back; the longest time without a row was {happened[-1].gap_s:.1f} s")
        say("comparing with a plain fold over the log ...")
        outcome = scene.finish(happened)
    for death in outcome.died:
        say(f"a worker ended by itself: {death}")
    assert not outcome.wrongs(), "\n".join(outcome.wrongs())
    return Section("Faults", _figures(outcome), _notes(outcome))


def _figures(outcome: fault_scene.Outcome) -> list[Figure]:
    figures = [
        Figure.of("faults", "faults", len(outcome.faults), "", digits=0),
        Figure.of("faults_events", "events meanwhile", outcome.events, "", digits=0),
        Figure.of("faults_wrong_states", "members whose state differs from a plain fold", 0, "", "0", digits=0),
        Figure.of("faults_rows_backwards_for_clients", "rows that went back for a client", 0, "", "0", digits=0),
        Figure.of("faults_rows", "rows written", outcome.rows, "", digits=0),
        Figure.of("faults_rows_again", "of them, written again", outcome.rows_again, "", digits=0),
        Figure.of("faults_workers_died", "workers that ended by themselves", len(outcome.died), "", "0", digits=0),
        Figure.of("faults_restore_s", "ready from the compacted changelog alone", outcome.restore_s, "s"),
    ]
    for name, faults in sorted(outcome.by_kind().items()):
        words = name.replace("_", " ")
        longest = max(faults, key=lambda fault: fault.gap_s)
        figures.append(Figure.of(f"faults_gap_{name}_s", f"longest time without rows: {words}", longest.gap_s, "s"))
        if any(fault.away_s for fault in faults):
            more = max(fault.gap_s - fault.away_s for fault in faults)
            figures.append(Figure.of(f"faults_gap_after_{name}_s", f"… beyond the time away: {words}", more, "s"))
    return figures


def _notes(outcome: fault_scene.Outcome) -> list[str]:
    return [
        f"Two workers, a third for a while, {RATE:,.0f} events/s of {outcome.members:,} members (seed {SEED}), "
        f"{fault_scene.FOLLOWED} of them with a client on the gateway, which saw {outcome.rows_seen:,} rows. "
        "State equals a plain fold over the log for every member: in the changelog, in RocksDB, and restored from the "
        f"changelog alone after compaction ({outcome.changelog_records:,} records left of "
        f"{outcome.changelog_span:,}). A gap is the longest time in which one of the four partitions got no row.",
        f"Rows written again were repeats of the newest or older ones ({outcome.rows_backwards:,}); the gateway lets "
        "neither through.",
    ]
