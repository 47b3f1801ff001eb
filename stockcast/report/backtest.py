"""A walk-forward backtest: its tables and sentences, which terminal and page share, and the text of the terminal."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isfinite
from typing import TYPE_CHECKING, NamedTuple

from stockcast.evaluation.verdict import display
from stockcast.report.calibration import calibration_blocks, effects_table
from stockcast.report.folds import folds_table, networks_words
from stockcast.report.reactions import reactions
from stockcast.report.tables import (
    COVERAGE_50,
    COVERAGE_90,
    Column,
    Table,
    basis_points,
    basis_points_1,
    count,
    gain,
    number,
    number_2,
    p_value,
    percent,
    percent_2,
    thousands,
    through,
)
from stockcast.report.text import Block, Heading, Page, render, render_all

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from stockcast.evaluation.economics import Economics
    from stockcast.evaluation.scores import Comparison, Score
    from stockcast.evaluation.verdict import BacktestResult, BacktestSummary, PooledComparison
    from stockcast.results import SkillRow, SkillTable

_MOST_STEPS = 12  # rows of the table of steps

GARCH = "garch-t"
_SIGNIFICANT = "significant\n(FDR 10 %)"


def versus(rival: str) -> str:
    """A competitor that others are held against, as a heading names it."""
    return f"vs {display(rival).removeprefix('the ')}"


# Competitors.


class Scored(NamedTuple):
    """A competitor, and the network against it; None for a network."""

    score: Score
    against: Comparison | None


def scores_table(scores: Sequence[Score], comparisons: Sequence[Comparison], network: str, shown: str) -> Table[Scored]:
    """All competitors, best first.

    Args:
        scores: Of one step ahead.
        comparisons: Of the same step.
        network: The network whose skills and p-values are shown.
        shown: Its name in the heading.
    """
    ranked = sorted(scores, key=lambda score: score.crps if isfinite(score.crps) else inf)
    compared = {comparison.baseline: comparison for comparison in comparisons if comparison.model == network}
    return Table(
        _score_columns(shown),
        tuple(Scored(score, compared.get(score.model)) for score in ranked),
        pointed=frozenset(place for place, score in enumerate(ranked) if score.kind == "network"),
        chosen=next((place for place, score in enumerate(ranked) if score.model == network), None),
    )


def _score_columns(shown: str) -> tuple[Column[Scored], ...]:
    crps = "CRPS, pinball and 90 % interval score in basis points of the log return: lower is better."
    ratios = "MAE, RMSE and MAPE: relative to those of the last close."
    return (
        Column("model", lambda row: row.score.model, align="left"),
        Column("CRPS", lambda row: row.score.crps, basis_points, crps),
        Column(f"{shown} skill", lambda row: row.against and row.against.crps_skill, gain, missing=""),
        Column("p", lambda row: row.against and row.against.dm_p, p_value, missing=""),
        Column("log score", lambda row: row.score.log_score, number, rank=1),
        Column("pinball", lambda row: row.score.pinball, basis_points, rank=7),
        Column("score\n90 %", lambda row: row.score.interval_score_90, basis_points_1, rank=4),
        Column(COVERAGE_50, lambda row: row.score.coverage_50, percent, rank=3),
        Column(COVERAGE_90, lambda row: row.score.coverage_90, percent),
        Column("MAE", lambda row: row.score.mae_ratio, number, ratios, rank=5),
        Column("RMSE", lambda row: row.score.rmse_ratio, number, rank=6),
        Column("MAPE", lambda row: row.score.mape_ratio, number, rank=6),
        Column("hits", lambda row: row.score.hit_rate, percent, rank=2),
    )


def scores_note(table: Table[Scored]) -> str:
    """What the reader is told of the columns, and how often the price rose."""
    return f"{table.notes} The price rose on {percent(table.rows[0].score.always_up)} of the sessions."


def competition(scores: Sequence[Score], comparisons: Sequence[Comparison], cell: str, what: str) -> list[Block]:
    """The table of all competitors; `cell` is the network that the skills and p-values are of."""
    if not scores:
        return ["no test part, so nothing was scored"]
    table = scores_table(scores, comparisons, cell, cell)
    title = f"{what}: {count(table.rows[0].score.n, 'forecast')}, best CRPS first, > is the network"
    return [Heading(title), table, scores_note(table)]


# Trading.


def economics_table(strategies: Sequence[Economics]) -> Table[Economics]:
    """What each rule, and policy, would have earned; with the luck of the best of several where several were tried."""
    tried = any(strategy.deflated_sharpe_p is not None for strategy in strategies)
    learnt = any(strategy.strategy == "policy" for strategy in strategies)
    deflated = replace(_DEFLATED, note=_DEFLATED.note.replace("cells", "that were tried")) if learnt else _DEFLATED
    columns = (*_ECONOMICS, deflated) if tried else _ECONOMICS
    return Table(columns, tuple(strategies), "Rules of trading on the forecasts")


_ECONOMICS: tuple[Column[Economics], ...] = (
    Column("strategy", lambda e: e.strategy, align="left"),
    Column("annual\nreturn", lambda e: e.annual_return, percent),
    Column("volatility", lambda e: e.annual_volatility, percent, rank=3),
    Column("Sharpe", lambda e: e.sharpe, number_2),
    Column("s.e.", lambda e: e.sharpe_se, number_2, rank=2),
    Column("max\ndrawdown", lambda e: e.max_drawdown, percent, rank=1),
    Column("turnover", lambda e: e.turnover, lambda value: number(value, 1), rank=4),
    Column("break-even cost", lambda e: e.break_even_cost_bp, lambda cost: f"{cost:,.1f} bp"),
)
_DEFLATED: Column[Economics] = Column(
    "deflated p",
    lambda e: e.deflated_sharpe_p,
    p_value,
    "deflated p: the chance of a Sharpe ratio as high in the best of as many cells, where none has any merit.",
)


def economics_words(table: Table[Economics]) -> str:
    """What the table is, and is not."""
    words = (
        f"What these rules would have earned in the past, {table.rows[0].cost_bp:g} basis points taken off for what is "
        "traded: no promise, and no advice. Beyond its break-even cost a rule loses money."
    )
    return f"{words} {table.notes}".rstrip()


# One ticker.


def backtest_text(summary: BacktestSummary, skill: SkillTable, page: Page) -> str:
    """What `backtest` shows: a section for each ticker, then all of them together where there are several."""
    if len(summary.results) == 1:
        return render(_section(summary.results[0], page, _best(summary)), page)
    return render_all([*(_section(result, page, []) for result in summary.results), together(summary, skill)], page)


def _section(result: BacktestResult, page: Page, best: list[str]) -> list[Block]:
    """One ticker. best: a sentence that goes with its table, where tickers do not share one."""
    first, last = result.folds[0], result.folds[-1]
    resumed = sum(fold.resumed for fold in result.folds)
    blocks: list[Block] = [
        Heading(f"{result.ticker}: {count(len(result.folds), 'fold')}, {first.test[0]} to {last.test[1]}"),
        folds_table(result.folds, drawn=page),
        *networks_words(result.folds, result.network),
        *([f"{count(resumed, 'fold')} of an earlier run: not fitted again."] if resumed else []),
        "",
        *competition(result.scores_at(1), result.comparisons_at(1), result.network, "All folds"),
        *best,
        *reactions(result.event_scores, f"the {result.network}"),
        "",
        Heading("Verdict"),
        result.verdict.sentence,
    ]
    if result.horizon > 1:
        blocks += ["", *_ahead(result)]
    if result.calibration is not None:
        blocks += ["", *calibration_blocks(result.calibration, page)]
    if result.calibrated:
        blocks.append(effects_table(result.calibrated))
    if result.economics:
        table = economics_table(result.economics)
        blocks += ["", Heading("Trading on it"), table, economics_words(table)]
        blocks += [found.sentence for found in result.policy]
    return blocks


def _best(summary: BacktestSummary) -> list[str]:
    """Who is in the confidence set; nothing where there were not two competitors to tell apart."""
    if not summary.confidence_set:
        return []
    names = [f"{name} ({basis_points(summary.mean_crps[name])})" for name in summary.confidence_set]
    return [best_words(names, "; CRPS in basis points")]


def best_words(names: Iterable[str], unit: str = "") -> str:
    """The competitors that cannot be told apart.

    Args:
        names: Each with a figure behind it, or without.
        unit: What those figures are.
    """
    return f"Cannot be told from the best (model confidence set, 90 %{unit}): {', '.join(names)}."


# The network against a few baselines: step by step here, ticker by ticker for a pool.


class Versus(NamedTuple):
    """A score of the network, and what it is against each baseline."""

    score: Score
    against: Mapping[str, Comparison]


def network_scores(result: BacktestResult, network: str) -> list[Versus]:
    """Those of every step ahead."""
    compared = [comparison for comparison in result.comparisons if comparison.model == network]
    return [
        Versus(score, {c.baseline: c for c in compared if c.horizon == score.horizon})
        for score in result.scores
        if score.model == network
    ]


def skill_column(rival: str, title: str, note: str = "") -> Column[Versus]:
    """The network's skill over a baseline."""
    return Column(title, through(lambda row: row.against.get(rival), lambda c: c.crps_skill), gain, note)


