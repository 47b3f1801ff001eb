"""Coverage by group: how often the interval held, group by group, beside what chance allows a right one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.report.html.figure import Chart
from stockcast.report.html.palette import INK, MUTED, NETWORK
from stockcast.report.html.plots.chance import chance_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from stockcast.results.calibration import GroupCoverage

_MOST_LABELS = 12


def coverage_chart(name: str, title: str, groups: Sequence[GroupCoverage], nominal: float) -> Chart:
    """A dot for each group's coverage, over the range in which 95 % of the groups are where the interval is right."""

    def draw(ax: Axes) -> None:
        x = range(len(groups))
        low, high = zip(*(chance_range(group.n, nominal) for group in groups), strict=True)
        wide = min(14.0, 250.0 / len(groups))
        ax.vlines(x, low, high, color=MUTED, alpha=0.28, linewidth=wide)
        ax.axhline(nominal, color=INK, linewidth=0.9)
        ax.plot(x, [group.coverage for group in groups], linestyle="none", marker="o", markersize=7.0, color=NETWORK)
        stride = -(-len(groups) // _MOST_LABELS)
        ax.set_xticks(list(x)[::stride], _short([group.group for group in groups])[::stride])
        ax.set_xlim(-0.7, len(groups) - 0.3)
        ax.yaxis.set_major_formatter(lambda value, _: f"{100.0 * value:.0f} %")

    worst = max(groups, key=lambda group: abs(group.error))
    label = f"{title}: furthest off {worst.group}, {100 * worst.coverage:.1f} % of {worst.n}."
    return Chart(name, title, label, 430, 250, draw)


def _short(labels: Sequence[str]) -> list[str]:
    """Years as two digits where there are many."""
    years = all(len(label) == 4 and label.isdigit() for label in labels)
    return [f"’{label[2:]}" for label in labels] if years and len(labels) > 7 else list(labels)  # noqa: RUF001 - an apostrophe
