"""A pooled training as text and JSON: who taught the model, every ticker's score, all of them together, who serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stockcast.report.asjson import plain
from stockcast.report.backtest import together
from stockcast.report.figures import basis_points, count, p_value, percent
from stockcast.report.page import Column, Page, heading, paragraph, render, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from stockcast.results.backtests import BacktestResult
    from stockcast.results.pools import PoolResult
    from stockcast.results.skilltable import SkillTable
    from stockcast.results.training import Comparison, Score

_MOST = 60  # tickers of a table; of more, the best and the worst half are shown
_NAMED = 20  # tickers that a sentence names; of more, it counts the others
_TENTHS = 10  # tickers from which on tenths of them are told
_GARCH = "garch-t"

_PARTS = (
    Column("part", right=False),
    Column("first", right=False),
    Column("last", right=False),
    Column("sessions"),
)


def pool_text(result: PoolResult, skill: SkillTable, page: Page) -> str:
    """What `train --pool` shows. skill: the table of `result.summary`."""
    parts = [
        [name, part.first.isoformat(), part.last.isoformat(), f"{part.count:,}"] for name, part in result.splits.items()
    ]
    title = f"{result.model}: one {result.cell} trained on {count(len(result.members), 'ticker')}"
    head: list[RenderableType] = [
        heading(f"{title} ({result.model_id[:12]})"),
        paragraph(_market(result), page),
        "",
        table(_PARTS, parts, page),
        "",
        *_tickers(result, page),
    ]
    tail: list[RenderableType] = [
        heading("Verdict"),
        paragraph(result.verdict.sentence, page),
        "",
        *(paragraph(line, page) for line in _provenance(result)),
    ]
    return "\n".join([render(head, page), together(result.summary, skill, page), render(tail, page)])


def pool_data(result: PoolResult) -> dict[str, Any]:
    """The one entry of `data` of `train --pool`, with the names that a ticker's entry has where they mean the same.

    scores, comparisons: of every ticker. verdicts: a sentence by ticker. Test forecasts are left to `--output`, those
    of the next session to `predict`.
    """
    summary = result.summary
    return {
        "ticker": "all",
        **{name: plain(getattr(result, name)) for name in ("model", "model_id", "cell", "members", "untested")},
        "left_out": plain(result.left_out),
        "market": result.market,
        "splits": plain(result.splits),
        "scores": [plain(score) for found in summary.results for score in found.scores],
        "comparisons": [plain(compared) for found in summary.results for compared in found.comparisons],
        "validation_crps": {found.ticker: plain(found.validation_crps) for found in summary.results},
        "pooled": plain(summary.pooled),
        "mean_crps": plain(summary.mean_crps),
        "confidence_set": plain(summary.confidence_set),
        "calibrated": plain(summary.calibrated),
        "verdict": plain(result.verdict),
        "verdicts": dict(result.sentences),
        "adjusted_p": plain(result.adjusted_p),
        "data_sha256": {found.ticker: found.data_sha256 for found in summary.results},
        "forecast": None,
        "forecasts": [],
        **{name: plain(getattr(result, name)) for name in ("scored_cutoff", "served_cutoff", "steps", "curves")},
        "path": str(result.path),
    }


def _market(result: PoolResult) -> str:
    if result.market:
        return (
            "It looks at the market too: what all its tickers together did in each session. A second network does "
            "without, for forecasts from sessions in which the market is not known."
        )
    return "It looks at each ticker alone: in the training part too few of them trade at a time to be a market."


def _tickers(result: PoolResult, page: Page) -> list[RenderableType]:
    """Every ticker on a line, the best skill first."""
    strongest, cell = result.verdict.strongest_baseline, result.cell
    rivals = (strongest,) if strongest == _GARCH else (strongest, _GARCH)
    ranked = sorted(result.summary.results, key=lambda found: -_against(found, cell)[strongest].crps_skill)
    columns = (
        Column("ticker", right=False),
        Column("n", rank=3),
        Column("CRPS", rank=1),
        Column(f"over {strongest}"),
        Column("p", rank=2),
        Column("adjusted p"),
        *(Column(f"over {name}") for name in rivals[1:]),
        Column("in 90 %"),
    )
    rows = [_row(found, result, rivals) for found in ranked]
    if len(rows) > _MOST:
        left_out = [f"... {len(rows) - _MOST} more", *[""] * (len(columns) - 1)]
        rows = [*rows[: _MOST // 2], left_out, *rows[-(_MOST // 2) :]]
    words = (
        f"CRPS in basis points of the log return. over {' and over '.join(rivals)}: how much lower the CRPS of {cell} "
        "is. p: one-sided Diebold-Mariano test. adjusted p: after control of the false discovery rate over all tickers "
        "(Benjamini-Hochberg)."
    )
    skills = [_against(found, cell)[strongest].crps_skill for found in ranked]
    return [
        heading(f"Test part: {count(len(ranked), 'ticker')}, best skill over {strongest} first"),
        table(columns, rows, page),
        paragraph(words, page),
        *([paragraph(_spread(skills, strongest), page)] if len(skills) > 1 else []),
    ]


def _row(found: BacktestResult, result: PoolResult, rivals: Sequence[str]) -> list[str]:
    against, score = _against(found, result.cell), _score(found, result.cell)
    strongest = against[rivals[0]]
    return [
        found.ticker,
        f"{score.n:,}",
        basis_points(score.crps),
        percent(strongest.crps_skill, 2, signed=True),
        p_value(strongest.dm_p),
        p_value(result.adjusted_p.get(found.ticker)),
        *(percent(against[name].crps_skill, 2, signed=True) if name in against else "-" for name in rivals[1:]),
        percent(score.coverage_90),
    ]


def _spread(ranked: Sequence[float], strongest: str) -> str:
    """The skill of the tickers in a sentence; tenths only of ten and more. ranked: best first."""
    n = len(ranked)
    tenth, better = round(n / 10), sum(skill > 0 for skill in ranked)
    middle = (ranked[(n - 1) // 2] + ranked[n // 2]) / 2
    words = f"Better than {strongest} on {better} of {count(n, 'ticker')}"
    words += f", in the middle by {percent(middle, 2, signed=True)}"
    if n < _TENTHS:
        return f"{words}."
    best, worst = (percent(ranked[place], 2, signed=True) for place in (tenth - 1, n - tenth))
    return f"{words}; the best tenth from {best} up, the worst tenth from {worst} down."


def _against(found: BacktestResult, cell: str) -> Mapping[str, Comparison]:
    return {compared.baseline: compared for compared in found.comparisons_at(1) if compared.model == cell}


def _score(found: BacktestResult, cell: str) -> Score:
    return next(score for score in found.scores_at(1) if score.model == cell)


def _provenance(result: PoolResult) -> list[str]:
    """Who was scored and who serves, who could not be scored, and where the model is."""
    served = result.verdict.served_by
    lines = [f"scored: {result.cell}, trained to {result.scored_cutoff}"]
    if result.served_cutoff == result.scored_cutoff:
        lines.append(f"served: {served}, the one that was scored")
    else:
        lines.append(f"served: {served}, refitted on everything to {result.served_cutoff}")
    if result.untested:
        lines.append(f"not scored, with too few sessions around the test part: {_names(result.untested)}")
    if result.left_out:
        others = [f"{ticker} ({exchange})" for ticker, exchange in result.left_out.items()]
        lines.append(f"left out, from other exchanges: {_names(others)}")
    return [
        *lines,
        f"gradient steps of each member: {', '.join(str(step) for step in result.steps)}",
        f"saved in {result.path}",
        f"next forecasts: stockcast predict SOURCE... --model {result.model}",
    ]


def _names(tickers: Sequence[str]) -> str:
    shown = ", ".join(tickers[:_NAMED])
    return shown if len(tickers) <= _NAMED else f"{shown} and {len(tickers) - _NAMED:,} more"
