"""Folds: how the record was made, and how the networks learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.evaluation.verdict import display
from stockcast.report.figures import count
from stockcast.report.html.blocks import Block, DataTable, Drawing, Figures, Prose, Section
from stockcast.report.html.plots.folds import folds_chart
from stockcast.report.html.plots.losses import fold_losses_chart, learnt, losses_chart
from stockcast.report.page import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stockcast.results.backtests import FoldSummary
    from stockcast.results.report import Report

_COLUMNS = (
    Column("fold", right=False),
    Column("learns from"),
    Column("chooses from"),
    Column("forecasts"),
    Column("to"),
    Column("sessions"),
    Column("steps of each member", right=False),
)


def folds_section(report: Report) -> Section | None:
    """None without folds."""
    folds = report.result.folds
    if not folds:
        return None
    blocks: list[Block] = [
        Prose(_words(folds)),
        Figures((Drawing(folds_chart(folds), "", folds_chart(folds, narrow=True)),)),
    ]
    cells = dict.fromkeys(cell for fold in folds for cell in fold.curves)
    drawings = tuple(drawing for cell in cells for drawing in _losses(cell, folds))
    if drawings:
        blocks += [Figures(drawings), Prose(_LOSSES, "quiet")]
    blocks.append(DataTable("Folds", _COLUMNS, tuple(_row(fold) for fold in folds), folded=True))
    return Section("folds", "How it was tested", tuple(blocks))


_LOSSES = (
    "Loss: mean negative log likelihood of a session, in units of the base scale. Dots: the steps whose weights the "
    "members of the ensemble kept. Change: mean over the members, since before the first step."
)


def _words(folds: Sequence[FoldSummary]) -> str:
    sessions = sum(fold.test[2] for fold in folds)
    return (
        f"{count(len(folds), 'fold')}: each learns from the past, is stopped by the newest part of it, and forecasts "
        f"sessions that it has not seen, {sessions:,} in all."
    )


def _losses(cell: str, folds: Sequence[FoldSummary]) -> tuple[Drawing, ...]:
    """The last fold's members, and all folds side by side where there are several."""
    told = [(fold.number, fold.curves[cell]) for fold in folds if fold.curves.get(cell)]
    if not told:
        return ()
    number, curves = told[-1]
    name = display(cell)
    last = losses_chart(cell, f"{name}: loss of each member, fold {number}", curves)
    several = [(fold, members) for fold, members in told if learnt(members)]
    if len(several) < 2:
        return (Drawing(last, ""),)
    return Drawing(last, ""), Drawing(fold_losses_chart(cell, f"{name}: change of the validation loss", several), "")


def _row(fold: FoldSummary) -> tuple[str, ...]:
    steps = "; ".join(f"{cell} {', '.join(map(str, members))}" for cell, members in fold.steps.items())
    return (
        str(fold.number),
        fold.train[0].isoformat(),
        fold.validation[0].isoformat(),
        fold.test[0].isoformat(),
        fold.test[1].isoformat(),
        f"{fold.test[2]:,}",
        steps or "-",
    )
