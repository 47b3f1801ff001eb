"""A training as text: parts, competitors, verdict, what is served, and the next forecast."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING

from stockcast.report.figures import basis_points, count, number, p_value, percent
from stockcast.report.forecast import age, next_forecast
from stockcast.report.page import Column, Page, heading, paragraph, render, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from stockcast.results.training import Comparison, Score, TrainResult

_PARTS = (
    Column("part", right=False),
    Column("first", right=False),
    Column("last", right=False),
    Column("sessions"),
)


def trainings_text(results: Sequence[TrainResult], page: Page) -> str:
    """What `train` shows: one section per source, an empty line between them."""
    return "\n".join(training_text(result, page) for result in results)


def training_text(result: TrainResult, page: Page) -> str:
    """One source's training. Scores are over the test part; a skill is the network's against that baseline."""
    items: list[RenderableType] = [
        heading(f"{result.ticker}: {result.cell} trained, saved as model {result.model} ({result.model_id[:12]})"),
        "",
        table(_PARTS, _part_rows(result), page),
        "",
        *competition(result.scores, result.comparisons, result.cell, "Test part", page),
        "",
        heading("Verdict"),
        paragraph(result.verdict.sentence, page),
        "",
        *(paragraph(line, page) for line in _provenance(result)),
    ]
    if result.forecasts:
        items += ["", heading("Next forecast"), next_forecast(result.forecasts, page)]
    return render(items, page)


def _part_rows(result: TrainResult) -> list[list[str]]:
    return [
        [name, part.first.isoformat(), part.last.isoformat(), f"{part.count:,}"] for name, part in result.splits.items()
    ]


def competition(
    scores: Sequence[Score], comparisons: Sequence[Comparison], cell: str, what: str, page: Page
) -> list[RenderableType]:
    """The table of all competitors, best first; `cell` is the network that the skills and p-values are of."""
    ranked = sorted(scores, key=lambda score: score.crps if isfinite(score.crps) else inf)
    if not ranked:
        return [paragraph("no test part, so nothing was scored", page)]
    compared = {comparison.baseline: comparison for comparison in comparisons if comparison.model == cell}
    network = next((index for index, score in enumerate(ranked) if score.model == cell), None)
    rows = [_score_row(score, compared.get(score.model)) for score in ranked]
    title = f"{what}: {count(ranked[0].n, 'forecast')}, best CRPS first, > is the network"
    up = percent(ranked[0].always_up)
    return [
        heading(title),
        table(_score_columns(cell), rows, page, marked=network),
        paragraph(
            "CRPS, pinball and 90 % interval score in basis points of the log return: lower is better. MAE, RMSE and "
            f"MAPE: relative to those of the last close. The price rose on {up} of the sessions.",
            page,
        ),
    ]


def _score_columns(cell: str) -> tuple[Column, ...]:
    return (
        Column("model", right=False),
        Column("CRPS"),
        Column(f"{cell} skill"),
        Column("p"),
        Column("log score", rank=1),
        Column("pinball", rank=7),
        Column("score 90 %", rank=4),
        Column("in 50 %", rank=3),
        Column("in 90 %"),
        Column("MAE", rank=5),
        Column("RMSE", rank=6),
        Column("MAPE", rank=6),
        Column("hits", rank=2),
    )


def _score_row(score: Score, comparison: Comparison | None) -> list[str]:
    return [
        ("> " if score.kind == "network" else "  ") + score.model,
        basis_points(score.crps),
        percent(comparison.crps_skill, 2, signed=True) if comparison else "",
        p_value(comparison.dm_p) if comparison else "",
        number(score.log_score),
        basis_points(score.pinball),
        basis_points(score.interval_score_90, 1),
        percent(score.coverage_50),
        percent(score.coverage_90),
        number(score.mae_ratio),
        number(score.rmse_ratio),
        number(score.mape_ratio),
        percent(score.hit_rate),
    ]


def _provenance(result: TrainResult) -> list[str]:
    served = result.verdict.served_by
    scored = f"scored: {result.cell}, trained to {result.scored_cutoff}"
    if result.init is not None and result.init.kept:
        scored = f"scored: {result.cell} of the {result.init.name} model, chosen on sessions to {result.scored_cutoff}"
    if result.served_cutoff == result.scored_cutoff:
        kept = f"served: {served}, the one that was scored"
    elif result.init is not None and result.init.kept and served == result.cell:
        kept = f"served: {served}, the newest of the {result.init.name} model as it is"
    else:
        kept = f"served: {served}, refitted on everything to {result.served_cutoff}"
    steps = ", ".join(str(step) for step in result.steps)
    prices = [f"prices: to {f.origin}, {age(f.data_age_sessions)}" for f in result.forecasts[:1]]
    return [
        *prices,
        scored,
        kept,
        *([f"gradient steps of each member: {steps}"] if steps and not (result.init and result.init.kept) else []),
        *([result.init.sentence(result.ticker)] if result.init else []),
        f"saved in {result.path}",
    ]
