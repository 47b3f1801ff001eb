"""The section of skill over time: against each baseline, window by window, with what chance allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stockcast.evaluation.skillpath import Skill, skill, skill_path
from stockcast.evaluation.verdict import display
from stockcast.report import backtest
from stockcast.report.html import charts
from stockcast.report.html.page import Drawing, Figures, Grid, Prose, Section
from stockcast.report.html.records import Pair, network_rows, one_step, paired
from stockcast.report.tables import Column, Table, gain, p_value, percent

if TYPE_CHECKING:
    from stockcast.results import Report

_WINDOW, _FIRST = 250, 60  # sessions of a window of skill, and before the first one
_POINTS = 200  # of a curve: more cannot be told apart, and make the page heavy


class _Versus(NamedTuple):
    """The network against a baseline: over all sessions, over the newest window, and how often it was ahead in one."""

    baseline: str
    whole: Skill
    p: float | None
    newest: Skill | None
    ahead: float | None


def skill_section(report: Report) -> Section | None:
    """None where there are too few forecasts to follow."""
    rows, records = network_rows(report), one_step(report)
    if rows is None:
        return None
    baselines = {score.model for score in report.result.scores_at(1) if score.kind == "baseline"}
    pairs = {name: paired(rows, records[name]) for name in records if name in baselines}
    pairs = {name: pair for name, pair in pairs.items() if len(pair.loss_N) >= _FIRST}
    if not pairs:
        return None
    rolling = all(len(pair.loss_N) >= 2 * _WINDOW for pair in pairs.values())
    shown = dict.fromkeys((report.result.verdict.strongest_baseline, backtest.GARCH, "random-walk", "har-t"))
    drawings = tuple(_skill_drawing(name, pairs[name], rolling, report) for name in shown if name in pairs)
    p = {c.baseline: c.dm_p for c in report.result.comparisons_at(1) if c.model == report.result.network}
    versus = sorted((_versus(name, pair, p.get(name)) for name, pair in pairs.items()), key=lambda v: v.whole.value)
    table = Table(_VERSUS, tuple(versus), f"Skill of the {display(report.result.network)} over each baseline")
    window = f"the {_WINDOW} sessions before each date" if rolling else "all sessions up to each date"
    words = (
        f"One less the ratio of mean CRPS to the baseline's, over {window}. The band is a 90 % confidence interval for "
        "each window by itself: where zero is inside, the window alone tells nobody apart. Scales differ."
    )
    elements = (Prose(words), Figures(drawings), Grid(table), Prose(table.notes, "quiet"))
    return Section("skill", "Skill over time", elements)


def _skill_drawing(name: str, pair: Pair, rolling: bool, report: Report) -> Drawing:
    every = max(1, len(pair.loss_N) // _POINTS)
    path = skill_path(pair.loss_N, pair.baseline_N, _WINDOW if rolling else None, _FIRST, every)
    strongest = name == report.result.verdict.strongest_baseline
    title = f"Skill over {display(name)}" + (", the strongest baseline" if strongest else "")
    return Drawing(charts.skill_chart(f"skill-over-{name}", title, pair.sessions_N[path.rows_P], path), "")


def _versus(name: str, pair: Pair, p: float | None) -> _Versus:
    whole = skill(pair.loss_N, pair.baseline_N)
    if len(pair.loss_N) < _WINDOW:
        return _Versus(name, whole, p, None, None)
    ahead = np.convolve(pair.baseline_N - pair.loss_N, np.ones(_WINDOW), "valid") > 0.0
    newest = skill(pair.loss_N[-_WINDOW:], pair.baseline_N[-_WINDOW:])
    return _Versus(name, whole, p, newest, float(np.mean(ahead)))


def _bounds(found: Skill) -> str:
    return f"{gain(found.low)} .. {gain(found.high)}"


_VERSUS: tuple[Column[_Versus], ...] = (
    Column("baseline", lambda v: v.baseline),
    Column("skill", lambda v: v.whole.value, gain),
    Column(
        "90 % confidence",
        lambda v: v.whole,
        _bounds,
        "Confidence: delta method with the Newey-West variance of 10 lags.",
    ),
    Column("p", lambda v: v.p, p_value, "p: one-sided Diebold-Mariano test over all forecasts."),
    Column(f"last {_WINDOW} sessions", lambda v: v.newest and v.newest.value, gain),
    Column("90 % confidence", lambda v: v.newest, _bounds),
    Column(
        "windows ahead",
        lambda v: v.ahead,
        lambda share: percent(share, 0),
        f"Windows ahead: share of all windows of {_WINDOW} sessions in which the network had the lower CRPS.",
    ),
)
