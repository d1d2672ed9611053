"""`cw live`: how what serves does on live outcomes, now, for people."""

import argparse
import time
from typing import Any

from streams import config

FEW = 30  # sessions: with fewer, no interval is to be believed
_DESCRIPTION = """\
Shows what 'cw outcomes' has learned, all partitions together, from the topic cw.live:

  by bundle     over the live window (about the last 2,000 decisions): how often the right show stood first, beside
                recency on the very same rows, with a 95 % interval; whether probabilities are right and calibrated.
                A bundle in the shadow is beside what served
  recalibration what it would gain, or gains where it is on (workers decide: see cw_model_recalibrated)
  drift         what was found to have changed, and when, in event time
"""


def add_parser(subparsers: Any) -> None:
    """Adds the command to `cw`."""
    parser = subparsers.add_parser(
        "live",
        help="how the models do on live outcomes, beside recency; drift",
        description=_DESCRIPTION,
        epilog="Reads KAFKA_BOOTSTRAP_SERVERS, or the embedded broker. Needs a running 'cw outcomes' to be up to date.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Prints the tables once."""
    from streams import topics
    from streams.outcomes.live import Live
    from streams.reading import records

    live, newest = Live(), 0
    for record in records(config.load().bootstrap_servers, topics.LIVE):
        if record.value is not None:
            live.update(record.value)
            newest = max(newest, record.timestamp)
    if not newest:
        print("No live outcomes yet: start 'cw outcomes', and let members watch.")
        return
    for line in _lines(live, time.time() - newest / 1000):
        print(line)


def _lines(live: Any, age_s: float) -> list[str]:
    """What `cw live` prints; `age_s` is how old the newest record is, in seconds."""
    lines = [f"live outcomes, as of {age_s:,.0f} s ago", ""]
    head = ("bundle", "", "decisions", "right first", "beside", "difference", "log-loss", "calib. error")
    rows = [head]
    for role, base in (("served", "recency"), ("shadow", "served")):
        for version, figures in live.figures(role).items():
            window = figures.window
            gain = window.gain if window.continued_row >= FEW else None
            rows.append(
                (
                    version,
                    "" if role == "served" else "shadow",
                    f"{window.decisions:,}",
                    _percent(window.precision),
                    f"{base} {_percent(window.base_precision)}",
                    "too few" if gain is None else f"{100 * gain[0]:+.1f} ± {100 * gain[1]:.1f}",
                    _number(window.continuation.log_loss),
                    _number(window.continuation.calibration_error),
                )
            )
    lines += _table(rows)
    recalibrations = sorted(live.recalibrations().items())
    if recalibrations:
        curves = [("recalibration of", "", "gain", "slope", "shift", "decisions")]
        for (version, kind), curve in recalibrations:
            gain = f"{curve.gain:+.4f} ± {1.96 * curve.error:.4f}" if curve.n else ""
            curves.append((version, kind, gain, f"{curve.slope:.2f}", f"{curve.shift:+.2f}", f"{curve.n:,}"))
        lines += ["", *_table(curves)]
    table = [("drift of", "times", "last, event time (UTC)", "mean before", "after")]
    for signal, drift in sorted(live.drifts().items(), key=lambda item: -item[1]["ts"]):
        at = time.strftime("%Y-%m-%d %H:%M", time.gmtime(drift["ts"] / 1000))
        table.append((signal, str(drift["count"]), at, f"{drift['before']:.3f}", f"{drift['after']:.3f}"))
    return [*lines, "", *(_table(table) if len(table) > 1 else ["no drift found"])]


def _table(rows: list[Any]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
