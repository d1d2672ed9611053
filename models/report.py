"""The report of a training: report.json, and report.html, one page with everything in it."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

import orjson

from models.report_sections import groups, placement, quality, serving, vectors
from models.report_text import count, hundred

JSON_NAME: Final = "report.json"
HTML_NAME: Final = "report.html"

_STYLE: Final = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; color: #111827; background: #fff; max-width: 62rem; margin: 2.5rem auto;
       padding: 0 1.25rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { margin-top: 2.4rem; font-size: 1.2rem; }
.lead { font-size: 1.15rem; } .note { color: #4b5563; font-size: .92rem; }
.pair { display: flex; flex-wrap: wrap; gap: 1.5rem; } .pair > figure { flex: 1 1 22rem; margin: 0; }
figure { margin: 1rem 0; } figure.half { max-width: 30rem; }
figure svg { width: 100%; height: auto; } figcaption { color: #4b5563; font-size: .9rem; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .35rem .6rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } thead th { border-bottom: 2px solid #d1d5db; }
tbody tr { border-bottom: 1px solid #e5e7eb; } tr.model { font-weight: 600; color: #b3152a; }
small { color: #4b5563; font-weight: 400; white-space: nowrap; }
"""


def write(folder: Path, report: Mapping[str, Any]) -> None:
    """Writes both files. `report` is what `models.pipeline` puts together."""
    (folder / JSON_NAME).write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    (folder / HTML_NAME).write_text(html(report), encoding="utf-8")


def html(report: Mapping[str, Any]) -> str:
    """The page, self-contained: no scripts, nothing fetched."""
    parts = [_head(report), quality("Sessions later than all that was learned from", report["time_split"])]
    if report["folds"] is not None:
        title = f"Households that were not learned from ({report['folds']['k']} folds)"
        parts.append(quality(title, report["folds"]))
    parts += [groups(report), vectors(report["vectors"]), placement(report), serving(report), _words()]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Continue Watching: what the model is worth'
        f'</title><meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>\n"
    )


def _head(report: Mapping[str, Any]) -> str:
    figures_of = report["folds"] or report["time_split"]
    order = figures_of["order"]
    lead = "There were no sessions that went on with something, so the order could not be judged."
    if order["model"]["precision_at_1"] is not None:
        wrong, right = figures_of["where_recency_is_wrong"], figures_of["where_recency_is_right"]
        lead = (
            f"Of 100 sessions in which a member went on with a show, the model had that show first in "
            f"<b>{hundred(order['model']['precision_at_1'])}</b>, sorting by recency in "
            f"<b>{hundred(order['recency']['precision_at_1'])}</b>. It mends "
            f"{hundred(wrong['mended_share'])} of 100 of recency's mistakes and breaks "
            f"{hundred(right['broken_share'])} of 100 of what recency has right."
        )
    return (
        "<h1>Continue Watching: what the model is worth</h1>"
        f'<p class="note">Bundle {escape(report["bundle"]["version"])}, made {escape(report["bundle"]["created"])}; '
        f"ranker: {escape(report['bundle']['ranker'])}.{_log(report['log'])}{_prior(report['bundle']['prior'])}</p>"
        f'<p class="lead">{lead}</p>'
    )


def _log(log: Mapping[str, Any]) -> str:
    replay = log["replay"]
    text = f" Learned from {count(log['events'], 'event')} of {count(log['members'], 'member')}."
    if replay is not None:
        text += (
            f" Their replay took {replay['seconds']:.0f} s with {count(replay['cores'], 'core')}: "
            f"{replay['events_per_s']:,.0f} events, {replay['examples_per_s']:,.0f} examples "
            f"({replay['candidates_per_s']:,.0f} candidates) a second."
        )
    return text


def _prior(prior: Mapping[str, Any] | None) -> str:
    if prior is None:
        return ""
    trees = prior["trees_added"]
    return (
        f" Begun from bundle {escape(prior['version'])}, of {count(prior['decisions'], 'session')} in "
        f"{count(prior['households'], 'household')}; the sessions here added {trees['ranker']} trees to the order, "
        f"{trees['play_probability']} to the play probability and {trees['continuation']} to whether a session goes on."
    )


def _words() -> str:
    meanings = {
        "First": "(precision at 1): of the sessions that went on with a show, the share where it stood first.",
        "MRR": "the mean of 1 / place of the show played.",
        "NDCG@5": "likewise with 1 / log2(1 + place), within five.",
        "AUC": "how often a session that went on was given the higher probability than one that did not.",
        "Log-loss": "smaller is better; it punishes being sure and wrong.",
        "Calibration error": "how far probabilities are from how often things happen, on average; by chance alone: "
        "what exactly right ones would show on so many sessions.",
        "Intervals": "come from drawing households again and again; below five households there are none.",
    }
    items = " ".join(f"<b>{word}</b> {meaning}" for word, meaning in meanings.items())
    return f'<h2>How to read this</h2><p class="note">{items}</p>'
