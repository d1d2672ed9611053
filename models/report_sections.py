"""The sections of a training's report: figures and tables, as HTML, of what `models.pipeline` found."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Final

from models import figures
from models.report_text import count, figure, interval, number, percent, points

_ORDER_NAMES: Final = {
    "model": "model",
    "recency": "recency (played last, first)",
    "decayed_count": "plays, halved every 5 days",
    "play_count": "plays",
    "popularity": "popularity over members",
}


def quality(title: str, judged: Mapping[str, Any]) -> str:
    """How well the models do on one set of sessions: `judged` is what `models.evaluation` makes of them."""
    gain = judged["order"]["model"]["over_recency"]["precision_at_1"]
    gained = ""
    if gain["interval"] is not None:
        low, high = (100 * bound for bound in gain["interval"])
        gained = f" The gain over recency is {100 * gain['mean']:.1f} points (95 % interval {low:.1f} to {high:.1f})."
    continuation = judged["continuation"]
    curves = {
        "continuation, classifier": continuation["classifier"]["calibration"],
        "continuation, 1 − ∏(1 − p)": continuation["product"]["calibration"],
        "play of a show": judged["play_probability"]["calibration"],
    }
    parts = [
        f"<h2>{escape(title)}</h2>",
        f"<p>{count(judged['decisions'], 'session')} of {count(judged['members'], 'member')} in "
        f"{count(judged['households'], 'household')}, "
        f"{judged['first_day']} to {judged['last_day']}; {100 * judged['continued_share']:.0f} % went on with "
        f"something, out of {judged['candidates_median']:.0f} candidates (median).{gained}</p>",
    ]
    if judged["over_time"]["points"]:
        caption = (
            f"Precision at 1 by {judged['over_time']['period']}: how often the show played is the first of the row."
        )
        parts.append(figure(figures.over_time(judged["over_time"]), caption))
    parts.append(_orders(judged["order"]))
    parts.append('<div class="pair">')
    for key, label in (
        ("by_device", "device"),
        ("by_history", "plays before"),
        ("by_hour", "hour of the member's day"),
    ):
        if judged[key]:
            parts.append(figure(figures.bars(judged[key], label), f"By {label}; sessions under each."))
    parts.append(figure(figures.calibration(curves), "Probabilities said, and how often it happened."))
    parts.append("</div>")
    parts.append(_probabilities(judged))
    return "\n".join(parts)


def _orders(orders: Mapping[str, Any]) -> str:
    rows = []
    for name, of in orders.items():
        gain = of["over_recency"]["mrr"]
        more = "–" if name == "recency" or gain["mean"] is None else f"{gain['mean']:+.3f}"
        cells = [
            percent(of["precision_at_1"]) + _range(of["interval"]["precision_at_1"], lambda x: f"{100 * x:.1f}"),
            number(of["mrr"]) + _range(of["interval"]["mrr"], number),
            more + (_range(gain["interval"], lambda x: f"{x:+.3f}") if more != "–" else ""),
            *(percent(of[key]) for key in ("hits_at_3", "hits_at_5")),
            number(of["ndcg_at_5"]),
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
        f"<tr><td>{escape(name)}</td><td>{number(of['auc'])}</td><td>{number(of['log_loss'])}</td>"
        f"<td>{number(of['calibration_error'])}</td><td>{number(of['calibration_error_by_chance'])}</td></tr>"
        for name, of in named.items()
    )
    return (
        "<table><thead><tr><th>probability that</th><th>AUC</th><th>log-loss</th><th>calibration error</th>"
        "<th>… by chance alone</th></tr>"
        f"</thead><tbody>{rows}</tbody></table>"
    )


def groups(report: Mapping[str, Any]) -> str:
    """What the ablation found; nothing where there was none."""
    ablation = report["ablation"]
    if ablation is None:
        return ""
    rows = "".join(
        f"<tr><td>{escape(part['group'])}</td><td>{part['features']}</td><td>{number(part['mrr_without'])}</td>"
        f"<td>{points(part['lost'])}</td><td>{interval(part['lost_interval'])}</td>"
        f"<td>{number(part['mrr_with_recency'])}</td></tr>"
        for part in ablation["groups"]
    )
    chart = figures.groups(ablation["groups"])
    return (
        "<h2>What each group of features is worth</h2>"
        f"<p>Small rankers of {ablation['trees']} trees, learned and judged on {ablation['decisions']:,} sessions, no "
        f"household in both. With all features their MRR is {number(ablation['mrr'])}. Groups overlap: what one alone "
        "gives, another may give as well.</p>"
        "<table><thead><tr><th>group</th><th>features</th><th>MRR without it</th><th>lost, points of 100</th>"
        "<th>95 % interval</th><th>MRR of it and recency alone</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
        + figure(chart, "MRR lost without a group, in points of 100; the line is the 95 % interval.", "half")
    )


def vectors(worth: Mapping[str, Any] | None) -> str:
    """What `models.vectors_worth` found; nothing where no vectors were given."""
    if worth is None:
        return ""
    parts = [
        ("all sessions", worth["all"]),
        *((f"{part['part']} members had played the show", part) for part in worth["by_show"]),
        *((f"{part['part']} plays of the member before", part) for part in worth["by_member"]),
    ]
    rows = "".join(
        f"<tr><td>{escape(label)}</td><td>{part['decisions']:,}</td><td>{percent(part['precision_at_1']['without'])}</td>"
        f"<td>{percent(part['precision_at_1']['with'])}</td><td>{number(part['mrr']['without'])}</td>"
        f"<td>{number(part['mrr']['with'])}</td><td>{_added(part['mrr'])}</td></tr>"
        for label, part in parts
    )
    loss = worth["continuation_log_loss"]
    bounds = "" if loss["interval"] is None else f", interval {loss['interval'][0]:+.4f} to {loss['interval'][1]:+.4f}"
    return (
        "<h2>What title vectors add</h2>"
        f"<p>The same models trained with and without the vectors of {worth['titles']:,} titles ({worth['dims']} "
        f"numbers each), which know {worth['known']:,} of the {worth['shows']:,} shows here; judged on later sessions "
        "that went on with something. Whether a session goes on is said with a log-loss of "
        f"{number(loss['without'])} without and {number(loss['with'])} with them ({loss['added']:+.4f}{bounds}).</p>"
        "<table><thead><tr><th>sessions by</th><th>how many</th><th>first, without</th><th>first, with</th>"
        "<th>MRR without</th><th>MRR with</th><th>added, points of 100 (95 % interval)</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _added(pair: Mapping[str, Any]) -> str:
    return "–" if pair["added"] is None else f"{points(pair['added'])} ({interval(pair['interval'])})"


def placement(report: Mapping[str, Any]) -> str:
    """Thresholds, costs of mistakes, and what they come to on each device."""
    placement = report["placement"]
    record = placement["record"]
    steps, otherwise = (
        ", ".join(f"{step['position']} from {100 * step['at_least']:.0f} %" for step in record[way])
        for way in ("probability", "otherwise")
    )
    curve = figures.trade_off(placement["trade_off"], record["threshold"]["at_least"])
    costs = figures.costs(placement["costs"], record["cost_false_high"] / record["cost_false_low"])
    rows = "".join(
        f"<tr><td>{escape(part['device'])}</td><td>{part['decisions']:,}</td><td>{percent(part['said'])}</td>"
        f"<td>{percent(part['happened'])}</td><td>{percent(part['threshold'])}</td>"
        f"<td>{percent(part['false_high'])}</td><td>{percent(part['false_low'])}</td></tr>"
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
        + figure(curve, "What a threshold costs: left, fewer wanted rows put low; down, fewer put high in vain.")
        + figure(
            costs, "How often each mistake is made as the knob turns: the cost of a false high beside a false low."
        )
        + "</div>"
        "<table><thead><tr><th>device</th><th>sessions</th><th>said to go on</th><th>went on</th>"
        "<th>threshold there</th><th>high in vain</th><th>low though wanted</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def serving(report: Mapping[str, Any]) -> str:
    """Processor time of each model beside what it gains."""
    serving = report["serving"]
    judged = report["folds"] or report["time_split"]
    order, going_on, play = judged["order"], judged["continuation"], judged["play_probability"]
    us = serving["role_us_at_20"]
    gains = (
        ("order", us["ranker"], f"MRR {number(order['recency']['mrr'])} → {number(order['model']['mrr'])}"),
        (
            "play probability",
            us["play_probability"],
            f"log-loss of a play {number(play['log_loss_of_base_rate'])} → {number(play['log_loss'])}",
        ),
        (
            "continuation",
            us["continuation"],
            f"log-loss of going on {number(going_on['product']['log_loss'])} → "
            f"{number(going_on['classifier']['log_loss'])}, AUC {number(going_on['product']['auc'])} → "
            f"{number(going_on['classifier']['auc'])}",
        ),
    )
    rows = "".join(f"<tr><td>{name}</td><td>{cost:.1f}</td><td>{gain}</td></tr>" for name, cost, gain in gains)
    chart = ""
    if serving["curve"]:
        caption = (
            "Trees of the ranker: what more of them gain on later sessions, and what they cost. Numbers are trees."
        )
        chart = figure(figures.trees(serving["curve"]), caption, "half")
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
