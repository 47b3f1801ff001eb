"""Trainings as text, of one series and of a pool: parts, competitors, verdict, what is served, and what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.evaluation.verdict import display
from stockcast.report.backtest import (
    GARCH,
    Versus,
    competition,
    network_scores,
    p_column,
    skill_column,
    together,
    versus,
)
from stockcast.report.forecast import age, events_words, next_forecast, position_words
from stockcast.report.reactions import reactions
from stockcast.report.tables import (
    COVERAGE_90,
    Column,
    Table,
    basis_points,
    count,
    few,
    gain,
    p_value,
    percent,
    thousands,
)
from stockcast.report.text import Block, Heading, Page, render_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stockcast.results import PoolResult, SkillTable, TrainResult
    from stockcast.windows.splits import PartSummary

_MOST = 60  # tickers of a table; of more, the best and the worst half are shown
_NAMED = 20  # tickers that a sentence names; of more, it counts the others
_TENTHS = 10  # tickers from which on tenths of them are told

_PARTS: tuple[Column[tuple[str, PartSummary]], ...] = (
    Column("part", lambda part: part[0], align="left"),
    Column("first", lambda part: part[1].first, align="left"),
    Column("last", lambda part: part[1].last, align="left"),
    Column("sessions", lambda part: part[1].count, thousands),
)


def trainings_text(results: Sequence[TrainResult], page: Page) -> str:
    """What `train` shows: one section per source, an empty line between them."""
    return render_all([_training(result, page) for result in results], page)


def _training(result: TrainResult, page: Page) -> list[Block]:
    """One source's training. Scores are over the test part; a skill is the network's against that baseline."""
    blocks: list[Block] = [
        Heading(f"{result.ticker}: {result.cell} trained, saved as model {result.model} ({result.model_id[:12]})"),
        "",
        Table(_PARTS, tuple(result.splits.items())),
        "",
        *competition(result.scores, result.comparisons, result.cell, "Test part"),
        *reactions(result.event_scores, f"the {result.cell}"),
        "",
        Heading("Verdict"),
        result.verdict.sentence,
        "",
        *_provenance(result),
    ]
    if result.forecasts:
        blocks += ["", Heading("Next forecast"), next_forecast(result.forecasts, page)]
        blocks += [*events_words(result.forecasts), *position_words(result.forecasts)]
    return blocks


def _provenance(result: TrainResult) -> list[str]:
    """How old the prices are, who was scored and who serves, how the networks came about, and where the model is."""
    init = result.init
    kept = init if init is not None and init.kept else None
    scored, served = _scored(result), _served(result)
    if kept:
        scored = f"scored: {result.cell} of the {kept.name} model, chosen on sessions to {result.scored_cutoff}"
        newer = result.served_cutoff != result.scored_cutoff or not result.scores
        if newer and result.verdict.served_by == result.cell:
            served = f"served: {result.cell}, the newest of the {kept.name} model as it is"
    elif not result.scores:
        served = f"served: {result.verdict.served_by}, fitted on everything to {result.served_cutoff}"
    return [
        *(f"prices: to {f.origin}, {age(f.data_age_sessions)}" for f in result.forecasts[:1]),
        *([scored] if result.scores else []),
        served,
        *([_steps(result)] if result.steps and not kept else []),
        *([init.sentence(result.ticker)] if init else []),
        f"saved in {result.path}",
    ]


def _scored(result: TrainResult | PoolResult) -> str:
    return f"scored: {result.cell}, trained to {result.scored_cutoff}"


def _served(result: TrainResult | PoolResult) -> str:
    served = f"served: {result.verdict.served_by}"
    if result.served_cutoff == result.scored_cutoff:
        return f"{served}, the one that was scored"
    return f"{served}, refitted on everything to {result.served_cutoff}"


def _steps(result: TrainResult | PoolResult) -> str:
    return f"gradient steps of each member: {', '.join(str(step) for step in result.steps)}"


# Pools.


def pool_text(result: PoolResult, skill: SkillTable, page: Page) -> str:
    """What `train --pool` shows.

    Args:
        result: The pool's training.
        skill: The table of `result.summary`.
        page: Where it is shown.
    """
    title = f"{result.model}: one {result.cell} trained on {count(len(result.members), 'ticker')}"
    head: list[Block] = [
        Heading(f"{title} ({result.model_id[:12]})"),
        _market(result),
        "",
        Table(_PARTS, tuple(result.splits.items())),
        "",
        *_tickers(result),
    ]
    tail: list[Block] = [Heading("Verdict"), result.verdict.sentence, "", *_pool_provenance(result)]
    return render_all([head, together(result.summary, skill), tail], page)


def _market(result: PoolResult) -> str:
    if result.market:
        return (
            "It looks at the market too: what all its tickers together did in each session. A second network does "
            "without, for forecasts from sessions in which the market is not known."
        )
    return "It looks at each ticker alone: in the training part too few of them trade at a time to be a market."


def _tickers(result: PoolResult) -> list[Block]:
    """Every ticker on a line, the best skill first."""
    strongest = result.verdict.strongest_baseline
    steps = [network_scores(found, result.cell) for found in result.summary.results]
    tickers = [next(row for row in rows if row.score.horizon == 1) for rows in steps]
    ranked = sorted(tickers, key=lambda ticker: -ticker.against[strongest].crps_skill)
    table = _ticker_table(ranked, result)
    skills = [ticker.against[strongest].crps_skill for ticker in ranked]
    return [
        Heading(f"Test part: {count(len(ranked), 'ticker')}, best skill vs {display(strongest)} first"),
        table,
        table.notes,
        *([_spread(skills, display(strongest))] if len(skills) > 1 else []),
    ]


def _ticker_table(ranked: Sequence[Versus], result: PoolResult) -> Table[Versus]:
    strongest, *others = dict.fromkeys((result.verdict.strongest_baseline, GARCH))
    skill = f"{' and '.join(map(versus, (strongest, *others)))}: how much lower the CRPS of {result.cell} is."
    crps = "CRPS in basis points of the log return."
    adjusted = "adjusted p: after control of the false discovery rate over all tickers (Benjamini-Hochberg)."
    columns: tuple[Column[Versus], ...] = (
        Column("ticker", lambda row: row.score.ticker, align="left"),
        Column("n", lambda row: row.score.n, thousands, rank=3),
        Column("CRPS", lambda row: row.score.crps, basis_points, crps, rank=1),
        skill_column(strongest, versus(strongest), skill),
        p_column(strongest, "p: one-sided Diebold-Mariano test.", rank=2),
        Column("adjusted p", lambda row: result.adjusted_p.get(row.score.ticker), p_value, adjusted),
        *(skill_column(rival, versus(rival), skill) for rival in others),
        Column(COVERAGE_90, lambda row: row.score.coverage_90, percent),
    )
    return Table(columns, tuple(ranked), most=_MOST)


def _spread(ranked: Sequence[float], strongest: str) -> str:
    """The skill of the tickers in a sentence; tenths only of ten and more. ranked: best first."""
    n = len(ranked)
    tenth, better = round(n / 10), sum(skill > 0 for skill in ranked)
    middle = (ranked[(n - 1) // 2] + ranked[n // 2]) / 2
    words = f"Better than {strongest} on {better} of {count(n, 'ticker')}"
    words += f", in the middle by {gain(middle)}"
    if n < _TENTHS:
        return f"{words}."
    best, worst = (gain(ranked[place]) for place in (tenth - 1, n - tenth))
    return f"{words}; the best tenth from {best} up, the worst tenth from {worst} down."


def _pool_provenance(result: PoolResult) -> list[str]:
    """Who was scored and who serves, who could not be scored, and where the model is."""
    lines = [_scored(result), _served(result)]
    if result.untested:
        lines.append(f"not scored, with too few sessions around the test part: {few(result.untested, _NAMED)}")
    if result.left_out:
        others = [f"{ticker} ({exchange})" for ticker, exchange in result.left_out.items()]
        lines.append(f"left out, from other exchanges: {few(others, _NAMED)}")
    return [
        *lines,
        _steps(result),
        f"saved in {result.path}",
        f"next forecasts: stockcast predict SOURCE... --model {result.model}",
    ]
