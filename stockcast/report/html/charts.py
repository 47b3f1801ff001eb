"""Charts: each makes a `Chart` from results, and knows nothing of the page.

On the fan, sessions stand side by side, one unit apart: a weekend takes no room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from stockcast.evaluation.verdict import display
from stockcast.report.html.figure import INK, MUTED, NETWORK, PAPER, RIVAL, RULE, TEXT, THIRD, Chart, points
from stockcast.report.tables import count, percent, price

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from stockcast.evaluation.calibration import GroupCoverage, Uniformity
    from stockcast.evaluation.scores import ForecastRows
    from stockcast.evaluation.skillpath import SkillPath
    from stockcast.evaluation.verdict import FoldSummary
    from stockcast.models.ensemble import LossCurve
    from stockcast.prices.history import Floats
    from stockcast.results import FanStep, Report

# Price and fan: the newest closes, the interval that the network gave each a session before, what comes next.

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
        ax.yaxis.set_major_formatter(lambda value, _: _axis_price(value))
        if report.fan:
            _label_fan(ax, report.fan[-1], _place(past, report.fan, len(report.fan)), height)
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)

    name = "price-and-fan-narrow" if narrow else "price-and-fan"
    ahead = f" and the forecast of {_next_sessions(len(report.fan))}" if report.fan else ""
    return Chart(name, f"Closes{ahead}", _fan_label(report, past), width, height, draw)


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


def _next_sessions(steps: int) -> str:
    return "the next session" if steps == 1 else f"the next {steps} sessions"


def _axis_price(value: float) -> str:
    """A price on an axis: without decimals that say nothing."""
    return f"{value:,.0f}" if abs(value) >= 1000 or (value == round(value) and abs(value) >= 10) else f"{value:,.5g}"


def _fan_label(report: Report, past: _Past) -> str:
    closes = f"Closes of {len(past.dates)} sessions, the last {price(float(past.close_N[-1]))}"
    if not report.fan:
        return closes + "."
    step = report.fan[-1]
    return (
        f"{closes}; forecast of {step.target_session}: median {price(step.median)}, with 90 % probability from "
        f"{price(step.quantiles[0.05])} to {price(step.quantiles[0.95])}."
    )


# Skill over time: a line with its confidence band, and zero, where neither competitor is ahead.


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


# Calibration: PITs, quantiles and intervals, with what chance allows right forecasts.


def chance_range(n: int, probability: float, confidence: float = 0.95) -> tuple[float, float]:
    """Both ends of the central range of the share of successes in n independent trials.

    The smallest shares k / n with P(at most k) of at least (1 -+ confidence) / 2: the range holds the share with a
    probability of `confidence` or more. Binomial; shares, 0 .. 1.
    """
    from scipy.special import bdtr

    below_K = bdtr(np.arange(n + 1), n, probability)
    low, high = np.searchsorted(below_K, [0.5 * (1.0 - confidence), 0.5 * (1.0 + confidence)])
    return int(low) / n, min(int(high), n) / n


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


# Folds on one time line, and how the members of an ensemble learnt and where each was stopped.

_PARTS = (("train", RULE), ("validation", THIRD), ("test", NETWORK))
_EPOCH = date(1970, 1, 1).toordinal()  # matplotlib counts days from there
_LABELS = 20
"""More folds than that are not numbered one by one."""


def folds_chart(folds: Sequence[FoldSummary], narrow: bool = False) -> Chart:
    """A bar for each fold, the first on top."""
    thick = max(4.0, min(16.0, 420.0 / len(folds)))

    def draw(ax: Axes) -> None:
        for part, colour in _PARTS:
            first = [getattr(fold, part)[0].toordinal() - _EPOCH for fold in folds]
            last = [getattr(fold, part)[1].toordinal() + 1 - _EPOCH for fold in folds]
            spans = [end - begin for begin, end in zip(first, last, strict=True)]
            ax.barh(range(len(folds)), spans, left=first, height=0.68, color=colour, label=part)
        ax.xaxis_date()
        year_axis(ax)
        ax.grid(False)
        stride = -(-len(folds) // _LABELS)
        ax.set_yticks(range(0, len(folds), stride), [str(fold.number) for fold in folds[::stride]])
        ax.set_ylim(len(folds) - 0.4, -0.6)
        ax.tick_params(axis="y", colors=INK)
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)

    label = f"{count(len(folds), 'fold')}, forecasting {folds[0].test[0]} to {folds[-1].test[1]}."
    height = round(70 + thick * len(folds))
    name, width = ("folds-narrow", 430) if narrow else ("folds", 920)
    return Chart(name, "Folds", label, width, height, draw)


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

    label = f"{title}: {len(folds)} folds."
    return Chart(f"losses-{cell}-folds", title, label, 430, 290, draw)


def was_validated(curves: Sequence[LossCurve]) -> bool:
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
