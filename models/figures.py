"""The report's figures, as SVG text to stand inside a page."""

import io
import re
from typing import Any, Final

import matplotlib as mpl

mpl.use("svg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

MODEL_COLOUR: Final = "#b3152a"
RECENCY_COLOUR: Final = "#6b7280"
LABELS: Final = 6  # dates under the figure over time
_STYLE: Final = {
    "svg.fonttype": "none",  # letters stay letters: small files, and the page's own font
    "svg.hashsalt": "continue-watching",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.axisbelow": True,
    "figure.constrained_layout.use": True,
}


def over_time(figure: dict[str, Any]) -> str:
    """Precision at 1 of model and recency, a point a period."""
    with mpl.rc_context(_STYLE):
        chart, axes = _chart(9.0, 3.6)
        points = figure["points"]
        for name, colour in (("model", MODEL_COLOUR), ("recency", RECENCY_COLOUR)):
            axes.plot([100 * point[name] for point in points], color=colour, label=name, marker="o", markersize=3)
        shown = sorted({round(at * (len(points) - 1) / (LABELS - 1)) for at in range(LABELS)})
        axes.set_xticks(shown, [points[at]["day"] for at in shown])
        axes.set_ylabel("right show first, % of sessions")
        _legend(axes)
        return _svg(chart)


def bars(parts: list[dict[str, Any]], label: str) -> str:
    """Precision at 1 of model and recency in each part, the number of decisions under its name."""
    with mpl.rc_context(_STYLE):
        chart, axes = _chart(4.4, 2.9)
        places = range(len(parts))
        for shift, name, colour in ((-0.2, "recency", RECENCY_COLOUR), (0.2, "model", MODEL_COLOUR)):
            axes.bar([p + shift for p in places], [100 * part[name] for part in parts], 0.38, color=colour, label=name)
        axes.set_xticks(list(places), [f"{part['part']}\n{part['decisions']:,}" for part in parts], fontsize=8)
        axes.set_xlabel(label)
        axes.set_ylabel("right show first, %")
        lowest = min((min(part["model"], part["recency"]) for part in parts), default=0)
        axes.set_ylim(max(0, 100 * lowest - 15), 100)
        _legend(axes)
        return _svg(chart)


def calibration(curves: dict[str, list[dict[str, Any]]]) -> str:
    """What was said against what happened; a point's size says how often."""
    with mpl.rc_context(_STYLE):
        chart, axes = _chart(4.4, 3.4)
        axes.plot([0, 100], [0, 100], color="#9ca3af", linewidth=1)
        for (name, bins), colour in zip(curves.items(), (MODEL_COLOUR, "#1d4ed8", RECENCY_COLOUR), strict=False):
            total = sum(b["count"] for b in bins) or 1
            x, y = [100 * b["probability"] for b in bins], [100 * b["share"] for b in bins]
            axes.plot(x, y, color=colour, linewidth=1, label=name)
            axes.scatter(x, y, s=[10 + 300 * b["count"] / total for b in bins], color=colour, alpha=0.6)
        axes.set_xlabel("probability said, %")
        axes.set_ylabel("happened, %")
        axes.legend(frameon=False, loc="upper left", fontsize=8)
        return _svg(chart)


def trade_off(curve: list[dict[str, float]], chosen: float) -> str:
    """False highs against false lows as the threshold moves, the chosen one marked."""
    with mpl.rc_context(_STYLE):
        chart, axes = _chart(4.4, 3.4)
        axes.plot([100 * p["false_low"] for p in curve], [100 * p["false_high"] for p in curve], color=MODEL_COLOUR)
        at = min(curve, key=lambda p: abs(p["threshold"] - chosen))
        axes.scatter([100 * at["false_low"]], [100 * at["false_high"]], color=MODEL_COLOUR, zorder=3)
        axes.annotate(
            f"threshold {at['threshold']:.2f}",
            (100 * at["false_low"], 100 * at["false_high"]),
            textcoords="offset points",
            xytext=(8, 6),
        )
        axes.set_xlabel("sessions that went on, row put low, %")
        axes.set_ylabel("sessions with something new,\nrow put high, %")
        return _svg(chart)


def costs(points: list[dict[str, float]], chosen: float) -> str:
    """Share of false highs and false lows against the knob, a false high's cost beside a false low's."""
    with mpl.rc_context(_STYLE):
        chart, axes = _chart(4.4, 3.4)
        x = [point["cost"] for point in points]
        series = (("false_high", "high in vain", MODEL_COLOUR), ("false_low", "low though wanted", "#1d4ed8"))
        for key, label, colour in series:
            axes.plot(x, [100 * point[key] for point in points], color=colour, label=label)
        axes.axvline(chosen, color="#9ca3af", linewidth=1)
        axes.set_xscale("log")
        axes.set_xlabel("cost of a false high (false low: 1)")
        axes.set_ylabel("of all sessions, %")
        axes.legend(frameon=False, fontsize=8)
        return _svg(chart)


def groups(parts: list[dict[str, Any]]) -> str:
    """What is lost without each group, the largest at the top."""
    with mpl.rc_context(_STYLE):
        chart, axes = _chart(4.8, 0.32 * len(parts) + 0.9)
        places = range(len(parts), 0, -1)
        axes.barh(list(places), [100 * part["lost"] for part in parts], 0.6, color=MODEL_COLOUR)
        for place, part in zip(places, parts, strict=True):
            if part["lost_interval"] is not None:
                axes.plot(
                    [100 * bound for bound in part["lost_interval"]], [place, place], color="#111827", linewidth=1
                )
        axes.set_yticks(list(places), [part["group"] for part in parts])
        axes.set_xlabel("MRR lost without it, points of 100")
        return _svg(chart)


def trees(points: list[dict[str, Any]]) -> str:
    """MRR against microseconds a decision, a point a number of trees."""
    with mpl.rc_context(_STYLE):
        chart, axes = _chart(4.8, 3.2)
        x, y = [point["us_at_20"] for point in points], [point["mrr"] for point in points]
        axes.plot(x, y, color=MODEL_COLOUR, marker="o", markersize=4)
        for point in points:
            axes.annotate(
                str(point["trees"]),
                (point["us_at_20"], point["mrr"]),
                textcoords="offset points",
                xytext=(4, -11),
                fontsize=8,
            )
        axes.set_xlabel("µs a decision of 20 candidates")
        axes.set_ylabel("MRR")
        return _svg(chart)


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=9)


def _chart(width: float, height: float) -> tuple[Figure, Axes]:
    chart = Figure(figsize=(width, height))
    return chart, chart.add_subplot()


def _svg(chart: Figure) -> str:
    buffer = io.StringIO()
    chart.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # Several figures stand in one page: give each its own ids.
    mark = f"f{abs(hash(text)) % 10**8}-"
    text = re.sub(r'\bid="', f'id="{mark}', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{mark}", text)
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
