"""Where a process spends its time: py-spy's samples, as a flame graph and as a table of the worker's steps."""

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path

Stacks = Counter[tuple[str, ...]]  # samples by stack, outermost frame first

SAMPLES_A_SECOND = 100
WIDTH, ROW, MARGIN = 1200, 17, 10
WAITING = ("EpollSelector.select ", "_worker (concurrent/futures")  # runnable, but waiting for something to do
SMALLEST = 0.0015  # of all samples; narrower frames are left out of the picture

# Steps of the worker by the frame that stands for all within it; the first that a stack holds counts, innermost last.
STEPS = (
    ("ONNX models", ("score (streams/scoring", "run (onnxruntime")),
    ("features", ("candidate_matrix (", "context_matrix (", "batch (streams/features/gather")),
    ("candidates gathered", ("add (streams/features/gather",)),
    ("rows built", ("build (streams/row",)),
    ("rows encoded and sent", ("row (streams/agents/send", "impression (streams/agents/send", "_send (streams/agents",
                               "send (streams/batching/output")),
    ("rows chosen", ("rows_of (", "members (streams/agents/due", "_rows (streams/agents")),
    ("events decoded and checked", ("sort (streams/agents/arrive",)),
    ("events folded", ("fold (streams/agents/fold", "apply (streams/member")),
    ("states read and decoded", ("get_many (streams/batching",)),
    ("states encoded and made durable", ("_flush (streams/batching", "write (streams/batching")),
    ("Kafka: reading", ("fetch (streams/batching", "_proc_fetch_request (aiokafka", "_unpack_records (aiokafka")),
    ("Kafka: writing", ("(aiokafka/producer",)),
)  # fmt: skip


class Sampling:
    """A profiler at work; `stacks` once it has ended."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def stacks(self) -> Stacks:
        """What it saw: only samples in which a thread was at work."""
        found: Stacks = Counter()
        for line in self._path.read_text().splitlines():
            frames, _, count = line.rpartition(" ")
            stack = [_short(frame) for frame in frames.split(";")]
            if not stack[-1].startswith(WAITING):
                found[_from_event_loop(stack)] += int(count)
        return found


@contextmanager
def sampling(pid: int) -> Iterator[Sampling]:
    """Samples every thread of a Python process that is at work. Needs the right to look into it (root, or ptrace)."""
    with tempfile.TemporaryDirectory(prefix="cw-profile-") as folder:
        path = Path(folder) / "stacks"
        command = [
            str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(pid), "--format", "raw", "--function",
            "--threads", "--rate", str(SAMPLES_A_SECOND), "--output", str(path),
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        sampled = Sampling(path)
        try:
            yield sampled
        finally:
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[1]
        if not path.exists():
            raise RuntimeError(f"py-spy saw nothing: {said.strip()[-500:]}")
        stacks = sampled.stacks()
        sampled.stacks = lambda: stacks  # type: ignore[method-assign]


def _from_event_loop(stack: list[str]) -> tuple[str, ...]:
    """The stack from where the event loop calls something: what is below is the same for all of a thread."""
    calls = [at for at, frame in enumerate(stack) if frame.startswith("Handle._run ")]
    thread = "worker" if "MainThread" in stack[0] else "Kafka's reader" if calls else "other threads"
    return (thread, *stack[calls[0] + 1 if calls else 1 :])


def _short(frame: str) -> str:
    """A frame with its file from the package on."""
    name, _, place = frame.partition(" (")
    for mark in ("site-packages/", "lib/python3.11/", f"{os.getcwd()}/"):
        place = place.rpartition(mark)[2]
    return f"{name} ({place}" if place else name


def table(stacks: Stacks) -> str:
    """Share of the samples by step, most first."""
    total, shares = sum(stacks.values()), Counter[str]()
    for stack, count in stacks.items():
        shares[_step(stack)] += count
    lines = [f"| {step} | {100 * count / total:.0f} % |" for step, count in shares.most_common()]
    return "\n".join(["| step | share |", "| --- | ---: |", *lines])


def _step(stack: Sequence[str]) -> str:
    for frame in reversed(stack):
        for step, marks in STEPS:
            if any(mark in frame for mark in marks):
                return step
    return "everything else"


def busiest(stacks: Stacks, most: int = 25) -> list[tuple[str, float, float]]:
    """Functions with their share of the samples: in themselves, and with all that they call."""
    total, own, whole = sum(stacks.values()), Counter[str](), Counter[str]()
    for stack, count in stacks.items():
        own[stack[-1]] += count
        for frame in set(stack):
            whole[frame] += count
    return [(frame, count / total, whole[frame] / total) for frame, count in own.most_common(most)]


def draw(stacks: Stacks, title: str) -> str:
    """The flame graph as SVG: a frame is as wide as its share of the samples, and stands on what called it."""
    total = sum(stacks.values())
    boxes: list[tuple[int, int, int, str]] = []
    depth = _boxes(sorted(stacks.items()), 0, 0, total, boxes)
    height = (depth + 3) * ROW + 2 * MARGIN
    scale = (WIDTH - 2 * MARGIN) / total
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fdfcf8"/>',
        f'<text x="{WIDTH / 2}" y="{MARGIN + 12}" text-anchor="middle" font-size="14">{escape(title)}: '
        f"{total:,} samples</text>",
    ]
    for level, start, count, frame in boxes:
        x, width = MARGIN + start * scale, count * scale
        y = height - MARGIN - (level + 1) * ROW
        label = frame if len(frame) * 6 < width - 4 else frame[: max(0, int((width - 10) / 6))] + "…"
        text = f'<text x="{x + 3:.1f}" y="{y + 12}">{escape(label)}</text>' if width > 24 else ""
        lines.append(
            f'<g><title>{escape(frame)}: {100 * count / total:.1f} %</title><rect x="{x:.1f}" y="{y}" '
            f'width="{max(width - 0.5, 0.5):.1f}" height="{ROW - 1}" fill="{_colour(frame)}" rx="1"/>{text}</g>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _boxes(stacks: Sequence[tuple[tuple[str, ...], int]], level: int, start: int, total: int, boxes: list) -> int:
    """Adds the frames at `level` and above of stacks that share what is below; returns the highest level there is."""
    highest, at = level, 0
    while at < len(stacks):
        stack, count = stacks[at]
        if len(stack) <= level:
            start, at = start + count, at + 1
            continue
        last, width = at, 0
        while last < len(stacks) and len(stacks[last][0]) > level and stacks[last][0][level] == stack[level]:
            width += stacks[last][1]
            last += 1
        if width >= SMALLEST * total:
            boxes.append((level, start, width, stack[level]))
            highest = max(highest, _boxes(stacks[at:last], level + 1, start, total, boxes))
        start, at = start + width, last
    return highest


def _colour(frame: str) -> str:
    """Ours in amber, the rest by where it comes from."""
    for mark, colour in (
        ("streams/", "#f2b134"), ("aiokafka", "#8fc1e3"), ("faust", "#b6d7a8"), ("mode/", "#b6d7a8"),
        ("onnxruntime", "#d5a6bd"), ("numpy", "#c9b6e4"),
    ):  # fmt: skip
        if mark in frame:
            return colour
    return "#d9d5c9"
