"""Writes docs/metrics.md from streams/metrics.py: `python -m streams.metrics_docs > docs/metrics.md`."""

from collections.abc import Sequence

from streams.metrics import SECTIONS, Section

_HEAD = """\
# Metrics

What to look at when you want to know something. Each service shows its own metrics under `/metrics`, together with
the usual `process_*` and `python_info` ones. This page is made from `streams/metrics.py` by `make docs`."""
_TABLE = ("| question | metric | type | labels | meaning |", "| --- | --- | --- | --- | --- |")


def render(sections: Sequence[Section] = SECTIONS) -> str:
    """The page in Markdown: a table a section, the operator's question first."""
    parts = [_HEAD]
    for section in sections:
        parts += [f"\n## {section.title}\n", *_TABLE]
        for entry in section.entries:
            labels = " ".join(f"`{label}`" for label in entry.labels)
            cells = (entry.question, f"`{entry.name}`", entry.kind, labels, entry.meaning)
            parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    print(render(), end="")