def p_column(rival: str, note: str = "", rank: int = 0) -> Column[Versus]:
    """The p-value of that skill."""
    return Column("p", through(lambda row: row.against.get(rival), lambda c: c.dm_p), p_value, note, rank)


def steps_table(
    result: BacktestResult, rivals: Sequence[str], steps: Container[int], coverage_50: bool = False
) -> Table[Versus]:
    """The network at these steps ahead.

    Args:
        result: The backtest.
        rivals: The baselines that it is held against.
        steps: Sessions ahead.
        coverage_50: Whether the coverage of the 50 % interval is shown, too.
    """
    columns: list[Column[Versus]] = [
        Column("sessions ahead", lambda row: row.score.horizon),
        Column("forecasts", lambda row: row.score.n, thousands, rank=2),
        Column("CRPS", lambda row: row.score.crps, basis_points),
        *([Column[Versus](COVERAGE_50, lambda row: row.score.coverage_50, percent)] if coverage_50 else []),
        Column(COVERAGE_90, lambda row: row.score.coverage_90, percent, rank=1),
    ]
    for rival in rivals:
        columns += [skill_column(rival, f"skill\n{versus(rival)}"), p_column(rival)]
    rows = network_scores(result, result.network)
    return Table(tuple(columns), tuple(row for row in rows if row.score.horizon in steps))


