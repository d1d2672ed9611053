"""What is deployed matches the code: alerts and dashboard name metrics that exist, and every alert has a page."""

import json
import re
from pathlib import Path

import pytest

from streams.metrics import SECTIONS

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = (DEPLOY / "prometheus/rules.yaml").read_text()
ENTRIES = {entry.name: entry for section in SECTIONS for entry in section.entries}
ALERTS = re.findall(r"- alert: (\w+)\n(.*?)(?=\n\n|\Z)", RULES, re.DOTALL)


def metrics_in(text):
    """Names of metrics in expressions, with what a histogram appends taken off."""
    names = re.findall(r"\bcw_[a-z_]+", text)
    return [name if name in ENTRIES else re.sub(r"_(bucket|sum|count)$", "", name) for name in names]


@pytest.mark.parametrize("path", ["prometheus/rules.yaml", "grafana/continue-watching.json"])
def test_every_metric_named_exists(path):
    """A renamed metric breaks this test and not, silently, the alert."""
    named = metrics_in((DEPLOY / path).read_text())
    assert named
    assert [name for name in named if name not in ENTRIES] == []


def test_labels_in_expressions_are_labels_of_their_metrics():
    """`metric{label=...}` with a label that the metric does not have would never fire."""
    wrong = [
        (name, label)
        for name, matchers in re.findall(r"\b(cw_[a-z_]+)\{([^}]*)\}", RULES)
        for label in re.findall(r"(\w+)=", matchers)
        if label not in ENTRIES[name].labels
    ]
    assert wrong == []


@pytest.mark.parametrize(("name", "body"), ALERTS, ids=[name for name, _ in ALERTS])
def test_an_alert_says_how_bad_it_is_and_has_a_page(name, body):
    """Severity, a summary in words, and a runbook whose heading is the alert."""
    assert re.search(r"severity: (page|ticket)", body)
    assert "summary:" in body
    assert f"runbook: deploy/runbooks/{name.lower()}.md" in body
    assert (DEPLOY / f"runbooks/{name.lower()}.md").read_text().startswith(f"# {name}\n")


def test_every_page_belongs_to_an_alert():
    """No page of an alert that is gone."""
    assert {path.stem for path in (DEPLOY / "runbooks").glob("*.md")} == {name.lower() for name, _ in ALERTS}


def test_the_status_numbers_in_alerts_are_those_of_the_rules():
    """ConsumerStopped means STOP, and so on: the alert compares with the number that the monitor exposes."""
    from streams.monitor.rules import Status

    numbers = dict(re.findall(r"- alert: (Consumer\w+)\n +expr: cw_group_status\S* == (\d)", RULES))
    assert {name: Status(int(number)).name for name, number in numbers.items()} == {
        "ConsumerStopped": "STOP",
        "ConsumerStalled": "STALL",
        "ConsumerFallsBehind": "WARN",
        "ConsumerRewound": "REWIND",
    }


def test_the_dashboard_asks_a_question_in_every_panel():
    """One question each, all on the chosen source."""
    dashboard = json.loads((DEPLOY / "grafana/continue-watching.json").read_text())
    assert all(panel["title"].endswith("?") for panel in dashboard["panels"])
    assert all(panel["datasource"]["uid"] == "${source}" for panel in dashboard["panels"])
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
