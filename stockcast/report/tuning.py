"""A study as text: what was searched, how its trials did, what was decided, and what the test part says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import TYPE_CHECKING, Any

from stockcast.config.models import GENERAL, SCRATCH
from stockcast.config.tuning import COLUMNS, Axis
from stockcast.evaluation.tuned import ADOPTED_BELOW, COMPLETE, FAILED, PRUNED
from stockcast.report.tables import Column, Table, basis_points, count, gain, p_value, thousands
from stockcast.report.text import Block, Heading, Page, render
from stockcast.report.work import work_words

if TYPE_CHECKING:
    from stockcast.evaluation.tuned import HeldOut, HeldOutScore, Span, TrialRecord, TunedSeries, TunePlan, TuneResult

_SHOWN = 10
"""Trials of the table: the best ones."""

_MOST = 40
"""Series of a table; of more, the first and the last half are shown."""

GAINS = "Gain: how much lower the CRPS is than the default's on the same sessions, mean over series by date."

_SERIES: tuple[Column[TunedSeries], ...] = (
    Column("series", lambda one: one.ticker, align="left"),
    Column("default", lambda one: _begun(one.default), align="left"),
    Column("folds", lambda one: len(one.folds), thousands),
    Column("first session", lambda one: one.folds[0].first, align="left"),
    Column("last session", lambda one: one.folds[-1].last, align="left"),
    Column("test part", lambda one: _span(one.test), align="left", rank=1),
)
_AXES: tuple[Column[Axis], ...] = (
    Column("searched", lambda axis: axis_name(axis.name), align="left"),
    Column("values", lambda axis: axis.words, align="left"),
    Column("default", lambda axis: value_text(axis.default)),
)


def tune_text(result: TuneResult, page: Page) -> str:
    """What `tune` shows."""
    blocks: list[Block] = [
        Heading(f"{_of_series(result)}: {trials_words(result)}"),
        "",
        Table(_SERIES, result.series),
        "",
        trials_table(result, _SHOWN),
        "",
        GAINS,
        "",
        Heading("Decision"),
        decision(result),
        "",
        command_words(result),
    ]
    if result.test is not None:
        blocks += ["", held_out_table(result.test), "", held_out_words(result.test)]
    return render(blocks, page)


def plan_text(
    plan: TunePlan, series: Sequence[TunedSeries], axes: Sequence[Axis], room: tuple[int, int], page: Page
) -> str:  # fmt: skip
    """What `tune --dry-run` shows: the folds, the space, and what they take. room: jobs, and bytes of each."""
    words = _plan_words(plan, *room)
    return render([Table(_SERIES, tuple(series)), "", Table(_AXES, tuple(axes)), "", words], page)


def _plan_words(plan: TunePlan, jobs: int, memory: int) -> str:
    """How many pieces there are, and how long they take; what is given up early is not known yet."""
    if plan.pieces is None or plan.seconds is None:
        return f"Study {plan.study}: as many trials as the minutes allow, {count(jobs, 'job')}."
    return f"Study {plan.study}, at most: {work_words(plan.pieces, plan.seconds, jobs, memory)}"


def trials_words(result: TuneResult) -> str:
    """How many trials there were, and what became of them."""
    given_up, failed = result.count(PRUNED), result.count(FAILED)
    parts = [f"{result.count(COMPLETE)} complete", f"{given_up} given up early"]
    parts += [f"{failed} failed"] if failed else []
    return f"{count(len(result.trials), 'trial')}, {', '.join(parts)}"


def decision(result: TuneResult) -> str:
    """Whether the default is left, in a sentence or two."""
    test, best = result.superiority, result.best_trial
    against = f"p = {p_value(test.p_value)} over {count(test.candidates, 'complete trial')}"
    given_up = f"; {result.count(PRUNED)} given up early, which it does not see" if result.count(PRUNED) else ""
    tested = f"Hansen's test of superior predictive ability, {against}{given_up}"
    if result.adopted:
        return (
            f"Trial {best.number} is adopted: its CRPS is {_gain_of(best)} lower than the default's on the validation "
            f"folds, more than the luckiest of so many would be ({tested})."
        )
    if test.candidates == 0:
        return "The default stays: no complete trial can be told from it."
    if best.value is None or best.value >= 1.0:
        return f"The default stays: no trial had a lower CRPS than the default on the validation folds ({tested})."
    return (
        f"The default stays: the best trial, {best.number}, has a CRPS {_gain_of(best)} lower on the validation folds, "
        f"which the luckiest of so many may well have ({tested}; a claim is made below {ADOPTED_BELOW:g})."
    )


def command_words(result: TuneResult) -> str:
    """How to train with the best trial's settings."""
    which = "with it" if result.adopted else "with the best trial's settings all the same"
    pool = " --pool --name NAME" if result.pool else ""
    return f"To train {which}: stockcast train SOURCE{pool} {option_words(result.settings)}"


