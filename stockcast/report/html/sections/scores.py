"""Scores: all competitors in one table, who cannot be told from the best, and what trading on it would have earned."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING

from stockcast.evaluation.verdict import display
from stockcast.report.figures import UNKNOWN, basis_points, number, p_value, percent
from stockcast.report.html.blocks import Block, DataTable, Prose, Section
from stockcast.report.page import Column

if TYPE_CHECKING:
    from stockcast.results.economics import Economics
    from stockcast.results.report import Report
    from stockcast.results.training import Score

_ECONOMICS = (
    Column("strategy", right=False),
    Column("a year"),
    Column("volatility"),
    Column("Sharpe"),
    Column("+/-"),
    Column("worst fall"),
    Column("turnover"),
    Column("break-even cost"),
)


def scores_section(report: Report) -> Section | None:
    """None where nothing was scored."""
    result = report.result
    ranked = sorted(result.scores_at(1), key=lambda score: score.crps if isfinite(score.crps) else inf)
    if not ranked:
        return None
    compared = {c.baseline: c for c in result.comparisons_at(1) if c.model == result.network}
    rows = []
    for score in ranked:
        comparison = compared.get(score.model)
        skill = (percent(comparison.crps_skill, 2, signed=True), p_value(comparison.dm_p)) if comparison else ("", "")
        rows.append((score.model, basis_points(score.crps), *skill, *_figures(score)))
    networks = frozenset(place for place, score in enumerate(ranked) if score.kind == "network")
    table = DataTable(
        f"{ranked[0].n:,} forecasts, best CRPS first", _columns(display(result.network)), tuple(rows), networks
    )
    blocks: list[Block] = [table, Prose(_reading(report, ranked[0]), "quiet")]
    if report.confidence_set:
        blocks.insert(1, Prose(_best(report)))
    if result.horizon > 1:
        blocks += [_ahead(report), Prose(_AHEAD_NOTE, "quiet")]
    return Section("scores", "All competitors", tuple(blocks))


_AHEAD_NOTE = (
    "Each forecast is of the whole way from the last close. CRPS in basis points of the log return; p: one-sided "
    "Diebold-Mariano test."
)


def _ahead(report: Report) -> DataTable:
    """The network against the strongest baseline, step by step."""
    result, strongest = report.result, report.result.verdict.strongest_baseline
    columns = (
        Column("sessions ahead", right=False),
        Column("forecasts"),
        Column("CRPS"),
        Column("in 50 %"),
        Column("in 90 %"),
        Column(f"skill over {display(strongest)}"),
        Column("p"),
    )
    rows = []
    for horizon in range(1, result.horizon + 1):
        score = next((s for s in result.scores_at(horizon) if s.model == result.network), None)
        if score is None:
            continue
        compared = (c for c in result.comparisons_at(horizon) if (c.model, c.baseline) == (result.network, strongest))
        against = next(compared, None)
        skill = (percent(against.crps_skill, 2, signed=True), p_value(against.dm_p)) if against else (UNKNOWN, UNKNOWN)
        covered = (percent(score.coverage_50), percent(score.coverage_90))
        rows.append((str(horizon), f"{score.n:,}", basis_points(score.crps), *covered, *skill))
    return DataTable(f"{display(result.network)}, several sessions ahead", columns, tuple(rows))


def _columns(network: str) -> tuple[Column, ...]:
    return (
        Column("model", right=False),
        Column("CRPS"),
        Column(f"{network} skill"),
        Column("p"),
        Column("log score"),
        Column("pinball"),
        Column("score 90 %"),
        Column("in 50 %"),
        Column("in 90 %"),
        Column("MAE"),
        Column("RMSE"),
        Column("MAPE"),
        Column("hits"),
    )


def _figures(score: Score) -> tuple[str, ...]:
    return (
        number(score.log_score),
        basis_points(score.pinball),
        basis_points(score.interval_score_90, 1),
        percent(score.coverage_50),
        percent(score.coverage_90),
        number(score.mae_ratio),
        number(score.rmse_ratio),
        number(score.mape_ratio),
        percent(score.hit_rate),
    )


def _best(report: Report) -> str:
    names = ", ".join(f"{name} (p {p_value(p)})" for name, p in report.confidence_set.items())
    return f"Cannot be told from the best (model confidence set, 90 %): {names}."


def _reading(report: Report, first: Score) -> str:
    left_out = ""
    if report.result.left_out:
        left_out = f" Left out, since they could not be fitted: {', '.join(report.result.left_out)}."
    return (
        "CRPS, pinball and 90 % interval score in basis points of the log return: lower is better. MAE, RMSE and MAPE: "
        f"relative to those of the last close. The price rose on {percent(first.always_up)} of the sessions.{left_out}"
    )


def economics_section(report: Report) -> Section | None:
    """None where no strategy was tried."""
    strategies = report.result.economics
    if not strategies:
        return None
    words = (
        f"What these rules would have earned in the past, {strategies[0].cost_bp:g} basis points taken off for what is "
        "traded: no promise, and no advice. Beyond its break-even cost a rule loses money."
    )
    table = DataTable("Rules of trading on the forecasts", _ECONOMICS, tuple(_strategy(e) for e in strategies))
    return Section("trading", "Trading on it", (Prose(words), table))


def _strategy(e: Economics) -> tuple[str, ...]:
    return (
        e.strategy,
        percent(e.annual_return),
        percent(e.annual_volatility),
        number(e.sharpe, 2),
        number(e.sharpe_se, 2),
        percent(e.max_drawdown),
        number(e.turnover, 1),
        "-" if e.break_even_cost_bp is None else f"{e.break_even_cost_bp:,.1f} bp",
    )
