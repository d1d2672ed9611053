"""What `cw models` prints."""

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable
from typing import Final

from export.comparison import Difference
from export.publish import Announced
from streams.scoring.announcements import SHADOW

ASK_S: Final = 3.0


def served_by(worker_urls: Iterable[str]) -> Counter[str]:
    """How many of the workers serve each version now; those that don't answer are `no answer`."""
    versions: Counter[str] = Counter()
    for url in worker_urls:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=ASK_S) as answer:
                versions[str(json.load(answer)["model_version"])] += 1
        except (OSError, ValueError, KeyError, TypeError):
            versions["no answer"] += 1
    return versions


def listing(announced: Announced, versions: Counter[str]) -> list[str]:
    """The lines of `cw models list`; `versions` is what `served_by` gave."""
    live, candidate = announced.live, announced.candidate
    lines = []
    if live is None:
        lines.append("serves      no bundle is announced: recency. 'cw publish DIR' announces one")
    else:
        lines.append(f"serves      {live.source.version}  since {_time(live.at)}")
        verdict = announced.verdicts.get(live.source.version)
        if verdict is not None and verdict.at > live.at:
            lines.append(
                f"            set aside {_time(verdict.at)}: {verdict.reason}; 'cw models resume' tries it again"
            )
    if candidate is not None:
        how = "in the shadow" if candidate.mode == SHADOW else f"for {candidate.share:.1%} of the members"
        lines.append(f"on trial    {candidate.source.version}  since {_time(candidate.at)}, {how}")
    for former in live.history if live is not None else ():
        what = "taken back" if former.taken_back else "served"
        lines.append(f"{what:<11} {former.source.version}  from {_time(former.since)} to {_time(former.until)}")
    told = ", ".join(f"{version} ({number})" for version, number in sorted(versions.items()))
    lines.append(f"workers     {told}")
    return lines


def comparison(differences: Iterable[Difference], other: str, candidate: str) -> list[str]:
    """The lines of `cw models compare`."""
    differences = list(differences)
    paired = differences[0].paired
    lines = [
        f"{candidate} beside {other}, " + ("on the same sessions" if paired else "each on its own members"),
        f"{'':<16} {'other':>10} {'candidate':>10} {'difference':>11}  {'95 % interval':<20} sessions, members",
    ]
    for d in differences:
        between = "" if d.low is None or d.high is None else f"{d.low:+.4f} to {d.high:+.4f}"
        counts = f"{d.candidate.sessions:,}, {d.candidate.members:,}"
        if not paired:
            counts = f"{d.other.sessions:,}, {d.other.members:,} beside {counts}"
        means = f"{d.other.mean:>10.4f} {d.candidate.mean:>10.4f} {d.difference:>+11.4f}"
        lines.append(f"{d.figure:<16} {means}  {between:<20} {counts}")
        lines.append(f"{'':<16} {d.verdict} ({d.better} is better)")
    return lines


def _time(ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ms / 1000)) if ms else "an unknown time"
