"""Reliability: how often outcomes stayed below each quantile, less how often they should have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stockcast.evaluation.verdict import display
from stockcast.report.html.figure import Chart, points
from stockcast.report.html.palette import INK, MUTED, NETWORK, RIVAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from stockcast.results.training import ForecastRows


def reliability_chart(network: ForecastRows, baseline: ForecastRows | None) -> Chart:
    """Observed less nominal share for the 99 percentiles, with the 95 % band of right and independent forecasts."""
    levels = np.arange(1, 100) / 100
    n = len(network.realised_return)
    margin = 1.96 * np.sqrt(levels * (1.0 - levels) / n)
    error = observed(network) - levels

    def draw(ax: Axes) -> None:
        ax.fill_between(levels, -margin, margin, color=MUTED, alpha=0.2, linewidth=0.0)
        ax.axhline(0.0, color=INK, linewidth=0.9)
        if baseline is not None:
            ax.plot(levels, observed(baseline) - levels, color=RIVAL, linewidth=1.3, label=display(baseline.model))
        ax.plot(levels, error, color=NETWORK, label=display(network.model))
        ax.set_xlim(0.0, 1.0)
        ax.xaxis.set_major_formatter(lambda value, _: f"{100.0 * value:.0f} %")
        ax.yaxis.set_major_formatter(lambda value, _: points(value, ""))
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)

    worst = int(np.argmax(np.abs(error)))
    label = (
        f"Observed less nominal share of outcomes below each quantile: at most {100 * abs(error[worst]):.1f} "
        f"percentage points, at {100 * levels[worst]:.0f} %."
    )
    return Chart("reliability", "Observed less nominal share, in points", label, 430, 270, draw)


def observed(rows: ForecastRows) -> NDArray[np.float64]:
    """Share of outcomes of at most each of the 99 quantiles, [Q]."""
    share_Q: NDArray[np.float64] = np.mean(rows.realised_return[:, None] <= rows.quantiles_NQ, axis=0)
    return share_Q
