"""What a decision of 20 candidates costs on one thread, in batches: the models alone, and with all that comes before.

Processor time of the thread, so that other work on the machine counts less than it does by the clock.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import thread_time

import orjson
from bench.figures import Figure, Section
from bench.harness import cw, folder_of, say
from conftest import Broker

from streams import catalog, features, profiles
from streams.agents import decide
from streams.agents.decide import Wanted
from streams.events import Event
from streams.facts import LAST_ACTIVITY
from streams.features import Gatherer
from streams.member import MemberState
from streams.scoring.scorer import Scorer, load

CANDIDATES = 20
BATCH = 256  # decisions
ROUNDS = 30
WANTED_US = 100.0


def measure(broker: Broker, members: int = 300, days: int = 60, seed: int = 1) -> Section:
    """Trains on a simulated population, and makes rows for those of its members that have enough to go on with.

    The broker is not used.
    """
    folder = folder_of(broker, "decision")
    log = folder / "log.jsonl"
    say(f"simulating {members} members over {days} days, and training on them ...")
    cw(broker, "simulate", "--members", members, "--days", days, "--seed", seed, "-o", log)
    cw(broker, "train", "--events", log, "-o", folder / "bundle")
    say("making rows ...")
    return section(load(folder / "bundle"), log)


def section(scorer: Scorer, log: Path) -> Section:
    """The figures of a bundle on the members of a log, as they are at its end."""
    titles, slow = (
        log.with_name(f"{log.stem}.{name}.jsonl").read_bytes().splitlines() for name in ("titles", "profiles")
    )
    known, of_member = catalog.load(titles), profiles.load(slow)
    wanted = with_candidates(log, scorer.candidate_days, known)
    wanted = (wanted * (BATCH // len(wanted) + 1))[:BATCH]

    gatherer = Gatherer(scorer.candidate_days, known)

    def gather() -> features.Batch:
        for member_id, state, device in wanted:
            gatherer.add(state, device, int(state.facts[LAST_ACTIVITY]), of_member.get(member_id, profiles.NO_PROFILE))
        return gatherer.batch(scorer.population)

    batch = gather()
    X, C = features.candidate_matrix(batch), features.context_matrix(batch)
    each = len(X) / BATCH

    def compute() -> None:
        anew = replace(batch)  # without the columns that it has kept
        features.candidate_matrix(anew)
        features.context_matrix(anew)

    models_us = shortest_us(lambda: scorer.score(X, batch.offsets, C))
    figures = [
        Figure.of("decision_models_us", "all models", models_us, "µs", f"at most {WANTED_US:.0f}"),
        Figure.of("decision_gather_us", "what is needed of states, catalogue and profile, gathered",
                  shortest_us(gather), "µs"),
        Figure.of("decision_features_us", "features of it", shortest_us(compute), "µs"),
        Figure.of("decision_us", "everything from the state to the row",
                  shortest_us(lambda: decide.decide_by(scorer, wanted, known, of_member)), "µs"),
    ]  # fmt: skip
    notes = [
        f"Processor time of one thread a decision, in batches of {BATCH} decisions with {each:.1f} candidates each: "
        f"the shortest of {ROUNDS} batches. {len(features.NAMES)} features a candidate, {len(features.CONTEXT_NAMES)} "
        "of the decision."
    ]
    return Section("A decision", figures, notes)


def with_candidates(log: Path, candidate_days: int, known: catalog.Catalog) -> list[Wanted]:
    """A row for each device of the members who have enough candidates at the log's end, the oldest of them left out."""
    states: dict[str, MemberState] = defaultdict(MemberState)
    with log.open("rb") as file:
        for offset, line in enumerate(file):
            event: Event = orjson.loads(line)
            states[event["member_id"]].apply(event, 0, offset)
    result = []
    gatherer = Gatherer(candidate_days, known)
    for member_id, state in states.items():
        for device in state.devices.values():
            candidates = gatherer.add(state, device, int(state.facts[LAST_ACTIVITY]))
            if len(candidates) < CANDIDATES:
                break
            for candidate in candidates[CANDIDATES:]:
                del state.shows[candidate.show.show_id]
            result.append(Wanted(member_id, state, device))
    if not result:
        raise ValueError(f"no member has {CANDIDATES} candidates: simulate more days")
    return result


def shortest_us(work: Callable[[], object]) -> float:
    """Microseconds of this thread's processor time a decision: the shortest of ROUNDS batches."""
    times = []
    for _ in range(ROUNDS):
        started = thread_time()
        work()
        times.append(thread_time() - started)
    return min(times) / BATCH * 1e6
