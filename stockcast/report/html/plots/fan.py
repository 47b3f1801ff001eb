"""Price and fan: the newest closes, the interval that the network gave each of them a session before, what comes next.

Sessions stand side by side, one unit apart: a weekend takes no room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stockcast.report.figures import price
from stockcast.report.html.figure import TEXT, Chart
from stockcast.report.html.palette import INK, MUTED, NETWORK, PAPER, RIVAL, RULE

if TYPE_CHECKING:
    from datetime import date

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from stockcast.prices.history import Floats
    from stockcast.results.report import FanStep, Report
    from stockcast.results.training import ForecastRows

_BARS = 4
"""So many steps are drawn as a bar each: a fan of one session among a hundred is too narrow to be seen."""

_APART = 1.2
"""Sessions of room that such bars have before them, or they would look like one more of the past."""

_LABEL_GAP = TEXT + 3.0  # px from one label to the next


@dataclass(frozen=True, eq=False)
class _Past:
    """The newest sessions, and the 90 % interval of each, NaN where the network made none. Arrays [N]."""

    dates: Sequence[date]
    close_N: Floats
    low_N: Floats
    high_N: Floats

    @property
    def missed_N(self) -> NDArray[np.bool_]:
        """Whether the close was outside; false where there is no interval."""
        return (self.close_N < self.low_N) | (self.close_N > self.high_N)


def fan_chart(report: Report, rows: ForecastRows | None, sessions: int, narrow: bool = False) -> Chart:
    """Closes of the last `sessions` sessions with the one-step intervals of `rows`, and the forecast of the report.

    Its width is that of the page, or of a phone.
    """
    past = _past(report, rows, sessions)
    width, height = (430, 330) if narrow else (920, 400)

    def draw(ax: Axes) -> None:
        _draw_past(ax, past)
        if report.fan:
            colour = NETWORK if report.forecaster == report.result.network else RIVAL
            _draw_fan(ax, report.fan, past, colour)
        ax.set_xlim(-1.0, _place(past, report.fan, len(report.fan)) + 1.0)
        ticks = _month_ticks(past.dates, 4 if narrow else 8)
        ax.set_xticks([place for place, _ in ticks], [words for _, words in ticks])
        ax.yaxis.set_major_formatter(lambda value, _: _short(value))
        if report.fan:
            _label_fan(ax, report.fan[-1], _place(past, report.fan, len(report.fan)), height)
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)

    name = "price-and-fan-narrow" if narrow else "price-and-fan"
    ahead = f" and the forecast of {_next(len(report.fan))}" if report.fan else ""
    return Chart(name, f"Closes{ahead}", _label(report, past), width, height, draw)


def misses(report: Report, rows: ForecastRows, sessions: int) -> tuple[int, int]:
    """How many of the last closes were outside their 90 % interval, and of how many that had one."""
    past = _past(report, rows, sessions)
    return int(np.count_nonzero(past.missed_N)), int(np.count_nonzero(np.isfinite(past.low_N)))


def _past(report: Report, rows: ForecastRows | None, sessions: int) -> _Past:
    dates, close_N = report.dates[-sessions:], np.array(report.closes[-sessions:], dtype=np.float64)
    low_N, high_N = np.full(len(dates), np.nan), np.full(len(dates), np.nan)
    if rows is not None and dates:
        wanted = np.array(dates, dtype="datetime64[D]")
        _, place, row = np.intersect1d(wanted, rows.target_sessions.astype("datetime64[D]"), return_indices=True)
        # From each close back to its origin and out again: a split or dividend in between moves neither.
        apart_N2 = rows.quantiles_NQ[row][:, [4, 94]] - rows.realised_return[row, None]
        low_N[place], high_N[place] = (close_N[place, None] * np.exp(apart_N2)).T
    return _Past(dates, close_N, low_N, high_N)


def _draw_past(ax: Axes, past: _Past) -> None:
    x_N = np.arange(len(past.dates))
    if np.isfinite(past.low_N).any():
        ax.fill_between(
            x_N, past.low_N, past.high_N, step="mid", color=NETWORK, alpha=0.16, linewidth=0.0,
            label="90 % interval of the day before",
        )  # fmt: skip
    ax.plot(x_N, past.close_N, color=INK, label="close")
    if past.missed_N.any():
        ax.plot(
            x_N[past.missed_N], past.close_N[past.missed_N], linestyle="none", marker="o", markersize=5.0,
            markerfacecolor=RIVAL, markeredgecolor=PAPER, markeredgewidth=0.8, label="outside",
        )  # fmt: skip


def _draw_fan(ax: Axes, fan: Sequence[FanStep], past: _Past, colour: str) -> None:
    last = len(past.dates) - 1
    x = [_place(past, fan, step) for step in range(1, len(fan) + 1)]
    bounds = {level: [step.quantiles[level] for step in fan] for level in (0.05, 0.25, 0.75, 0.95)}
    medians = [step.median for step in fan]
    ax.axvline(0.5 * (last + x[0]), color=RULE, linewidth=0.8, zorder=0.5)
    if len(fan) <= _BARS:
        for low, high, alpha in ((0.05, 0.95, 0.35), (0.25, 0.75, 0.6)):
            ax.vlines(x, bounds[low], bounds[high], color=colour, alpha=alpha, linewidth=5.0)
        ax.plot(x, medians, linestyle="none", marker="_", markersize=9.0, markeredgewidth=1.8, color=INK)
        return
    close = float(past.close_N[-1])
    for low, high, alpha in ((0.05, 0.95, 0.28), (0.25, 0.75, 0.4)):
        ax.fill_between(
            [last, *x], [close, *bounds[low]], [close, *bounds[high]], color=colour, alpha=alpha, linewidth=0.0
        )
    ax.plot([last, *x], [close, *medians], color=colour, linewidth=1.8)


def _place(past: _Past, fan: Sequence[FanStep], step: int) -> float:
    """Where a step of the fan stands; 0 is the last close."""
    return len(past.dates) - 1 + step + (_APART if fan and len(fan) <= _BARS else 0.0)


def _label_fan(ax: Axes, step: FanStep, x: float, height: int) -> None:
    """The figures of the last step to the right of it, pushed apart where they would touch."""
    low, high = ax.get_ylim()
    gap = (high - low) * _LABEL_GAP / (0.78 * height)  # the axes take about that share of the figure
    middle = step.median
    for level, y, weight in (
        (0.95, max(step.quantiles[0.95], middle + gap), "normal"),
        (0.5, middle, "bold"),
        (0.05, min(step.quantiles[0.05], middle - gap), "normal"),
    ):
        value = step.median if level == 0.5 else step.quantiles[level]
        ax.annotate(
            price(value), (x, y), (8.0, 0.0), textcoords="offset points", va="center", fontweight=weight,
            color=INK if level == 0.5 else MUTED, annotation_clip=False,
        )  # fmt: skip


def _month_ticks(dates: Sequence[date], most: int) -> list[tuple[int, str]]:
    """The first session of each month, or of each second, third, ... one where there are more than `most`."""
    starts = [k for k in range(1, len(dates)) if dates[k].month != dates[k - 1].month]
    stride = max(1, -(-len(starts) // most))
    chosen = starts[::stride]
    words = [f"{dates[k]:%b}\n" for k in chosen]  # two lines each, or they would not stand level
    for place, k in enumerate(chosen):
        if place == 0 or dates[k].year != dates[chosen[place - 1]].year:
            words[place] += f"{dates[k].year}"
    return list(zip(chosen, words, strict=True))


def _next(steps: int) -> str:
    return "the next session" if steps == 1 else f"the next {steps} sessions"


def _short(value: float) -> str:
    """A price on an axis: without decimals that say nothing."""
    return f"{value:,.0f}" if abs(value) >= 1000 or (value == round(value) and abs(value) >= 10) else f"{value:,.5g}"


def _label(report: Report, past: _Past) -> str:
    closes = f"Closes of {len(past.dates)} sessions, the last {price(float(past.close_N[-1]))}"
    if not report.fan:
        return closes + "."
    step = report.fan[-1]
    return (
        f"{closes}; forecast of {step.target_session}: median {price(step.median)}, with 90 % probability from "
        f"{price(step.quantiles[0.05])} to {price(step.quantiles[0.95])}."
    )
