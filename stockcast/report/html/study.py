"""A study as a page: the decision, how the search went, what each setting did, and the test part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast.evaluation.tuned import COMPLETE, best_of
from stockcast.report.html.figure import INK, MUTED, NETWORK, RIVAL, THIRD, Chart, points
from stockcast.report.html.page import Card, Cards, Drawing, Element, Facts, Figures, Grid, Prose, Section, document
from stockcast.report.tables import count, gain, p_value
from stockcast.report.tuning import (
    GAINS,
    axis_name,
    decision,
    held_out_table,
    held_out_words,
    option_words,
    trials_table,
    trials_words,
    value_text,
)
from stockcast.versions import VERSION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from stockcast.config.tuning import Axis
    from stockcast.evaluation.tuned import TuneResult


def document_of(result: TuneResult) -> str:
    """The whole page: without scripts, links or references elsewhere."""
    names = [series.ticker for series in result.series]
    title = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    makers = (_decision, _search, _settings_tried, _test, _trials, _facts)
    sections = [section for make in makers if (section := make(result)) is not None]
    return document(title, f"Tuning: {trials_words(result)}.", VERSION, sections)


def _decision(result: TuneResult) -> Section:
    best, test = result.best_trial, result.superiority
    p = f"p = {p_value(test.p_value)} (Hansen)"
    cards = [Card("best trial on the folds", gain(_gain(best.value)), (f"trial {best.number}", p))]
    if result.test is not None:
        decided = "decided nothing", f"p = {p_value(result.test.p)}"
        cards.append(Card("the same on the test part", gain(result.test.gain), decided))
    settings = option_words(result.settings)
    return Section("decision", "Decision", (Prose(decision(result), "headline"), Cards(tuple(cards)), Prose(settings)))


def _search(result: TuneResult) -> Section:
    charts = [Drawing(_history_chart(result), GAINS)]
    if result.importances:
        note = "Share of what tells the best trials from the others (PED-ANOVA); with few trials, mostly chance."
        charts.append(Drawing(_importances_chart(result), note))
    return Section("search", "The search", (Figures(tuple(charts)),))


def _settings_tried(result: TuneResult) -> Section | None:
    """None where nothing was searched."""
    drawings = tuple(Drawing(_slice_chart(result, axis), "") for axis in result.axes)
    if not drawings:
        return None
    note = "Every complete trial at its value of one setting; orange: the best one, green: the default from scratch."
    return Section("settings", "Each setting", (Prose(note, "quiet"), Figures(drawings)))


def _test(result: TuneResult) -> Section | None:
    if result.test is None:
        return None
    return Section(
        "test", "Test part", (Grid(held_out_table(result.test)), Prose(held_out_words(result.test), "quiet"))
    )


def _trials(result: TuneResult) -> Section:
    return Section("trials", "All trials", (Grid(trials_table(result), folded=True),))


def _facts(result: TuneResult) -> Section:
    facts = [("study", result.study), ("kind", "one network of all series" if result.pool else "a network each")]
    for series in result.series:
        spans = f"{series.folds[0].first} to {series.folds[-1].last}, {count(len(series.folds), 'fold')}"
        facts.append((series.ticker, f"{spans}; test part {series.test.first} to {series.test.last}"))
    facts += [
        (f"searched: {axis_name(axis.name)}", f"{axis.words} (default {value_text(axis.default)})")
        for axis in result.axes
    ]
    facts.append(("stockcast", VERSION))
    elements: tuple[Element, ...] = (Facts(tuple(facts)),)
    return Section("facts", "Folds and space", elements)


# Charts.


def _gain(value: float | None) -> float:
    return 0.0 if value is None else 1.0 - value


def _complete(result: TuneResult) -> tuple[Any, Any]:
    trials = [trial for trial in result.trials if trial.state == COMPLETE]
    return np.array([trial.number for trial in trials]), np.array([_gain(trial.value) for trial in trials])


def _history_chart(result: TuneResult) -> Chart:
    """The gain of each complete trial in their order, and the best one so far; ticks below for those given up."""
    number_K, gain_K = _complete(result)
    given_up = [trial.number for trial in result.trials if trial.state != COMPLETE]
    low = float(np.min(gain_K, initial=0.0))

    def draw(ax: Axes) -> None:
        ax.axhline(0.0, color=INK, linewidth=0.9)
        ax.step(number_K, np.maximum.accumulate(gain_K), where="post", color=NETWORK, label="best so far")
        ax.plot(number_K, gain_K, linestyle="none", marker="o", markersize=4.5, color=MUTED, label="complete")
        if given_up:
            at = [low] * len(given_up)
            ax.plot(given_up, at, linestyle="none", marker="|", markersize=9.0, color=RIVAL, label="given up")
        ax.yaxis.set_major_formatter(lambda value, _: points(value))
        ax.locator_params(axis="x", integer=True)
        ax.set_xlabel("trial")
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)

    best = best_of(result.trials)
    label = f"Gain over the default by trial: {gain(_gain(best.value if best else None))} at best."
    return Chart("history", "Gain over the default, trial by trial", label, 430, 270, draw)


def _importances_chart(result: TuneResult) -> Chart:
    names = sorted(result.importances, key=lambda name: result.importances[name])
    shares = [result.importances[name] for name in names]

    def draw(ax: Axes) -> None:
        ax.barh(range(len(names)), shares, height=0.68, color=NETWORK, alpha=0.75)
        ax.set_yticks(range(len(names)), [axis_name(name) for name in names])
        ax.tick_params(axis="y", colors=INK)
        ax.grid(False)
        ax.xaxis.set_major_formatter(lambda value, _: f"{100.0 * value:.0f} %")

    label = f"Importance of each setting: {axis_name(names[-1])} first."
    return Chart("importances", "What made the difference", label, 430, 270, draw)


def _slice_chart(result: TuneResult, axis: Axis) -> Chart:
    """The gain of every complete trial at its value of one setting."""
    trials = [trial for trial in result.trials if trial.state == COMPLETE]
    words = [value_text(choice) for choice in axis.choices]

    def place(value: Any) -> float:
        return float(words.index(value_text(value))) if axis.choices else float(value)

    def draw(ax: Axes) -> None:
        ax.axhline(0.0, color=INK, linewidth=0.9)
        for trial in trials:
            colour = RIVAL if trial.number == result.best else THIRD if trial.is_default else MUTED
            ax.plot(
                [place(trial.parameters[axis.name])], [_gain(trial.value)], linestyle="none", marker="o",
                markersize=6.0 if colour != MUTED else 4.5, color=colour, zorder=3.0 if colour != MUTED else 2.0,
            )  # fmt: skip
        if axis.choices:
            ax.set_xticks(range(len(words)), words)
            ax.set_xlim(-0.6, len(words) - 0.4)
        elif axis.log:
            ax.set_xscale("log")
            ends = sorted({axis.low, axis.default, axis.high})
            ax.set_xticks(ends, [value_text(end) for end in ends])
            ax.minorticks_off()
        elif isinstance(axis.default, int):
            ax.locator_params(axis="x", integer=True)
        ax.yaxis.set_major_formatter(lambda value, _: points(value))

    name = axis_name(axis.name)
    return Chart(f"slice-{axis.name.replace(':', '-').replace(' ', '-')}", name, f"Gain by {name}.", 430, 220, draw)
