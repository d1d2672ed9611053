"""The similarity map as a picture: points by category, names of clusters at their centres, views side by side."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

# Ten hues that stay apart on a dark ground; then what is none of the ten commonest.
COLOURS: Final = (
    "#5aa9ff", "#f2b632", "#ff7a6b", "#4ccb8a", "#c58cff", "#f07fc0", "#5ed3d9", "#b9d24c", "#ff9f4a", "#9aa7ff",
)  # fmt: skip
OTHER: Final = "#4a5263"
GROUND: Final = "#0d0f15"
INK: Final = "#eceef3"
NAMED: Final = 14  # clusters named on one map, the largest
SIDE: Final = 9.0  # inches


def draw(made: Mapping[str, Any], views: Sequence[str], path: Path) -> None:
    """Writes a PNG of these views of what `map_file.make` made."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    names, main = main_categories(made)
    figure = Figure(figsize=(SIDE * len(views), SIDE + 1), dpi=110, facecolor=GROUND)
    FigureCanvasAgg(figure)
    palette = np.array([*COLOURS[: len(names)], OTHER])
    for number, view in enumerate(views):
        axes = figure.add_axes((number / len(views), 0.1, 1 / len(views), 0.84), facecolor=GROUND)
        _points(axes, made["views"][view], main, palette)
        axes.set_title(f"by {view}", color=INK, fontsize=15)
    handles = [
        Line2D([], [], marker="o", linestyle="", color=colour, label=name)
        for colour, name in zip(palette, [*names, "other"], strict=True)
    ]
    figure.legend(
        handles=handles,
        loc="lower center",
        ncols={1: 4, 2: 6}.get(len(views), 11),
        frameon=False,
        labelcolor=INK,
        fontsize=11,
    )
    figure.savefig(path)


def main_categories(made: Mapping[str, Any]) -> tuple[list[str], np.ndarray[Any, np.dtype[np.int64]]]:
    """The commonest first categories, at most one a colour, and each title's number among them; the last is other."""
    lists = made["facts"].get("categories", {"names": [], "of": [[]] * len(made["titles"]["id"])})
    firsts = [indexes[0] if indexes else -1 for indexes in lists["of"]]
    common = [index for index, _ in Counter(first for first in firsts if first >= 0).most_common(len(COLOURS))]
    number = {index: at for at, index in enumerate(common)}
    return [lists["names"][index] for index in common], np.array([number.get(first, len(common)) for first in firsts])


def short(name: str) -> str:
    """The first two terms of a cluster's name: on a map there is no room for more."""
    return " · ".join(name.split(" · ")[:2])


def _points(axes: Any, view: Mapping[str, Any], main: Any, palette: Any) -> None:
    from matplotlib import patheffects

    x, y = (np.array(view[axis], float) for axis in ("x", "y"))
    size = float(np.clip(30_000 / max(len(x), 1), 2, 40))
    axes.scatter(x, y, s=size, c=palette[main], linewidths=0, alpha=0.8)
    axes.set_axis_off()
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.04)
    width, height = np.nanmax(x) - np.nanmin(x), np.nanmax(y) - np.nanmin(y)
    taken: list[tuple[float, float, float]] = []  # centre and half the width of names drawn
    for cluster in view["clusters"][:NAMED]:
        name = short(cluster["name"])
        at_x, at_y, half = float(x[cluster["middle"]]), float(y[cluster["middle"]]), 0.0055 * len(name) * width
        at_x = float(np.clip(at_x, np.nanmin(x) + half, np.nanmax(x) - half))
        while any(abs(at_y - b) < 0.03 * height and abs(at_x - a) < half + other for a, b, other in taken):
            at_y -= 0.005 * height
        taken.append((at_x, at_y, half))
        halo = [patheffects.withStroke(linewidth=3, foreground=GROUND)]
        axes.text(at_x, at_y, name, color=INK, fontsize=10, ha="center", va="center", weight="bold", path_effects=halo)
