"""Skill over time: against each baseline, window by window, with what chance allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stockcast.evaluation.skillpath import Skill, skill, skill_path
from stockcast.evaluation.verdict import display
from stockcast.report.figures import UNKNOWN, p_value, percent
from stockcast.report.html.blocks import DataTable, Drawing, Figures, Prose, Section
from stockcast.report.html.plots.skill import skill_chart
from stockcast.report.html.records import Pair, network_rows, one_step, paired
from stockcast.report.page import Column

if TYPE_CHECKING:
    from stockcast.results.report import Report

_WINDOW = 250
_FIRST = 60
_POINTS = 200
"""More points than that cannot be told apart in a chart, and make the page heavy."""

_OTHERS = ("garch-t", "random-walk", "har-t")
_COLUMNS = (
    Column("baseline", right=False),
    Column("skill"),
    Column("90 % confidence"),
    Column("p"),
    Column("last 250 sessions"),
    Column("90 % confidence"),
    Column("windows ahead"),
)


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
    shown = dict.fromkeys((report.result.verdict.strongest_baseline, *_OTHERS))
    drawings = tuple(_drawing(name, pairs[name], rolling, report) for name in shown if name in pairs)
    table = DataTable(
        f"Skill of the {display(report.result.network)} over each baseline", _COLUMNS, _rows(report, pairs)
    )
    return Section(
        "skill", "Skill over time", (Prose(_words(rolling)), Figures(drawings), table, Prose(_NOTE, "quiet"))
    )


_NOTE = (
    "Confidence: delta method with the Newey-West variance of 10 lags. p: one-sided Diebold-Mariano test over all "
    "forecasts. Windows ahead: share of all windows of 250 sessions in which the network had the lower CRPS."
)


def _words(rolling: bool) -> str:
    window = f"the {_WINDOW} sessions before each date" if rolling else "all sessions up to each date"
    return (
        f"One less the ratio of mean CRPS to the baseline's, over {window}. The band is a 90 % confidence interval for "
        "each window by itself: where zero is inside, the window alone tells nobody apart. Scales differ."
    )


def _drawing(name: str, pair: Pair, rolling: bool, report: Report) -> Drawing:
    every = max(1, len(pair.loss_N) // _POINTS)
    path = skill_path(pair.loss_N, pair.baseline_N, _WINDOW if rolling else None, _FIRST, every)
    strongest = name == report.result.verdict.strongest_baseline
    title = f"Skill over {display(name)}" + (", the strongest baseline" if strongest else "")
    return Drawing(skill_chart(f"skill-over-{name}", title, pair.sessions_N[path.rows_P], path), "")


def _rows(report: Report, pairs: dict[str, Pair]) -> tuple[tuple[str, ...], ...]:
    p = {c.baseline: c.dm_p for c in report.result.comparisons_at(1) if c.model == report.result.network}
    whole = {name: skill(pair.loss_N, pair.baseline_N) for name, pair in pairs.items()}
    found = []
    for name in sorted(pairs, key=lambda name: whole[name].value):
        pair = pairs[name]
        found.append((name, *_skill_cells(whole[name]), p_value(p.get(name)), *_last(pair)))
    return tuple(found)


def _last(pair: Pair) -> tuple[str, str, str]:
    """The newest window, and in how many of all windows the network had the lower mean."""
    if len(pair.loss_N) < _WINDOW:
        return UNKNOWN, UNKNOWN, UNKNOWN
    ahead = np.convolve(pair.baseline_N - pair.loss_N, np.ones(_WINDOW), "valid") > 0.0
    newest = skill(pair.loss_N[-_WINDOW:], pair.baseline_N[-_WINDOW:])
    return *_skill_cells(newest), percent(float(np.mean(ahead)), 0)


def _skill_cells(found: Skill) -> tuple[str, str]:
    bounds = f"{percent(found.low, 2, signed=True)} .. {percent(found.high, 2, signed=True)}"
    return percent(found.value, 2, signed=True), bounds
