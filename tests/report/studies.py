"""Studies as `tune` finds them: one whose best trial is adopted, one whose default stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from stockcast.config import NetworkConfig, TrainingConfig
from stockcast.config.tuning import Axis, SearchSpace, Settings
from stockcast.evaluation.superiority import SuperiorityTest
from stockcast.evaluation.tuned import (
    COMPLETE,
    FAILED,
    PRUNED,
    HeldOut,
    HeldOutScore,
    Span,
    TrialRecord,
    TunedSeries,
    TunePlan,
    TuneResult,
)

AXES = (
    Axis("cell", "lstm", ("lstm", "gru", "rnn")),
    Axis("hidden_size", 16, low=4, high=64, log=True),
    Axis("dropout", 0.3, low=0.0, high=0.6, step=0.1),
    Axis("columns:VIX", True, (True, False)),
)
SPACE = SearchSpace(AXES, Settings(NetworkConfig(), TrainingConfig()))
SERIES = tuple(
    TunedSeries(
        name,
        tuple(Span(date(year, 1, 4), date(year, 12, 30), 251) for year in (2016, 2017, 2018)),
        Span(date(2019, 1, 2), date(2020, 12, 30), 503),
        begun,
    )
    for name, begun in (("AAPL", "general"), ("MSFT", "scratch"))
)


def trial(number: int, value: float | None, state: str = COMPLETE, cell: str = "gru", hidden: int = 20) -> TrialRecord:
    """One trial."""
    parameters = {"cell": cell, "hidden_size": hidden, "dropout": 0.1 * (number % 5), "columns:VIX": number % 2 == 0}
    why = "a loss is not finite" if state == FAILED else None
    return TrialRecord(number, state, parameters, value, (1.0, 0.99), 12.5, why, number == 0)


SCORES = (HeldOutScore("AAPL", 503, 0.0101, 0.01, 0.0102), HeldOutScore("MSFT", 503, 0.009, 0.0091, 0.0092))
ADOPTED = TuneResult(
    study="0123456789abcdef01234567",
    pool=False,
    series=SERIES,
    axes=AXES,
    trials=(
        trial(0, 1.002, cell="lstm", hidden=16), trial(1, 0.9911), trial(2, None, PRUNED, "rnn", 64),
        trial(3, 0.9803, hidden=12), trial(4, None, FAILED), trial(5, 0.9856, cell="rnn"),
    ),
    best=3,
    superiority=SuperiorityTest(0.0125, 0.011, 0.02, 4, 753),
    adopted=True,
    settings={"cell": "gru", "hidden_size": 12, "dropout": 0.3, "with": [], "init": "scratch"},
    default={"cell": "lstm", "hidden_size": 16, "dropout": 0.3, "with": ["^VIX"]},
    importances={"cell": 0.5, "hidden_size": 0.3, "dropout": 0.15, "columns:VIX": 0.05},
    test=HeldOut(SCORES, -0.0006, 0.61),
)  # fmt: skip
STAYS = replace(ADOPTED, superiority=SuperiorityTest(0.31, 0.3, 0.4, 4, 753), adopted=False, importances={}, test=None)
PLAN = TunePlan("0123456789abcdef01234567", 486, 1234.5)
