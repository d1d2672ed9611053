"""What a process that handles batches needs of the interpreter."""

import gc
import sys
from typing import Final

__all__ = ["suit_batches"]

SWITCH_INTERVAL_S: Final = 0.0005
GC_THRESHOLDS: Final = (100_000, 50, 1000)  # new objects, and younger collections, until the next collection


def suit_batches() -> None:
    """Has the process look for garbage seldom, and its threads change often. Called once all is set up."""
    # Almost nothing of what a table keeps is in circles, and it is kept for long: walking through all of it at the
    # interpreter's usual rate held up outputs for 100 to 200 ms at a time, and took a seventh of a small job's time.
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    # Reading has a thread of its own, which needs the interpreter for moments, many times for each batch, while the
    # other one computes. At the usual 5 ms a time that made tens of milliseconds from Kafka to the handler.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