def option_words(settings: Mapping[str, Any]) -> str:
    """Settings as options of a command line."""
    words: list[str] = []
    for name, value in settings.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag.removeprefix('--')}")
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [] if one is None else [flag, quote(value_text(one))]
    return " ".join(words)


def trials_table(result: TuneResult, most: int | None = None) -> Table[TrialRecord]:
    """The trials, the best first; those that were given up and that failed come last. most: of complete ones."""
    complete = sorted(
        (trial for trial in result.trials if trial.value is not None), key=lambda trial: (trial.value, trial.number)
    )
    rows = complete[:most] if most is not None else [*complete, *(one for one in result.trials if one.value is None)]
    default = [trial for trial in complete if trial.is_default and trial not in rows]
    columns: list[Column[TrialRecord]] = [
        Column("trial", lambda trial: trial.number),
        Column("gain", lambda trial: None if trial.value is None else 1.0 - trial.value, gain),
    ]
    if most is None:
        columns.append(Column("state", lambda trial: trial.state, align="left"))
    columns += [_parameter(axis) for axis in result.axes]
    columns.append(Column("seconds", lambda trial: trial.seconds, lambda value: f"{value:,.0f}", rank=2))
    chosen = next((place for place, trial in enumerate(rows) if trial.number == result.best), None)
    title = "Trials" if most is None else "Best trials"
    return Table(tuple(columns), (*rows, *default), title, frozenset({chosen} if chosen is not None else ()), chosen)


def held_out_table(test: HeldOut) -> Table[HeldOutScore]:
    """The test part, series by series."""
    columns: tuple[Column[HeldOutScore], ...] = (
        Column("test part", lambda one: one.ticker, align="left"),
        Column("sessions", lambda one: one.sessions, thousands),
        Column("CRPS of\nHAR-t", lambda one: one.har, basis_points, rank=1),
        Column("CRPS of\nthe default", lambda one: one.default, basis_points),
        Column("CRPS of\nthe best trial", lambda one: one.best, basis_points),
        Column("gain", lambda one: 1.0 - one.best / one.default, gain),
    )
    return Table(columns, test.scores, "Test part", most=_MOST)


def held_out_words(test: HeldOut) -> str:
    """What the test part says, which decided nothing."""
    return (
        f"The test part, which no trial saw, decided nothing. The best trial's gain over the default there: "
        f"{gain(test.gain)}, mean over series (p = {p_value(test.p)}, Diebold-Mariano by date). CRPS in basis points."
    )


def axis_name(name: str) -> str:
    """The name of an axis in words."""
    return f"{name.removeprefix(COLUMNS)} columns" if name.startswith(COLUMNS) else name.replace("_", " ")


def value_text(value: Any) -> str:
    """A value as text."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _parameter(axis: Axis) -> Column[TrialRecord]:
    title = axis_name(axis.name).replace(" ", "\n", 1)
    return Column(title, lambda trial: trial.parameters.get(axis.name), value_text, rank=1)


def _of_series(result: TuneResult) -> str:
    if result.pool:
        return f"a pool of {result.series[0].ticker}"
    return result.series[0].ticker if len(result.series) == 1 else f"{len(result.series)} series"


def _span(span: Span) -> str:
    return f"{span.first} .. {span.last}"


def _begun(name: str) -> str:
    return {SCRATCH: "from scratch", GENERAL: "general model"}.get(name, name)


def _gain_of(trial: TrialRecord) -> str:
    return gain(1.0 - (1.0 if trial.value is None else trial.value)).lstrip("+")
