"""The report of a training: report.json, and report.html, one page with everything in it."""

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

import orjson

from models import figures

JSON_NAME: Final = "report.json"
HTML_NAME: Final = "report.html"

_ORDER_NAMES: Final = {
    "model": "model",
    "recency": "recency (played last, first)",
    "decayed_count": "plays, halved every 5 days",
    "play_count": "plays",
    "popularity": "popularity over members",
}
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
    parts = [_head(report), _section("Sessions later than all that was learned from", report["time_split"], report)]
    if report["folds"] is not None:
        title = f"Households that were not learned from ({report['folds']['k']} folds)"
        parts.append(_section(title, report["folds"], report))
    parts += [_groups(report), _vectors(report["vectors"]), _placement(report), _serving(report), _words()]
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
            f"<b>{_hundred(order['model']['precision_at_1'])}</b>, sorting by recency in "
            f"<b>{_hundred(order['recency']['precision_at_1'])}</b>. It mends "
            f"{_hundred(wrong['mended_share'])} of 100 of recency's mistakes and breaks "
            f"{_hundred(right['broken_share'])} of 100 of what recency has right."
        )
    return (
        "<h1>Continue Watching: what the model is worth</h1>"
        f'<p class="note">Bundle {escape(report["bundle"]["version"])}, made {escape(report["bundle"]["created"])}; '
        f"ranker: {escape(report['bundle']['ranker'])}.{_log(report['log'])}{_prior(report['bundle']['prior'])}</p>"
        f'<p class="lead">{lead}</p>'
    )


def _log(log: Mapping[str, Any]) -> str:
    replay = log["replay"]
    text = f" Learned from {_count(log['events'], 'event')} of {_count(log['members'], 'member')}."
    if replay is not None:
        text += (
            f" Their replay took {replay['seconds']:.0f} s with {_count(replay['cores'], 'core')}: "
            f"{replay['events_per_s']:,.0f} events, {replay['examples_per_s']:,.0f} examples "
            f"({replay['candidates_per_s']:,.0f} candidates) a second."
        )
    return text


def _prior(prior: Mapping[str, Any] | None) -> str:
    if prior is None:
        return ""
    trees = prior["trees_added"]
    return (
        f" Begun from bundle {escape(prior['version'])}, of {_count(prior['decisions'], 'session')} in "
        f"{_count(prior['households'], 'household')}; the sessions here added {trees['ranker']} trees to the order, "
        f"{trees['play_probability']} to the play probability and {trees['continuation']} to whether a session goes on."
    )


def _section(title: str, judged: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    gain = judged["order"]["model"]["over_recency"]["precision_at_1"]
    interval = ""
    if gain["interval"] is not None:
        low, high = (100 * bound for bound in gain["interval"])
        interval = f" The gain over recency is {100 * gain['mean']:.1f} points (95 % interval {low:.1f} to {high:.1f})."
    continuation = judged["continuation"]
    curves = {
        "continuation, classifier": continuation["classifier"]["calibration"],
        "continuation, 1 − ∏(1 − p)": continuation["product"]["calibration"],
        "play of a show": judged["play_probability"]["calibration"],
    }
    parts = [
        f"<h2>{escape(title)}</h2>",
        f"<p>{_count(judged['decisions'], 'session')} of {_count(judged['members'], 'member')} in "
        f"{_count(judged['households'], 'household')}, "
        f"{judged['first_day']} to {judged['last_day']}; {100 * judged['continued_share']:.0f} % went on with "
        f"something, out of {judged['candidates_median']:.0f} candidates (median).{interval}</p>",
    ]
    if judged["over_time"]["points"]:
        caption = (
            f"Precision at 1 by {judged['over_time']['period']}: how often the show played is the first of the row."
        )
        parts.append(_figure(figures.over_time(judged["over_time"]), caption))
    parts.append(_orders(judged["order"]))
    parts.append('<div class="pair">')
    for key, label in (
        ("by_device", "device"),
        ("by_history", "plays before"),
        ("by_hour", "hour of the member's day"),
    ):
        if judged[key]:
            parts.append(_figure(figures.bars(judged[key], label), f"By {label}; sessions under each."))
    parts.append(_figure(figures.calibration(curves), "Probabilities said, and how often it happened."))
    parts.append("</div>")
    parts.append(_probabilities(judged))
    return "\n".join(parts)


def _orders(orders: Mapping[str, Any]) -> str:
    rows = []
    for name, of in orders.items():
        gain = of["over_recency"]["mrr"]
        more = "–" if name == "recency" or gain["mean"] is None else f"{gain['mean']:+.3f}"
        cells = [
            _percent(of["precision_at_1"]) + _range(of["interval"]["precision_at_1"], lambda x: f"{100 * x:.1f}"),
            _number(of["mrr"]) + _range(of["interval"]["mrr"], _number),
            more + (_range(gain["interval"], lambda x: f"{x:+.3f}") if more != "–" else ""),
            *(_percent(of[key]) for key in ("hits_at_3", "hits_at_5")),
            _number(of["ndcg_at_5"]),
        ]
        tds = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f'<tr class="{name}"><td>{escape(_ORDER_NAMES[name])}</td>{tds}</tr>')
    return (
        "<table><thead><tr><th>order by</th><th>first</th><th>MRR</th><th>MRR over recency’s</th><th>in first 3</th>"
        f"<th>in first 5</th><th>NDCG@5</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
        '<p class="note">Below a figure, its 95 % interval over households.</p>'
    )


