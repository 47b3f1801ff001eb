"""The folds of a backtest: a table, drawn to scale on a terminal, and what the networks of each began with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.config.models import SCRATCH
from stockcast.report.tables import Column, Table, thousands
from stockcast.report.text import Heading, Page, render_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from stockcast.evaluation.verdict import FoldSummary
    from stockcast.results import BacktestPlan

_BAR = 40  # characters of the drawing of a fold


def folds_table(
    folds: Sequence[FoldSummary], *more: Column[FoldSummary], drawn: Page | None = None
) -> Table[FoldSummary]:
    """Each fold on a line.

    Args:
        folds: Oldest first.
        more: Further columns.
        drawn: The page of text on which the folds are drawn to scale; None: they are not drawn.
    """
    return Table(
        (
            Column("fold", lambda fold: fold.number),
            *([_drawing(folds, drawn)] if drawn else []),
            Column("train from", lambda fold: fold.train[0], rank=1, align="left"),
            Column("validation from", lambda fold: fold.validation[0], rank=1, align="left"),
            Column("test from", lambda fold: fold.test[0], align="left"),
            Column("to", lambda fold: fold.test[1], align="left"),
            Column("sessions", lambda fold: fold.test[2], thousands),
            *more,
        ),
        tuple(folds),
        "Folds",
    )


def _drawing(folds: Sequence[FoldSummary], page: Page) -> Column[FoldSummary]:
    begin, end = folds[0].train[0].toordinal(), folds[-1].test[1].toordinal()
    marks = ("─", "═", "█") if page.unicode else ("-", "=", "#")

    def place(day: date) -> int:
        return (day.toordinal() - begin) * (_BAR - 1) // max(end - begin, 1)

    def bar(fold: FoldSummary) -> str:
        line = [" "] * _BAR
        for mark, (first, last, _) in zip(marks, (fold.train, fold.validation, fold.test), strict=True):
            low, high = place(first), place(last)
            line[low : high + 1] = mark * (high + 1 - low)
        return "".join(line).rstrip()

    return Column(f"{marks[0]} train  {marks[1]} validation  {marks[2]} test", bar, rank=2, align="left")


def networks_words(folds: Sequence[FoldSummary], network: str) -> list[str]:
    """What the networks of the folds were initialised from, and whether that stayed; and who would have made the
    forecasts of models that were trained like this. Nothing of networks that were not trained.

    Args:
        folds: Oldest first.
        network: The cell that the verdict is about.
    """
    trained = [fold for fold in folds if fold.initialised_from is not None]
    told = {
        "Networks": _alike(trained, _start_words),
        "Would have been served": _alike(trained, lambda fold: fold.served_by.get(network, "")),
    }
    return [
        f"{title}: {'; '.join(f'{words} in {_places(numbers, len(folds))}' for words, numbers in known.items())}."
        for title, known in told.items()
        if known
    ]


def _alike(folds: Sequence[FoldSummary], words_of: Callable[[FoldSummary], str]) -> dict[str, list[int]]:
    """The numbers of the folds of which the same is said."""
    known: dict[str, list[int]] = {}
    for fold in folds:
        if words_of(fold):
            known.setdefault(words_of(fold), []).append(fold.number)
    return known


def _start_words(fold: FoldSummary) -> str:
    if fold.init is None:
        return "from scratch" if fold.initialised_from == SCRATCH else f"initialised from {fold.initialised_from}"
    return f"{fold.init.called} {'unchanged' if fold.init.kept else 'tuned'}"


def _places(folds: Sequence[int], of: int) -> str:
    """Folds by their numbers, of which neighbours are a range."""
    if len(folds) == of:
        return "every fold" if of > 1 else "its fold"
    ranges: list[list[int]] = []
    for fold in folds:
        if ranges and fold == ranges[-1][-1] + 1:
            ranges[-1].append(fold)
        else:
            ranges.append([fold])
    words = [f"{one[0]} to {one[-1]}" if len(one) > 1 else str(one[0]) for one in ranges]
    return f"{'fold' if len(folds) == 1 else 'folds'} {', '.join(words)}"


def folds_text(plans: Sequence[BacktestPlan], page: Page) -> str:
    """What `backtest --dry-run` shows: the folds of each source, drawn to scale."""
    return render_all([[Heading(plan.ticker), folds_table(plan.folds, drawn=page)] for plan in plans], page)
