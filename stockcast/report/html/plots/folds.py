"""Folds: what each stage learnt from, what it chose on and what it forecast, on one time line."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from stockcast.report.figures import count
from stockcast.report.html.figure import Chart
from stockcast.report.html.palette import INK, NETWORK, RULE, THIRD
from stockcast.report.html.plots.skill import year_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from stockcast.results.backtests import FoldSummary

_PARTS = (("train", "learns", RULE), ("validation", "chooses", THIRD), ("test", "forecasts", NETWORK))
_EPOCH = date(1970, 1, 1).toordinal()  # matplotlib counts days from there
_LABELS = 20
"""More folds than that are not numbered one by one."""


def folds_chart(folds: Sequence[FoldSummary], narrow: bool = False) -> Chart:
    """A bar for each fold, the first on top."""
    thick = max(4.0, min(16.0, 420.0 / len(folds)))

    def draw(ax: Axes) -> None:
        for part, words, colour in _PARTS:
            first = [getattr(fold, part)[0].toordinal() - _EPOCH for fold in folds]
            last = [getattr(fold, part)[1].toordinal() + 1 - _EPOCH for fold in folds]
            spans = [end - begin for begin, end in zip(first, last, strict=True)]
            ax.barh(range(len(folds)), spans, left=first, height=0.68, color=colour, label=words)
        ax.xaxis_date()
        year_axis(ax)
        ax.grid(False)
        stride = -(-len(folds) // _LABELS)
        ax.set_yticks(range(0, len(folds), stride), [str(fold.number) for fold in folds[::stride]])
        ax.set_ylim(len(folds) - 0.4, -0.6)
        ax.tick_params(axis="y", colors=INK)
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)

    label = f"{count(len(folds), 'fold')}, forecasting {folds[0].test[0]} to {folds[-1].test[1]}."
    height = round(70 + thick * len(folds))
    name, width = ("folds-narrow", 430) if narrow else ("folds", 920)
    return Chart(name, "Folds", label, width, height, draw)
