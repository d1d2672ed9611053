"""Replays an event file on some cores and prints events a second: replay_job.py FILE CORES."""

import os
import sys
import time

from models.log import read_catalog
from models.replay import replay


def main(path: str, cores: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    catalog = read_catalog([path])
    began = time.monotonic()
    replayed = replay([path], catalog, processes=cores)
    events = replayed.events + replayed.repeats + replayed.invalid
    print(f"{events} events, {events / (time.monotonic() - began):.0f}/s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
