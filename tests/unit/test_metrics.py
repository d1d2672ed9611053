"""The metrics are declared once, named by the rules of the house, and documented as they are."""

from pathlib import Path

import pytest

from streams.metrics import SECTIONS, Section
from streams.metrics_docs import render

ROOT = Path(__file__).parents[2]
ENTRIES = [(section.title, entry) for section in SECTIONS for entry in section.entries]


def test_the_page_of_metrics_says_what_the_code_declares():
    """docs/metrics.md is generated; whoever changes a metric runs `make docs`."""
    assert (ROOT / "docs/metrics.md").read_text() == render(), "docs/metrics.md is old: run `make docs`"


@pytest.mark.parametrize(("title", "entry"), ENTRIES, ids=lambda value: getattr(value, "name", value))
def test_a_metric_is_named_and_explained_by_the_rules(title, entry):
    """cw_ first, counters and only they end in _total, a question ends in a question mark, a meaning in a full stop."""
    assert entry.name.startswith("cw_")
    assert entry.name.endswith("_total") == (entry.kind == "counter")
    assert entry.question.endswith("?")
    assert entry.meaning.endswith(".")
    assert not {"member", "member_id", "show", "show_id", "session", "session_id"} & set(entry.labels)


def test_no_two_services_share_a_metric_name():
    """One name, one meaning."""
    names = [entry.name for _, entry in ENTRIES]
    assert len(names) == len(set(names))


def test_a_service_shows_its_own_metrics_and_its_process():
    """A section has a registry of its own, so that no service shows a zero of what it does not measure."""
    one, other = Section("One"), Section("Other")
    one.counter("How many?", "cw_one_things_total", "Things.").inc(3)
    other.gauge("How much?", "cw_other_level", "Level.")
    shown = one.expose().decode()
    assert "cw_one_things_total 3.0" in shown
    assert "cw_other_level" not in shown
    assert "process_start_time_seconds" in shown
    assert "_created" not in shown


def test_the_page_has_the_question_first():
    """A table a section: question, metric, type, labels, meaning."""
    section = Section("Kettle")
    section.gauge("Is it hot?", "cw_kettle_celsius", "Temperature | of the water.", "side")
    assert render([section]).splitlines()[-5:] == [
        "## Kettle",
        "",
        "| question | metric | type | labels | meaning |",
        "| --- | --- | --- | --- | --- |",
        "| Is it hot? | `cw_kettle_celsius` | gauge | `side` | Temperature \\| of the water. |",
    ]
