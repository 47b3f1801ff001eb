"""Skill over time: a line with its confidence band, and zero, where neither competitor is ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.report.figures import percent
from stockcast.report.html.figure import Chart, points
from stockcast.report.html.palette import INK, NETWORK

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from stockcast.evaluation.skillpath import SkillPath


def skill_chart(name: str, title: str, sessions_P: NDArray[np.datetime64], path: SkillPath) -> Chart:
    """The path's skill and band at the sessions that its windows end with."""

    def draw(ax: Axes) -> None:
        ax.fill_between(sessions_P, path.low_P, path.high_P, color=NETWORK, alpha=0.18, linewidth=0.0)
        ax.axhline(0.0, color=INK, linewidth=0.9)
        ax.plot(sessions_P, path.skill_P, color=NETWORK)
        year_axis(ax)
        ax.locator_params(axis="y", nbins=5)
        ax.yaxis.set_major_formatter(lambda value, _: points(value))
        ax.set_title("higher: the network is ahead")

    last = f"{percent(path.low_P[-1], 1, signed=True)} to {percent(path.high_P[-1], 1, signed=True)}"
    label = f"{title}: {percent(path.skill_P[-1], 1, signed=True)} at the end, band {last}."
    return Chart(name, title, label, 430, 250, draw)


def year_axis(ax: Axes) -> None:
    """Dates below the axes, few enough for a phone."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call] # as all of its module
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
