"""The page's sections in reading order: what was found, what it rests on, how it was made.

Each makes its part of the page from a report, or None where the report has nothing for it.
"""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stockcast.evaluation.skillpath import skill
from stockcast.evaluation.verdict import LEVEL, display
from stockcast.report import backtest
from stockcast.report.calibration import AGAINST, calibration_words, effects_table, pit_words
from stockcast.report.folds import folds_table, networks_words
from stockcast.report.forecast import event_words
from stockcast.report.html import charts
from stockcast.report.html.page import Card, Cards, Drawing, Element, Facts, Figures, Grid, Prose, Section
from stockcast.report.html.records import network_rows, one_step, paired, strongest_rows
from stockcast.report.html.skillover import skill_section
from stockcast.report.reactions import NOTE, reactions_table
from stockcast.report.tables import (
    Column,
    Table,
    basis_points,
    count,
    gain,
    number,
    p_value,
    percent,
    price,
    price_range,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stockcast.evaluation.calibration import CalibrationReport
    from stockcast.evaluation.scores import ForecastRows
    from stockcast.evaluation.verdict import FoldSummary
    from stockcast.results import FanStep, Report

_FOLDED = 12  # rows: longer tables of steps are shown on demand
_SESSIONS, _SESSIONS_NARROW = 120, 60  # closes in the drawing of prices
_FEWEST = 10  # forecasts of a group: of fewer, the share says nothing, and would stretch the chart of those that do
_DAYS = 10  # the worst ones


def sections(report: Report) -> tuple[Section, ...]:
    """All that the report has something for."""
    makers = (_verdict, _prices, skill_section, _calibration, _scores, _economics, _worst, _folds, _settings)
    return tuple(section for make in makers if (section := make(report)) is not None)


def dateline(report: Report) -> str:
    """How many forecasts the page rests on, and when it was made from what."""
    rows = network_rows(report)
    scored = ""
    if rows is not None and len(rows.crps):
        first, last = rows.target_sessions[0], rows.target_sessions[-1]
        scored = f"{count(len(rows.crps), 'forecast')}, {first} to {last}, of sessions that no forecaster had seen. "
    made = report.created_at.partition("T")[0]
    return f"{scored}Made on {made} from {report.source}."


# Verdict: the sentence, the figures that it rests on, and the next forecast in words.


def _verdict(report: Report) -> Section:
    """What comes first, and for many readers last."""
    elements: list[Element] = [Prose(report.result.verdict.sentence, "headline"), Cards(_cards(report))]
    if report.fan:
        elements.append(Prose(_next(report), "lead"))
    network = display(report.result.network)
    reading = (
        f"Skill: how much lower the {network}'s CRPS, the error of its whole distribution, is than that of a forecast "
        "without a network; half a per cent is much. p: the chance of such a difference or a larger one if there were "
        f"none (one-sided); a claim is made below {LEVEL:g}. The strongest baseline was chosen before the forecasts "
        "that are scored here. Direction counts before any trading cost."
    )
    return Section("verdict", "Verdict", (*elements, Prose(reading, "quiet")))


def _cards(report: Report) -> tuple[Card, ...]:
    v = report.result.verdict
    strongest = f"{display(v.strongest_baseline)}, the strongest baseline"
    cards = [_skill_card(report, strongest, v.strongest_baseline, v.crps_skill, v.dm_p)]
    if v.garch_skill is not None and v.strongest_baseline != backtest.GARCH:
        cards.append(_skill_card(report, display(backtest.GARCH), backtest.GARCH, v.garch_skill, v.garch_p))
    rows = network_rows(report)
    of = (f"of {count(len(rows.crps), 'forecast')}",) if rows is not None else ()
    held = Card("90 % intervals that held", percent(v.coverage_90), (*of, f"50 % intervals: {percent(v.coverage_50)}"))
    rose = f"the price rose on {percent(v.always_up)}"
    return (*cards, held, Card("Direction called right", percent(v.hit_rate), (_claim(v.direction_p), rose)))


def _skill_card(report: Report, shown: str, baseline: str, value: float | None, p: float | None) -> Card:
    return Card(f"Skill over {shown}", percent(value, 1, signed=True), (_claim(p), *_band(report, baseline)))


def _claim(p: float | None) -> str:
    return f"p {p_value(p)}: {'statistically significant' if p is not None and p < LEVEL else 'no evidence of skill'}"


def _band(report: Report, baseline: str) -> tuple[str, ...]:
    """The 90 % confidence interval of a skill, where the forecasts are there to compute it from."""
    rows, other = network_rows(report), one_step(report).get(baseline)
    if rows is None or other is None:
        return ()
    pair = paired(rows, other)
    found = skill(pair.loss_N, pair.baseline_N)
    if not isfinite(found.low):
        return ()
    return (f"90 % confidence: {percent(found.low, 1, signed=True)} to {percent(found.high, 1, signed=True)}",)


def _next(report: Report) -> str:
    first, last = report.fan[0], report.fan[-1]
    currency = f" {report.currency}" if report.currency else ""
    from_close = ""
    if report.closes:
        from_close = f" The last close is {price(report.closes[-1])}{currency} on {report.dates[-1]}."
    words = (
        f"Next session, {first.target_session}: {display(report.forecaster)} puts the close between "
        f"{price(first.quantiles[0.05])} and {price(first.quantiles[0.95])}{currency} with 90 % probability, and gives "
        f"{price(first.median)} as likely to be passed as not.{from_close}"
    )
    if len(report.fan) == 1:
        return words + _events(report)
    return (
        f"{words} {len(report.fan)} sessions ahead, {last.target_session}: between {price(last.quantiles[0.05])} and "
        f"{price(last.quantiles[0.95])}, median {price(last.median)}.{_events(report)}"
    )


def _events(report: Report) -> str:
    """The reports that sessions ahead react to, a sentence each after a blank."""
    found = [(step.event, step.target_session) for step in report.fan if step.event is not None]
    forecaster, ticker = display(report.forecaster), report.result.ticker
    return "".join(f" {event_words(event, target, forecaster, ticker)}" for event, target in found)


# Prices: the newest closes and the forecast of what comes next, drawn and as a table.


def _prices(report: Report) -> Section | None:
    """None without prices."""
    if not report.closes:
        return None
    rows = network_rows(report)
    wide = charts.fan_chart(report, rows, _SESSIONS)
    narrow = charts.fan_chart(report, rows, _SESSIONS_NARROW, narrow=True)
    elements: list[Element] = [Figures((Drawing(wide, _fan_note(report), narrow),))]
    if len(report.fan) > 1:
        table = Table(_FAN, report.fan, f"Forecast by {display(report.forecaster)}")
        elements.append(Grid(table, folded=len(report.fan) > _FOLDED))
    return Section("price", "Price and forecast", tuple(elements))


def _fan_note(report: Report) -> str:
    rows = network_rows(report)
    words = [f"Closes in {report.currency}."] if report.currency else []
    if rows is not None:
        missed, of = charts.misses(report, rows, _SESSIONS)
        words.append(
            f"Band: the {display(report.result.network)}'s 90 % interval for each close, made at the close before; "
            f"{missed} of the last {count(of, 'close')} were outside, {0.1 * of:.0f} would be expected."
        )
    if report.fan:
        words.append(
            f"At the right, the 50 % and 90 % intervals of the next forecast, by {display(report.forecaster)}."
        )
    return " ".join(words)


_FAN: tuple[Column[FanStep], ...] = (
    Column("target session", lambda step: step.target_session),
    Column("sessions ahead", lambda step: step.horizon),
    Column("median", lambda step: step.median, price),
    Column("50 % interval", lambda step: (step.quantiles[0.25], step.quantiles[0.75]), price_range),
    Column("90 % interval", lambda step: (step.quantiles[0.05], step.quantiles[0.95]), price_range),
)


# Calibration: whether the probabilities are what they say, as a whole, by quantile, by volatility and by year.


def _calibration(report: Report) -> Section | None:
    """None without a calibration and without forecasts to see it from."""
    elements: list[Element] = []
    known = report.result.calibration
    if known is not None:
        held = calibration_words(known, f" of {count(known.coverage.n, 'outcome')}")
        pit = f"PIT: {pit_words(known)}, chi-square p {p_value(known.uniformity.chi2_p)}."
        elements.append(Prose(f"{held} {pit} {AGAINST}"))
    drawings = (*_whole_drawings(report), *(_group_drawings(known) if known is not None else ()))
    if drawings:
        elements.append(Figures(drawings))
    if report.result.calibrated:
        note = (
            "What two methods of calibration, learning from settled forecasts alone, would have made of the network's "
            "90 % intervals. Errors in percentage points of coverage; score: mean interval score in basis points of "
            "the log return, lower is better."
        )
        elements += [Grid(effects_table(report.result.calibrated, errors=True)), Prose(note, "quiet")]
    return Section("calibration", "Calibration", tuple(elements)) if elements else None


def _whole_drawings(report: Report) -> tuple[Drawing, ...]:
    known, rows = report.result.calibration, network_rows(report)
    found = []
    if known is not None and known.uniformity.n and known.uniformity.counts:
        note = "Level bars are right. Shaded: where 95 % of the bars would lie if the forecasts were right."
        found.append(Drawing(charts.pit_chart(known.uniformity), note))
    if rows is not None:
        note = "For each quantile; zero is right. Above: outcomes are below it too often. Shaded: 95 % by chance."
        found.append(Drawing(charts.reliability_chart(rows, strongest_rows(report)), note))
    return tuple(found)


def _group_drawings(known: CalibrationReport) -> tuple[Drawing, ...]:
    nominal = known.coverage.nominal
    words = f"{percent(nominal, 0)} intervals that held"
    deciles = "0 is the calmest tenth, as ranked among the stock's own past, 9 the wildest."
    parts = (
        ("coverage-by-decile", f"{words}, by tenth of volatility", known.by_decile, deciles),
        ("coverage-by-year", f"{words}, by year", known.by_year, "By target session."),
    )
    found = []
    for name, title, table, note in parts:
        groups = [group for group in table.groups if group.n >= _FEWEST]
        left_out = "" if len(groups) == len(table.groups) else f" Groups of fewer than {_FEWEST} are left out."
        if groups:
            chance = f"{note} Bars: where 95 % of the dots would lie by chance.{left_out}"
            found.append(Drawing(charts.coverage_chart(name, title, groups, nominal), chance))
    return tuple(found)


# Scores: all competitors in one table, who cannot be told from the best, and what trading on it would have earned.


def _scores(report: Report) -> Section | None:
    """None where nothing was scored."""
    result = report.result
    network = display(result.network)
    scores = backtest.scores_table(result.scores_at(1), result.comparisons_at(1), result.network, network)
    if not scores.rows:
        return None
    n = scores.rows[0].score.n
    elements: list[Element] = [Grid(replace(scores, title=f"{n:,} forecasts, best CRPS first"))]
    if report.confidence_set:
        names = (f"{name} (p {p_value(p)})" for name, p in report.confidence_set.items())
        elements.append(Prose(backtest.best_words(names)))
    left_out = ""
    if result.left_out:
        left_out = f" Left out, since they could not be fitted: {', '.join(result.left_out)}."
    elements.append(Prose(backtest.scores_note(scores) + left_out, "quiet"))
    if result.event_scores:
        reactions = reactions_table(result.event_scores, f"the {network}")
        elements += [Grid(reactions), Prose(f"{reactions.notes} {NOTE}", "quiet")]
    if result.horizon > 1:
        steps = range(1, result.horizon + 1)
        ahead = backtest.steps_table(result, [result.verdict.strongest_baseline], steps, coverage_50=True)
        note = (
            "Each forecast is of the whole way from the last close. CRPS in basis points of the log return; p: "
            "one-sided Diebold-Mariano test."
        )
        elements += [Grid(replace(ahead, title=f"{network}, several sessions ahead")), Prose(note, "quiet")]
    return Section("scores", "All competitors", tuple(elements))


def _economics(report: Report) -> Section | None:
    """None where no strategy was tried."""
    if not report.result.economics:
        return None
    table = backtest.economics_table(report.result.economics)
    policies = (Prose(found.sentence) for found in report.result.policy)
    return Section("trading", "Trading on it", (Prose(backtest.economics_words(table)), Grid(table), *policies))


# Worst days: the sessions that the network was most wrong about, and what the strongest baseline said of them.


def _worst(report: Report) -> Section | None:
    """None without forecasts."""
    rows, baseline = network_rows(report), strongest_rows(report)
    if rows is None or not np.isfinite(rows.crps).any():
        return None
    scored = np.flatnonzero(np.isfinite(rows.crps))
    worst = scored[np.argsort(-rows.crps[scored], kind="stable")[:_DAYS]]
    records = [record for record in (rows, baseline) if record is not None]
    columns = [*_outcome_columns(rows), *(column for record in records for column in _said_columns(record))]
    title = f"The {len(worst)} largest CRPS of the {display(report.result.network)}"
    table = Table(tuple(columns), tuple(_Day(int(row), rows.target_sessions[row]) for row in worst), title)
    note = (
        "PIT: the probability that the forecast gave to a close of at most this one; near 0 or 1, it came as a "
        "surprise. CRPS in basis points. Closes in shares of the day before."
    )
    return Section("worst", "Worst days", (Grid(table), Prose(note, "quiet")))


class _Day(NamedTuple):
    """A row of the network's record, and the session that it is about."""

    row: int
    session: np.datetime64


def _outcome_columns(rows: ForecastRows) -> tuple[Column[_Day], ...]:
    return (
        Column("session", lambda day: day.session),
        Column("last close", lambda day: float(rows.last_close[day.row]), price),
        Column("close", lambda day: float(rows.last_close[day.row] * np.exp(rows.realised_return[day.row])), price),
        Column("move", lambda day: float(np.expm1(rows.realised_return[day.row])), gain),
    )


def _said_columns(record: ForecastRows) -> tuple[Column[_Day], ...]:
    """What one competitor had said of a session; dashes where it has no forecast for it."""
    places = {session: row for row, session in reversed(list(enumerate(record.target_sessions)))}
    name = display(record.model)

    def said(value: Callable[[int], Any]) -> Callable[[_Day], Any]:
        return lambda day: value(places[day.session]) if day.session in places else None

    def interval_90(row: int) -> tuple[float, float]:
        low, high = (float(record.last_close[row] * np.exp(record.quantiles_NQ[row, k])) for k in (4, 94))
        return low, high

    return (
        Column(f"{name} 90 % interval", said(interval_90), price_range),
        Column(f"{name} PIT", said(lambda row: float(record.pit[row])), lambda pit: number(pit, 4)),
        Column(f"{name} CRPS", said(lambda row: float(record.crps[row])), lambda crps: basis_points(crps, 0)),
    )


# Folds: how the record was made, and how the networks learnt.


def _folds(report: Report) -> Section | None:
    """None without folds."""
    folds = report.result.folds
    if not folds:
        return None
    words = (
        f"{count(len(folds), 'fold')}: each is trained on the past, validated on the newest part of it, and tested on "
        f"sessions that it has not seen, {sum(fold.test[2] for fold in folds):,} in all."
    )
    elements: list[Element] = [
        Prose(" ".join([words, *networks_words(folds, report.result.network)])),
        Figures((Drawing(charts.folds_chart(folds), "", charts.folds_chart(folds, narrow=True)),)),
    ]
    cells = dict.fromkeys(cell for fold in folds for cell in fold.curves)
    drawings = tuple(drawing for cell in cells for drawing in _losses(cell, folds))
    if drawings:
        losses = (
            "Loss: mean negative log likelihood of a session, in units of the base scale. Dots: the steps whose "
            "weights the members of the ensemble kept. Change: mean over the members, since before the first step."
        )
        elements += [Figures(drawings), Prose(losses, "quiet")]
    steps = Column("steps of each member", _steps, align="words")
    return Section("folds", "How it was tested", (*elements, Grid(folds_table(folds, steps), folded=True)))


def _losses(cell: str, folds: Sequence[FoldSummary]) -> tuple[Drawing, ...]:
    """The last fold's members, and all folds side by side where there are several."""
    known = [(fold.number, fold.curves[cell]) for fold in folds if fold.curves.get(cell)]
    if not known:
        return ()
    number, curves = known[-1]
    name = display(cell)
    last = Drawing(charts.losses_chart(cell, f"{name}: loss of each member, fold {number}", curves), "")
    several = [(fold, members) for fold, members in known if charts.was_validated(members)]
    if len(several) < 2:
        return (last,)
    return last, Drawing(charts.fold_losses_chart(cell, f"{name}: change of the validation loss", several), "")


def _steps(fold: FoldSummary) -> str | None:
    return "; ".join(f"{cell} {', '.join(map(str, members))}" for cell, members in fold.steps.items()) or None


# Settings: what is needed to make the same page again.


def _settings(report: Report) -> Section:
    """Settings, the data and its hash, notes on the data, version and time."""
    facts = [
        ("source", report.source),
        *([("sessions", f"to {report.dates[-1]}")] if report.dates else []),
        ("SHA-256 of the data", report.result.data_sha256),
        *(("note on the data", note) for note in report.result.notes),
        *report.configuration.items(),
        ("stockcast", report.version),
        ("made at", report.created_at),
    ]
    return Section("settings", "Settings and data", (Facts(tuple(facts)),))