def _range(bounds: tuple[float, float] | None, said: Callable[[float], str]) -> str:
    return "" if bounds is None else f"<br><small>{said(bounds[0])} to {said(bounds[1])}</small>"


def _probabilities(judged: Mapping[str, Any]) -> str:
    continuation = judged["continuation"]
    named = {
        "session goes on, classifier": continuation["classifier"],
        "session goes on, 1 − ∏(1 − p), calibrated": continuation["product"],
        "session goes on, 1 − ∏(1 − p), as it comes": continuation["product_uncalibrated"],
        "a show is played": judged["play_probability"],
    }
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{_number(of['auc'])}</td><td>{_number(of['log_loss'])}</td>"
        f"<td>{_number(of['calibration_error'])}</td><td>{_number(of['calibration_error_by_chance'])}</td></tr>"
        for name, of in named.items()
    )
    return (
        "<table><thead><tr><th>probability that</th><th>AUC</th><th>log-loss</th><th>calibration error</th>"
        "<th>… by chance alone</th></tr>"
        f"</thead><tbody>{rows}</tbody></table>"
    )


def _groups(report: Mapping[str, Any]) -> str:
    ablation = report["ablation"]
    if ablation is None:
        return ""
    rows = "".join(
        f"<tr><td>{escape(part['group'])}</td><td>{part['features']}</td><td>{_number(part['mrr_without'])}</td>"
        f"<td>{_points(part['lost'])}</td><td>{_interval(part['lost_interval'])}</td>"
        f"<td>{_number(part['mrr_with_recency'])}</td></tr>"
        for part in ablation["groups"]
    )
    chart = figures.groups(ablation["groups"])
    return (
        "<h2>What each group of features is worth</h2>"
        f"<p>Small rankers of {ablation['trees']} trees, learned and judged on {ablation['decisions']:,} sessions, no "
        f"household in both. With all features their MRR is {_number(ablation['mrr'])}. Groups overlap: what one alone "
        "gives, another may give as well.</p>"
        "<table><thead><tr><th>group</th><th>features</th><th>MRR without it</th><th>lost, points of 100</th>"
        "<th>95 % interval</th><th>MRR of it and recency alone</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
        + _figure(chart, "MRR lost without a group, in points of 100; the line is the 95 % interval.", "half")
    )


