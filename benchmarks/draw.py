"""The curves of docs/performance.md, of the results of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "odpsmodel", "font.size": 9})
from matplotlib import pyplot  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402

Results = list[dict[str, Any]]


def draw(results: Results, path: Path) -> None:
    """Four panels in an SVG: the cycle, growth in two shapes, hostile texts."""
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 8), layout="constrained")
    _bars(axes[0, 0], results)
    _growth(axes[0, 1], results, "one model")
    _growth(axes[1, 0], results, "many models")
    _hostile(axes[1, 1], results)
    figure.savefig(path, metadata={"Date": None})


def _bars(axes: Axes, results: Results) -> None:
    found = [r for r in results if r["contest"].startswith("create, add")][::-1]
    colors = ["tab:blue" if r["name"].startswith(("driver", "engine")) else "tab:gray" for r in found]
    bars = axes.barh([r["name"] for r in found], [r["ratio"] for r in found], color=colors)
    axes.bar_label(bars, fmt="%.1f", padding=2)
    axes.set(title="Five durable statements, raw sqlite3 = 1", xscale="log", xlabel="times")
    axes.margins(x=0.2)


def _growth(axes: Axes, results: Results, shape: str) -> None:
    for contest in dict.fromkeys(r["contest"] for r in results if r["contest"].endswith(f", {shape}")):
        statement = contest.removesuffix(f", {shape}")
        if statement.startswith("bytes"):
            continue
        color = None
        for who, style in (("ours", "-"), ("raw", "--")):
            lines = [r for r in results if r["contest"] == contest and r["name"].startswith(who)]
            sizes = [int(r["name"].partition(", ")[2].replace(",", "")) for r in lines]
            (line,) = axes.plot(
                sizes,
                [r["median"] * 1e6 for r in lines],
                style,
                color=color,
                marker="o",
                markersize=3,
                label=statement if who == "ours" else None,
            )
            color = line.get_color()
    axes.set(title=f"By versions, {shape} (dashed: raw sqlite3)", xscale="log", yscale="log")
    axes.set(xlabel="versions", ylabel="µs", ylim=(10, 1000))
    axes.legend(fontsize=7)


def _hostile(axes: Axes, results: Results) -> None:
    kinds = [r["contest"] for r in results if r["contest"].startswith("hostile: ")]
    for kind in dict.fromkeys(kinds):
        lines = [r for r in results if r["contest"] == kind]
        sizes = [int(r["name"].split()[0].replace(",", "")) for r in lines]
        label = kind.removeprefix("hostile: ")
        axes.plot(sizes, [r["median"] * 1e3 for r in lines], marker="o", markersize=3, label=label)
    axes.set(title="Refusing hostile texts", xlabel="characters", ylabel="ms", xscale="log", yscale="log")
    axes.legend(fontsize=7)
