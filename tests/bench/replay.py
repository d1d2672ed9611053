"""A log as a file through the fold that the worker runs, without Kafka: on one core and on two."""

import os
import re
from statistics import median

from bench import population
from bench.figures import Figure, Section
from bench.harness import job, say
from conftest import Broker

CORES = {1: "one core", 2: "two cores"}


def measure(broker: Broker, members: int = 2_000, events: int = 1_000_000, rounds: int = 2) -> Section:
    """The median of some replays, taking turns."""
    log = population.simulate(broker, "replay", members, events, seed=4)
    rates: dict[int, list[float]] = {cores: [] for cores in CORES if cores <= len(os.sched_getaffinity(0))}
    made = 0
    for number in range(1, rounds + 1):
        for cores in rates:
            found = re.search(r"(\d+) events, ([\d.]+)/s", job("replay_job.py", log.path, cores))
            assert found is not None
            made = int(found[1])
            rates[cores].append(float(found[2]))
            say(f"replay, round {number} of {rounds}: on {CORES[cores]} {rates[cores][-1]:,.0f} events/s")
    figures = [
        Figure.rate(f"replay_events_per_s_{cores}", f"on {CORES[cores]}", median(of_cores), "events")
        for cores, of_cores in rates.items()
    ]
    notes = [
        f"{made:,} events of {members:,} simulated members, from the file to training examples in memory: read, "
        f"checked, folded, with the features of every session start. Median of {rounds}."
    ]
    return Section("Replay of an event file", figures, notes)
