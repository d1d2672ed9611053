"""Runs the measurements and writes down what they found: a table, the file that BENCH_JSON names, docs/performance.md.

`make bench` runs all but those on request; `make bench BENCH="fold drift"` some. Each starts from an empty broker of
its own.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from bench import decision, drift, faults, figures, fold, full, outcomes, replay, state, titles, vectors
from bench.figures import Section
from bench.harness import ROOT, running_broker, say
from conftest import Broker

MEASUREMENTS: dict[str, Callable[[Broker], Section | list[Section]]] = {
    "fold": fold.measure,
    "full": full.measure,
    "state": state.measure,
    "replay": replay.measure,
    "faults": faults.measure,
}
ON_REQUEST: dict[str, Callable[[Broker], Section | list[Section]]] = {
    "decision": decision.measure,
    "drift": drift.measure,  # of the simulated population and the models, not of this machine
    "outcomes": outcomes.measure,
    "titles": titles.measure,
    "vectors": vectors.measure,
}
PAGE = ROOT / "docs/performance.md"


def main(names: list[str]) -> int:
    """0 where every measurement asked for was made; 1 where one failed, whose error is shown; 2 for a wrong name."""
    known = MEASUREMENTS | ON_REQUEST
    if unknown := [name for name in names if name not in known]:
        print(f"bench: no measurement {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    machine, sections, failed = figures.machine(), [], []
    for name in names or MEASUREMENTS:
        say(f"--- {name} ---")
        before = figures.processor_time()
        try:
            with running_broker() as broker:
                made = known[name](broker)
            first, *others = made if isinstance(made, list) else [made]
            sections += [figures.with_stolen(first, before), *others]
        except Exception:
            traceback.print_exc()
            failed.append(name)
        if path := os.environ.get("BENCH_JSON"):
            Path(path).write_text(json.dumps(figures.as_json(machine, sections), indent=1) + "\n")
    text = figures.as_markdown(machine, sections)
    print(f"\n{text}")
    if failed:
        say(f"failed: {', '.join(failed)} (the errors stand above); {PAGE.name} is left as it was")
    elif not names:
        figures.write_page(PAGE, text)
        say(f"written to {PAGE.relative_to(ROOT)}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(130)