def _ahead(result: BacktestResult) -> list[Block]:
    """The network at each step ahead, against a few baselines: the strongest one and the two that everybody knows."""
    known = {c.baseline for c in result.comparisons_at(1) if c.model == result.network}
    wanted = dict.fromkeys((result.verdict.strongest_baseline, GARCH, "random-walk"))
    words = (
        "Cumulated returns, by simulated paths from the second session on. Forecasts of neighbouring origins overlap, "
        "and the test allows for it."
    )
    rivals = [name for name in wanted if name in known]
    return [Heading("Sessions ahead"), steps_table(result, rivals, _shown(result.horizon)), words]


def _shown(horizon: int) -> set[int]:
    """The steps of a table: all of a few, else about a dozen, evenly, the first and the last among them."""
    every = max(1, -(-horizon // _MOST_STEPS))
    return {1, horizon, *range(every, horizon + 1, every)}


# All tickers.


def together(summary: BacktestSummary, skill: SkillTable) -> list[Block]:
    """All tickers: every competitor in one table, calibration across tickers, and the steps ahead."""
    table = _all_tickers(summary, skill)
    blocks: list[Block] = [
        Heading(f"All {count(len(skill.tickers), 'ticker')}: {count(skill.n, 'forecast')} each, > is the network"),
        table,
        table.notes,
        *_best(summary),
        *reactions(summary.event_scores, f"the {skill.network}"),
    ]
    if summary.calibrated:
        blocks += ["", Heading("Calibration across tickers"), effects_table(summary.calibrated)]
    horizon = max((c.horizon for c in summary.pooled), default=1)
    if horizon > 1:
        shown = tuple(c for c in summary.pooled if c.horizon in _shown(horizon))
        blocks += ["", Heading("Sessions ahead, all tickers"), Table(_POOLED, shown)]
    return blocks


def _all_tickers(summary: BacktestSummary, skill: SkillTable) -> Table[SkillRow]:
    n, network = len(skill.tickers), skill.network
    against = {c.baseline: c for c in summary.pooled if c.model == network and c.horizon == 1}

    def pooled(row: SkillRow) -> PooledComparison | None:
        return against.get(row.model)

    columns: tuple[Column[SkillRow], ...] = (
        Column("model", lambda row: row.model, align="left"),
        Column("CRPS", lambda row: row.crps_bp, number_2, "CRPS in basis points.", rank=2),
        Column(
            versus(skill.reference),
            lambda row: row.reference_gain,
            gain,
            f"{versus(skill.reference)}: gain in CRPS, mean over tickers.",
        ),
        Column("better on", lambda row: row.better_than_garch, lambda k: f"{k} of {n}", rank=4, missing=""),
        Column(COVERAGE_90, lambda row: row.coverage_90, percent_2, rank=3),
        Column(
            f"{network} skill",
            lambda row: row.network_gain,
            gain,
            f"{network} skill: the network's gain over that model.",
            missing="",
        ),
        Column(
            "p",
            lambda row: row.network_p,
            p_value,
            "p: one-sided Diebold-Mariano test of the mean CRPS by date.",
            missing="",
        ),
        Column("better on", through(pooled, _better_on), rank=1, missing=""),
        Column(
            _SIGNIFICANT,
            through(pooled, lambda c: c.found),
            note="significant: tickers with skill at a false discovery rate of 10 % (Benjamini-Hochberg).",
            rank=5,
            missing="",
        ),
    )
    return Table(
        columns,
        skill.rows,
        pointed=frozenset(place for place, row in enumerate(skill.rows) if row.kind == "network"),
        chosen=next(place for place, row in enumerate(skill.rows) if row.model == network),
    )


def _better_on(found: PooledComparison) -> str:
    return f"{found.better} of {found.tickers}"


_POOLED: tuple[Column[PooledComparison], ...] = (
    Column("sessions ahead", lambda c: c.horizon),
    Column("model", lambda c: c.model, align="left"),
    Column("baseline", lambda c: c.baseline, align="left"),
    Column("skill", lambda c: c.crps_skill, gain),
    Column("p", lambda c: c.dm_p, p_value),
    Column("better on", _better_on),
    Column(_SIGNIFICANT, lambda c: c.found, rank=1),
)
