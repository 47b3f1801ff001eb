"""A walk-forward backtest as text and JSON: folds, competitors, verdict, economics, and all tickers together."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from stockcast.report.asjson import plain
from stockcast.report.figures import basis_points, count, number, p_value, percent
from stockcast.report.page import Column, Page, heading, paragraph, render, table
from stockcast.report.train import competition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from stockcast.results.backtests import BacktestResult, BacktestSummary, FoldSummary, PooledComparison
    from stockcast.results.calibration import Calibration, CalibrationEffect, CoverageTable
    from stockcast.results.economics import Economics
    from stockcast.results.skilltable import SkillTable
    from stockcast.results.training import Comparison

_MOST_STEPS = 12  # rows of the table of steps
_BAR = 40  # characters of the drawing of a fold
_ECONOMICS = (
    Column("strategy", right=False),
    Column("a year"),
    Column("volatility", rank=3),
    Column("Sharpe"),
    Column("+/-", rank=2),
    Column("worst fall", rank=1),
    Column("turnover", rank=4),
    Column("break-even cost"),
)
_AHEAD = (
    Column("sessions ahead"),
    Column("model", right=False),
    Column("baseline", right=False),
    Column("skill"),
    Column("p"),
    Column("better on"),
    Column("found", rank=1),
)


def folds_text(planned: Sequence[tuple[str, Sequence[FoldSummary]]], page: Page) -> str:
    """What `backtest --dry-run` shows: the folds of each source, drawn to scale."""
    return "\n".join(render([heading(name), *_folds(folds, page)], page) for name, folds in planned)


def backtest_text(summary: BacktestSummary, skill: SkillTable, page: Page) -> str:
    """What `backtest` shows: a section for each ticker, then all of them together where there are several."""
    alone = len(summary.results) == 1
    sections = [_section(result, page, _best(summary) if alone else "") for result in summary.results]
    if not alone:
        sections.append(together(summary, skill, page))
    return "\n".join(sections)


def backtest_data(summary: BacktestSummary) -> list[dict[str, Any]]:
    """`data` of `backtest`: one entry per source, and one named "all" where there are several."""
    data = [_entry(result) for result in summary.results]
    if len(summary.results) > 1:
        data.append(
            {
                "ticker": "all",
                "pooled": plain(summary.pooled),
                "mean_crps": plain(summary.mean_crps),
                "confidence_set": plain(summary.confidence_set),
                "calibrated": plain(summary.calibrated),
            }
        )
    elif data:
        data[0]["confidence_set"] = plain(summary.confidence_set)
    return data


def _entry(result: BacktestResult) -> dict[str, Any]:
    """Forecasts are left to `--output`. `splits`: the parts of the first fold, as `train` has them."""
    shown = [field.name for field in fields(result) if field.name not in {"rows", "dists"}]
    entry = {name: plain(getattr(result, name)) for name in shown}
    first = result.folds[0]
    names = ("train", "validation", "test")
    parts = {name: dict(zip(("first", "last", "count"), getattr(first, name), strict=True)) for name in names}
    parts["test"] = {
        "first": first.test[0],
        "last": result.folds[-1].test[1],
        "count": sum(fold.test[2] for fold in result.folds),
    }
    return {**entry, "splits": plain(parts)}


def _section(result: BacktestResult, page: Page, best: str) -> str:
    """One ticker. best: a sentence that goes with its table, empty where all tickers share one."""
    first, last = result.folds[0], result.folds[-1]
    resumed = sum(fold.resumed for fold in result.folds)
    again = f"{count(resumed, 'fold')} of an earlier run: not fitted again."
    title = f"{result.ticker}: {count(len(result.folds), 'fold')}, {first.test[0]} to {last.test[1]}"
    items: list[RenderableType] = [
        heading(title),
        *_folds(result.folds, page),
        *([paragraph(again, page)] if resumed else []),
        "",
        *competition(result.scores_at(1), result.comparisons_at(1), result.network, "All folds", page),
        *([paragraph(best, page)] if best else []),
        "",
        heading("Verdict"),
        paragraph(result.verdict.sentence, page),
    ]
    if result.horizon > 1:
        items += ["", *_ahead(result, page)]
    if result.calibration is not None:
        items += ["", *_calibration(result.calibration, page)]
    if result.calibrated:
        items.append(_effects(result.calibrated, page))
    if result.economics:
        items += ["", *_economics(result.economics, page)]
    return render(items, page)


def _folds(folds: Sequence[FoldSummary], page: Page) -> list[RenderableType]:
    """Each fold on a line: what teaches, what chooses, what is forecast."""
    begin, end = folds[0].train[0].toordinal(), folds[-1].test[1].toordinal()
    marks = ("─", "═", "█") if page.unicode else ("-", "=", "#")

    def drawn(fold: FoldSummary) -> str:
        line = [" "] * _BAR
        for mark, part in zip(marks, (fold.train, fold.validation, fold.test), strict=True):
            low, high = ((day.toordinal() - begin) * (_BAR - 1) // max(end - begin, 1) for day in part[:2])
            line[low : high + 1] = mark * (high + 1 - low)
        return "".join(line).rstrip()

    columns = (
        Column("fold"),
        Column(f"{marks[0]} learns  {marks[1]} chooses  {marks[2]} forecast", rank=2, right=False),
        Column("learns from", rank=1, right=False),
        Column("chooses from", rank=1, right=False),
        Column("forecasts", right=False),
        Column("to", right=False),
        Column("sessions"),
    )
    rows = [
        [
            str(fold.number),
            drawn(fold),
            fold.train[0].isoformat(),
            fold.validation[0].isoformat(),
            fold.test[0].isoformat(),
            fold.test[1].isoformat(),
            f"{fold.test[2]:,}",
        ]
        for fold in folds
    ]
    return [table(columns, rows, page)]


def _ahead(result: BacktestResult, page: Page) -> list[RenderableType]:
    """The network at each step ahead, against a few baselines: the strongest one and the two that everybody knows."""
    wanted = dict.fromkeys((result.verdict.strongest_baseline, "garch-t", "random-walk"))
    known = {(c.horizon, c.baseline): c for c in result.comparisons if c.model == result.network}
    rivals = [name for name in wanted if (1, name) in known]
    columns = (
        Column("sessions ahead"),
        Column("forecasts", rank=2),
        Column("CRPS"),
        Column("in 90 %", rank=1),
        *(column for name in rivals for column in (Column(f"over {name}"), Column("p"))),
    )
    rows = [
        [
            str(score.horizon),
            f"{score.n:,}",
            basis_points(score.crps),
            percent(score.coverage_90),
            *(cell for name in rivals for cell in _skill_cells(known.get((score.horizon, name)))),
        ]
        for score in result.scores
        if score.model == result.network and score.horizon in _shown(result.horizon)
    ]
    words = (
        "Cumulated returns, by simulated paths from the second session on. Forecasts of neighbouring origins overlap, "
        "and the test allows for it."
    )
    return [heading("Sessions ahead"), table(columns, rows, page), paragraph(words, page)]


def _skill_cells(found: Comparison | None) -> tuple[str, str]:
    return ("-", "-") if found is None else (percent(found.crps_skill, 2, signed=True), p_value(found.dm_p))


def _shown(horizon: int) -> set[int]:
    """The steps of a table: all of a few, else about a dozen, evenly, the first and the last among them."""
    every = max(1, -(-horizon // _MOST_STEPS))
    return {1, horizon, *range(every, horizon + 1, every)}


def _calibration(c: Calibration, page: Page) -> list[RenderableType]:
    """What the intervals of the network held, as a whole and where they held worst."""
    tests, pit = c.coverage, c.uniformity
    most = max(pit.counts, default=0)
    blocks = "▁▂▃▄▅▆▇█" if page.unicode else "12345678"
    drawn = "".join(blocks[min(7, 8 * number // (most + 1))] for number in pit.counts)
    held = (
        f"90 % intervals held {percent(tests.coverage)} (Kupiec's test of that share: p {p_value(tests.kupiec_p)}; "
        f"Christoffersen's, of misses that do not foretell one another: p {p_value(tests.independence_p)})."
    )
    words = [
        held,
        f"PIT by tenths {drawn}: Berkowitz p {p_value(pit.berkowitz_p)}, Kolmogorov-Smirnov p {p_value(pit.ks_p)}.",
        *_worst("year", c.by_year),
        *_worst("tenth of volatility (0 is the calmest)", c.by_decile),
        "A small p speaks against the probabilities.",
    ]
    return [heading("Calibration"), *(paragraph(sentence, page) for sentence in words)]


def _effects(found: Sequence[CalibrationEffect], page: Page) -> RenderableType:
    """The intervals before and after calibration."""
    columns = (
        Column("calibration", right=False),
        Column("in 90 %"),
        Column("worst year", right=False),
        Column("worst tenth", rank=1, right=False),
        Column("score 90 %"),
    )
    rows = [
        [
            effect.method,
            percent(effect.coverage_90, 2),
            *(
                "-" if groups.worst is None else f"{groups.worst.group}: {percent(groups.worst.coverage)}"
                for groups in (effect.by_year, effect.by_decile)
            ),
            basis_points(effect.interval_score_90, 1),
        ]
        for effect in found
    ]
    return table(columns, rows, page)


def _worst(what: str, groups: CoverageTable) -> list[str]:
    if groups.worst is None:
        return []
    worst = groups.worst
    return [f"Worst {what}: {worst.group}, {percent(worst.coverage)} of {count(worst.n, 'session')}."]


def _economics(strategies: Sequence[Economics], page: Page) -> list[RenderableType]:
    cost = strategies[0].cost_bp
    tried = any(e.deflated_sharpe_p is not None for e in strategies)
    rows = [
        [
            e.strategy,
            percent(e.annual_return),
            percent(e.annual_volatility),
            number(e.sharpe, 2),
            number(e.sharpe_se, 2),
            percent(e.max_drawdown),
            number(e.turnover, 1),
            "-" if e.break_even_cost_bp is None else f"{e.break_even_cost_bp:.1f} bp",
            *(["-" if e.deflated_sharpe_p is None else p_value(e.deflated_sharpe_p)] if tried else []),
        ]
        for e in strategies
    ]
    words = (
        f"What these rules would have earned in the past, {cost:g} basis points taken off for what is traded: no "
        "promise, and no advice. Beyond its break-even cost a rule loses money."
    )
    if tried:
        words += (
            " deflated p: the chance of a Sharpe ratio as high in the best of as many cells, where none has any merit."
        )
    columns = (*_ECONOMICS, Column("deflated p")) if tried else _ECONOMICS
    return [heading("Trading on it"), table(columns, rows, page), paragraph(words, page)]


def together(summary: BacktestSummary, skill: SkillTable, page: Page) -> str:
    """All tickers: every competitor in one table, calibration across tickers, and the steps ahead."""
    n, network = len(skill.tickers), skill.network
    against = {c.baseline: c for c in summary.pooled if c.model == network and c.horizon == 1}
    columns = (
        Column("model", right=False),
        Column("CRPS", rank=2),
        Column(f"over {skill.reference}"),
        Column("better on", rank=4),
        Column("in 90 %", rank=3),
        Column(f"{network} skill"),
        Column("p"),
        Column("better on", rank=1),
        Column("found", rank=5),
    )
    rows = [
        [
            ("> " if row.kind == "network" else "  ") + row.model,
            number(row.crps_bp, 2),
            percent(row.reference_gain, 2, signed=True),
            "" if row.better_than_garch is None else f"{row.better_than_garch} of {n}",
            percent(row.coverage_90, 2),
            "" if row.network_gain is None else percent(row.network_gain, 2, signed=True),
            "" if row.network_p is None else p_value(row.network_p),
            *_counted(against.get(row.model)),
        ]
        for row in skill.rows
    ]
    marked = next(index for index, row in enumerate(skill.rows) if row.model == network)
    items: list[RenderableType] = [
        heading(f"All {count(n, 'ticker')}: {count(skill.n, 'forecast')} each, > is the network"),
        table(columns, rows, page, marked=marked),
        paragraph(
            f"CRPS in basis points. over {skill.reference}: gain in CRPS, mean over tickers. {network} skill: the "
            "network's gain over that model. p: one-sided Diebold-Mariano test of the mean CRPS by date. found: "
            "tickers with skill at a false discovery rate of 10 % (Benjamini-Hochberg).",
            page,
        ),
        paragraph(_best(summary), page),
    ]
    if summary.calibrated:
        items += ["", heading("Calibration across tickers"), _effects(summary.calibrated, page)]
    if max((c.horizon for c in summary.pooled), default=1) > 1:
        items += ["", heading("Sessions ahead, all tickers"), _pooled_ahead(summary, page)]
    return render(items, page)


def _counted(found: PooledComparison | None) -> tuple[str, str]:
    return ("", "") if found is None else (f"{found.better} of {found.tickers}", str(found.found))


def _pooled_ahead(summary: BacktestSummary, page: Page) -> RenderableType:
    shown = _shown(max(c.horizon for c in summary.pooled))
    rows = [
        [
            str(c.horizon),
            c.model,
            c.baseline,
            percent(c.crps_skill, 2, signed=True),
            p_value(c.dm_p),
            *_counted(c),
        ]
        for c in summary.pooled
        if c.horizon in shown
    ]
    return table(_AHEAD, rows, page)


def _best(summary: BacktestSummary) -> str:
    """Who is in the confidence set; nothing where there were not two competitors to tell apart."""
    if not summary.confidence_set:
        return ""
    names = ", ".join(f"{name} ({basis_points(summary.mean_crps[name])})" for name in summary.confidence_set)
    return f"Cannot be told from the best (model confidence set, 90 %; CRPS in basis points): {names}."
