"""Writes the file tree of README.md: each source file with the first words of what it says of itself. `make docs`."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- tree: made by make docs -->\n```\n", "```\n<!-- end of tree -->"
LONGEST = 88
# Folders whose files are not listed one by one, or that need a word of their own.
FOLDERS = {
    "streams": "online: worker, gateway, monitor, clients; imports neither models nor export",
    "streams/agents": "the worker: from a batch of events to rows, step by step",
    "streams/batching": "Faust at log speed, of use to any Faust app",
    "streams/broker": "the embedded Apache Kafka",
    "streams/clients": "what sends events: simulated members, viewing exports",
    "streams/clients/simulate": "`cw simulate`: a population true to life",
    "streams/commands": "one file for each `cw` command",
    "streams/demo": "`cw demo`: everything on one machine",
    "streams/features": "the features: one definition each, for serving and for training",
    "streams/gateway": "HTTP: events in, rows out and pushed, the page",
    "streams/gateway/static": "the page: plain ES modules",
    "streams/monitor": "lag from outside, the canary",
    "streams/outcomes": "live learning: outcomes of served rows, and what they teach",
    "streams/scoring": "bundles and the models in them",
    "models": "offline: replay, train, evaluate, report",
    "models/titles": "title vectors: inputs, training, tools; `cw titles`",
    "models/titles/imports": "public tables to titles and audiences",
    "export": "trained models to a bundle, and its announcement",
    "tests": "",
    "tests/unit": "rules, folds, codecs, features: no broker",
    "tests/contract": "what clients rely on",
    "tests/integration": "on a real broker that the tests start",
    "tests/browser": "the page in a real Chromium",
    "tests/bench": "measurements, run by `make bench`",
    "tests/support": "what tests share",
    "deploy": "what it takes to run it elsewhere",
    "deploy/prometheus": "what to scrape, and the alerts",
    "deploy/grafana": "the dashboard",
    "deploy/runbooks": "a page for each alert: what to look at, what to do",
    "docs": "events, architecture, operations, metrics",
    "docs/decisions": "what is not obvious, and why it is so",
    "requirements": "every package, pinned by hash",
}
LISTED = ("streams", "models", "export")  # folders whose files are listed; of the others, folders alone


def tracked() -> list[str]:
    """Names of all files that git has, with / between folders."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def phrase(name: str) -> str:
    """The first sentence that a source file says about itself, without its full stop; shortened where it is long."""
    text = (ROOT / name).read_text()
    if name.endswith(".py"):
        about = ast.get_docstring(ast.parse(text)) or ""
    elif name.endswith(".html"):
        about = re.search(r"<title>(.*?)</title>", text, re.DOTALL)[1]  # type: ignore[index]
    else:
        head = re.match(r"\s*(?:/\*(.*?)\*/|((?:(?://|#)[^\n]*\n)+))", text, re.DOTALL)
        about = re.sub(r"^(//|#) ?", "", head[1] or head[2], flags=re.MULTILINE) if head else ""
    first = re.split(r"(?<=[^.])\.(?:\s|$)", " ".join(about.split("\n\n")[0].split()), maxsplit=1)[0]
    return first if len(first) <= LONGEST else _shortened(first)


def _shortened(sentence: str) -> str:
    """Up to the last comma, colon or semicolon that leaves no bracket or code open, else up to a word."""
    ends = [found.start() for found in re.finditer(r"[,:;] ", sentence[: LONGEST + 2])]
    for end in reversed(ends):
        start = sentence[:end]
        if start.count("`") % 2 == 0 and start.count("(") == start.count(")"):
            return start
    return sentence[:LONGEST].rsplit(" ", 1)[0]


def lines(names: list[str]) -> Iterator[str]:
    """The tree: folders, and below those of LISTED every file that is not empty."""
    shown = {str(folder) for name in names for folder in Path(name).parents if str(folder) in FOLDERS}
    shown |= {name for name in names if name.startswith(LISTED) and (ROOT / name).stat().st_size}
    for name in sorted(shown, key=_order):
        depth = name.count("/")
        words = FOLDERS[name] if name in FOLDERS else phrase(name)
        label = "  " * depth + Path(name).name + ("/" if name in FOLDERS else "")
        yield f"{label:32} {words}".rstrip()


def _order(name: str) -> list[tuple[bool, str]]:
    """Files of a folder before its folders, each in order of the alphabet; packages in the order of LISTED."""
    parts = name.split("/")
    top = LISTED.index(parts[0]) if parts[0] in LISTED else len(LISTED)
    folders = [name in FOLDERS if at == len(parts) - 1 else True for at in range(len(parts))]
    return [(False, str(top)), *((is_folder, part) for is_folder, part in zip(folders, parts, strict=True))]


def rewritten(readme: str) -> str:
    """README.md with the tree as it is now."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + "\n".join(lines(tracked())) + "\n" + END + after


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(rewritten(path.read_text()))