def _vectors(worth: Mapping[str, Any] | None) -> str:
    if worth is None:
        return ""
    parts = [
        ("all sessions", worth["all"]),
        *((f"{part['part']} members had played the show", part) for part in worth["by_show"]),
        *((f"{part['part']} plays of the member before", part) for part in worth["by_member"]),
    ]
    rows = "".join(
        f"<tr><td>{escape(label)}</td><td>{part['decisions']:,}</td><td>{_percent(part['precision_at_1']['without'])}</td>"
        f"<td>{_percent(part['precision_at_1']['with'])}</td><td>{_number(part['mrr']['without'])}</td>"
        f"<td>{_number(part['mrr']['with'])}</td><td>{_added(part['mrr'])}</td></tr>"
        for label, part in parts
    )
    loss = worth["continuation_log_loss"]
    bounds = "" if loss["interval"] is None else f", interval {loss['interval'][0]:+.4f} to {loss['interval'][1]:+.4f}"
    return (
        "<h2>What title vectors add</h2>"
        f"<p>The same models trained with and without the vectors of {worth['titles']:,} titles ({worth['dims']} "
        f"numbers each), which know {worth['known']:,} of the {worth['shows']:,} shows here; judged on later sessions "
        "that went on with something. Whether a session goes on is said with a log-loss of "
        f"{_number(loss['without'])} without and {_number(loss['with'])} with them ({loss['added']:+.4f}{bounds}).</p>"
        "<table><thead><tr><th>sessions by</th><th>how many</th><th>first, without</th><th>first, with</th>"
        "<th>MRR without</th><th>MRR with</th><th>added, points of 100 (95 % interval)</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _added(pair: Mapping[str, Any]) -> str:
    return "–" if pair["added"] is None else f"{_points(pair['added'])} ({_interval(pair['interval'])})"


def _placement(report: Mapping[str, Any]) -> str:
    placement = report["placement"]
    record = placement["record"]
    steps, otherwise = (
        ", ".join(f"{step['position']} from {100 * step['at_least']:.0f} %" for step in record[way])
        for way in ("probability", "otherwise")
    )
    curve = figures.trade_off(placement["trade_off"], record["threshold"]["at_least"])
    costs = figures.costs(placement["costs"], record["cost_false_high"] / record["cost_false_low"])
    rows = "".join(
        f"<tr><td>{escape(part['device'])}</td><td>{part['decisions']:,}</td><td>{_percent(part['said'])}</td>"
        f"<td>{_percent(part['happened'])}</td><td>{_percent(part['threshold'])}</td>"
        f"<td>{_percent(part['false_high'])}</td><td>{_percent(part['false_low'])}</td></tr>"
        for part in placement["by_device"]
    )
    return (
        "<h2>Where the row goes</h2>"
        f"<p>A row put high for nothing costs {record['cost_false_high']:g}, one put low where it was wanted "
        f"{record['cost_false_low']:g}; --false-high-cost moves it. With two places, the row goes to place "
        f"{record['threshold']['high']} from a probability of {100 * record['threshold']['at_least']:.0f} %, else to "
        f"place {record['threshold']['low']}. By probability, place {steps}. By what stands at a place otherwise, "
        f"place {otherwise}. The bundle serves by {escape(record['method'])}.</p>"
        '<div class="pair">'
        + _figure(curve, "What a threshold costs: left, fewer wanted rows put low; down, fewer put high in vain.")
        + _figure(
            costs, "How often each mistake is made as the knob turns: the cost of a false high beside a false low."
        )
        + "</div>"
        "<table><thead><tr><th>device</th><th>sessions</th><th>said to go on</th><th>went on</th>"
        "<th>threshold there</th><th>high in vain</th><th>low though wanted</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _serving(report: Mapping[str, Any]) -> str:
    serving = report["serving"]
    judged = report["folds"] or report["time_split"]
    order, going_on, play = judged["order"], judged["continuation"], judged["play_probability"]
    us = serving["role_us_at_20"]
    gains = (
        ("order", us["ranker"], f"MRR {_number(order['recency']['mrr'])} → {_number(order['model']['mrr'])}"),
        (
            "play probability",
            us["play_probability"],
            f"log-loss of a play {_number(play['log_loss_of_base_rate'])} → {_number(play['log_loss'])}",
        ),
        (
            "continuation",
            us["continuation"],
            f"log-loss of going on {_number(going_on['product']['log_loss'])} → "
            f"{_number(going_on['classifier']['log_loss'])}, AUC {_number(going_on['product']['auc'])} → "
            f"{_number(going_on['classifier']['auc'])}",
        ),
    )
    rows = "".join(f"<tr><td>{name}</td><td>{cost:.1f}</td><td>{gain}</td></tr>" for name, cost, gain in gains)
    chart = ""
    if serving["curve"]:
        caption = (
            "Trees of the ranker: what more of them gain on later sessions, and what they cost. Numbers are trees."
        )
        chart = _figure(figures.trees(serving["curve"]), caption, "half")
    return (
        "<h2>What it costs to serve</h2>"
        f"<p>All models of a decision with 20 candidates take {serving['onnx_us_at_20']:.0f} µs of processor time on "
        f"one thread in batches; at this log's {serving['candidates_mean']:.1f} candidates "
        f"{serving['onnx_us']:.0f} µs, in LightGBM, features included, {serving['native_us']:.0f} µs. Over "
        f"{serving['rows']:,} real rows the exported models differ from the trained ones by "
        f"{serving['largest_difference']:.1e} at most.</p>"
        "<table><thead><tr><th>model</th><th>µs a decision of 20</th><th>gain</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{chart}"
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


def _figure(svg: str, caption: str, kind: str = "full") -> str:
    return f'<figure class="{kind}">{svg}<figcaption>{escape(caption)}</figcaption></figure>'


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _hundred(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def _points(share: float) -> str:
    return f"{100 * share:.2f}"


def _interval(bounds: tuple[float, float] | None) -> str:
    return "–" if bounds is None else f"{_points(bounds[0])} to {_points(bounds[1])}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
