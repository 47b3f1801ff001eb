"""Losses: how the members of an ensemble learnt, and where each was stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from stockcast.report.html.figure import Chart
from stockcast.report.html.palette import INK, MUTED, NETWORK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from stockcast.results.training import LossCurve


def losses_chart(cell: str, title: str, curves: Sequence[LossCurve]) -> Chart:
    """Training and validation loss of each member by gradient step; dots: the steps whose weights were kept."""

    def draw(ax: Axes) -> None:
        for place, curve in enumerate(curves):
            training, validation = _values(curve.training), _values(curve.validation)
            first = place == 0
            ax.plot(curve.steps, training, color=MUTED, linewidth=1.0, label="training" if first else None)
            if np.isfinite(validation).any():
                ax.plot(curve.steps, validation, color=NETWORK, linewidth=1.4, label="validation" if first else None)
            if curve.chosen in curve.steps:
                kept = curve.steps.index(curve.chosen)
                height = validation[kept] if np.isfinite(validation[kept]) else training[kept]
                ax.plot(
                    [curve.chosen], [height], linestyle="none", marker="o", markersize=6.0, markerfacecolor=INK,
                    markeredgecolor=PAPER, label="kept" if first else None, zorder=3.0,
                )  # fmt: skip
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)
        ax.set_xlabel("gradient steps")
        ax.xaxis.label.set_color(MUTED)

    kept = ", ".join(str(curve.chosen) for curve in curves)
    return Chart(f"losses-{cell}", title, f"{title}. Steps kept: {kept}.", 430, 290, draw)


def fold_losses_chart(cell: str, title: str, folds: Sequence[tuple[int, Sequence[LossCurve]]]) -> Chart:
    """The mean validation loss of each fold's members, less its value before the first step; the last fold in bold."""

    def draw(ax: Axes) -> None:
        ax.axhline(0.0, color=INK, linewidth=0.9)
        for number, curves in folds:
            newest = number == folds[-1][0]
            steps, gain = _mean_gain(curves)
            ax.plot(
                steps, gain, color=NETWORK if newest else MUTED, linewidth=1.8 if newest else 0.9,
                alpha=1.0 if newest else 0.7, label=f"fold {number}" if newest else None, zorder=3.0 if newest else 2.0,
            )  # fmt: skip
        ax.plot([], [], color=MUTED, linewidth=0.9, label="earlier folds")
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
        ax.set_xlabel("gradient steps")
        ax.xaxis.label.set_color(MUTED)

    label = f"{title}: {len(folds)} folds."
    return Chart(f"losses-{cell}-folds", title, label, 430, 290, draw)


def learnt(curves: Sequence[LossCurve]) -> bool:
    """Whether a validation loss was looked at, so that there is something to compare."""
    return any(np.isfinite(_values(curve.validation)).sum() > 1 for curve in curves)


def _mean_gain(curves: Sequence[LossCurve]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps that all members have looked at, and the mean over members of what their loss had changed by then."""
    steps = np.array(sorted(set.intersection(*(set(curve.steps) for curve in curves))), dtype=np.float64)
    rows = []
    for curve in curves:
        known = dict(zip(curve.steps, _values(curve.validation), strict=True))
        values = np.array([known[int(step)] for step in steps])
        rows.append(values - values[0])
    return steps, np.mean(rows, axis=0)


def _values(losses: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if loss is None else loss for loss in losses], dtype=np.float64)
