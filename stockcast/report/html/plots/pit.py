"""PIT: how often outcomes fell into each tenth of the forecast distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.report.figures import percent
from stockcast.report.html.figure import Chart
from stockcast.report.html.palette import INK, MUTED, NETWORK
from stockcast.report.html.plots.chance import chance_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from stockcast.results.calibration import Uniformity


def pit_chart(pit: Uniformity) -> Chart:
    """The histogram of PITs, and the band in which 95 % of the bars are where forecasts are right and independent."""
    bins = len(pit.counts)
    shares = [count / pit.n for count in pit.counts]
    low, high = chance_range(pit.n, 1.0 / bins)

    def draw(ax: Axes) -> None:
        left = [place / bins for place in range(bins)]
        ax.bar(left, shares, width=0.92 / bins, align="edge", color=NETWORK, alpha=0.75)
        ax.axhspan(low, high, color=MUTED, alpha=0.28, zorder=2.5)
        ax.axhline(1.0 / bins, color=INK, linewidth=0.9, zorder=2.6)
        ax.set_xlim(-0.01, 1.01)
        ax.set_ylim(0.0, 1.15 * max(*shares, high))
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:.1f}")
        ax.yaxis.set_major_formatter(lambda value, _: f"{100.0 * value:.0f} %")
        ax.set_title("share of outcomes")

    label = (
        f"Shares of outcomes in {bins} equal parts of the forecast: {percent(min(shares))} to {percent(max(shares))}, "
        f"{percent(1.0 / bins)} expected."
    )
    return Chart("pit", "Where outcomes fell in the forecast (PIT)", label, 430, 270, draw)
