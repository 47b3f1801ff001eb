"""Calibration: whether the probabilities are what they say, as a whole, by quantile, by volatility and by year."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.report.figures import basis_points, count, p_value, percent
from stockcast.report.html.blocks import Block, DataTable, Drawing, Figures, Prose, Section
from stockcast.report.html.plots.coverage import coverage_chart
from stockcast.report.html.plots.pit import pit_chart
from stockcast.report.html.plots.reliability import reliability_chart
from stockcast.report.html.records import network_rows, strongest_rows
from stockcast.report.page import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stockcast.results.calibration import Calibration, CalibrationEffect, CoverageTable
    from stockcast.results.report import Report

_FEWEST = 10
"""Of fewer, the share says nothing, and would stretch the chart of those that do."""

_EFFECTS = (
    Column("calibration", right=False),
    Column("in 90 %"),
    Column("worst year"),
    Column("mean error by year"),
    Column("worst tenth"),
    Column("mean error by tenth"),
    Column("score 90 %"),
)


def calibration_section(report: Report) -> Section | None:
    """None without a calibration and without forecasts to see it from."""
    blocks: list[Block] = []
    known = report.result.calibration
    if known is not None:
        blocks.append(Prose(_words(known)))
    drawings = (*_drawings(report), *(_groups(known) if known is not None else ()))
    if drawings:
        blocks.append(Figures(drawings))
    if report.result.calibrated:
        blocks += [_effects(report.result.calibrated), Prose(_EFFECTS_NOTE, "quiet")]
    return Section("calibration", "Calibration", tuple(blocks)) if blocks else None


_EFFECTS_NOTE = (
    "What two methods of calibration, learning from settled forecasts alone, would have made of the network's 90 % "
    "intervals. Errors in percentage points of coverage; score: mean interval score in basis points of the log return, "
    "lower is better."
)


def _words(known: Calibration) -> str:
    tests, pit = known.coverage, known.uniformity
    return (
        f"90 % intervals held {percent(tests.coverage)} of {count(tests.n, 'outcome')} (Kupiec's test of that share: "
        f"p {p_value(tests.kupiec_p)}; Christoffersen's, of misses that do not foretell one another: "
        f"p {p_value(tests.independence_p)}). PIT: Berkowitz p {p_value(pit.berkowitz_p)}, Kolmogorov-Smirnov "
        f"p {p_value(pit.ks_p)}, chi-square p {p_value(pit.chi2_p)}. A small p speaks against the probabilities."
    )


def _drawings(report: Report) -> tuple[Drawing, ...]:
    known, rows = report.result.calibration, network_rows(report)
    found = []
    if known is not None and known.uniformity.n and known.uniformity.counts:
        note = "Level bars are right. Shaded: where 95 % of the bars would lie if the forecasts were right."
        found.append(Drawing(pit_chart(known.uniformity), note))
    if rows is not None:
        note = "For each quantile; zero is right. Above: outcomes are below it too often. Shaded: 95 % by chance."
        found.append(Drawing(reliability_chart(rows, strongest_rows(report)), note))
    return tuple(found)


def _groups(known: Calibration) -> tuple[Drawing, ...]:
    nominal = known.coverage.nominal
    words = f"{percent(nominal, 0)} intervals that held"
    parts = (
        ("coverage-by-decile", f"{words}, by tenth of volatility", known.by_decile, _DECILES),
        ("coverage-by-year", f"{words}, by year", known.by_year, _YEARS),
    )
    found = []
    for name, title, table, note in parts:
        groups = [group for group in table.groups if group.n >= _FEWEST]
        left_out = "" if len(groups) == len(table.groups) else f" Groups of fewer than {_FEWEST} are left out."
        if groups:
            found.append(Drawing(coverage_chart(name, title, groups, nominal), note + left_out))
    return tuple(found)


_CHANCE = "Bars: where 95 % of the dots would lie by chance."
_DECILES = f"0 is the calmest tenth, as ranked among the stock's own past, 9 the wildest. {_CHANCE}"
_YEARS = f"By target session. {_CHANCE}"


def _effects(found: Sequence[CalibrationEffect]) -> DataTable:
    rows = tuple(
        (
            effect.method,
            percent(effect.coverage_90, 2),
            _worst(effect.by_year),
            _points(effect.by_year),
            _worst(effect.by_decile),
            _points(effect.by_decile),
            basis_points(effect.interval_score_90, 1),
        )
        for effect in found
    )
    return DataTable("The intervals before and after calibration", _EFFECTS, rows)


def _worst(table: CoverageTable) -> str:
    return "-" if table.worst is None else f"{table.worst.group}: {percent(table.worst.coverage)}"


def _points(table: CoverageTable) -> str:
    return percent(table.mean_error, 2).removesuffix(" %")
