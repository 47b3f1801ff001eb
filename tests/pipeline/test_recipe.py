"""A fold of a backtest is what `train` would have saved on the day of its cutoff, to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stockcast import backtest as api_backtest
from stockcast import pipeline, to_frame
from stockcast.config import SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import BacktestConfig, FoldConfig
from stockcast.config.sources import AS_IT_IS
from stockcast.errors import ConfigError
from stockcast.evaluation.verdict import FoldSummary
from stockcast.forecasting import Fit
from stockcast.pipeline import initial
from stockcast.pipeline.series import calendar_over
from stockcast.pipeline.starts import Starts, asked_of_folds
from stockcast.prices import csvfile
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.results import TrainResult
from stockcast.storage import foldfile, modelfile, trainedmodel
from stockcast.windows.features import features
from stockcast.windows.splits import walk_forward
from tests import synthetic
from tests.pipeline import walks
from tests.progress import ProgressLog

NEVER = date(9999, 12, 31)
BASELINES = ("random-walk", "har-t", "har-t-events")


@pytest.fixture(scope="module", autouse=True)
def _hasty() -> Iterator[None]:
    """Few steps: what is compared is not how good they are."""
    steps = TrainingConfig.gradient_steps
    with pytest.MonkeyPatch.context() as patch, synthetic.only_baselines(*BASELINES):
        patch.setattr(TrainingConfig, "gradient_steps", lambda *told: min(6, steps(*told)))
        yield


def index() -> History:
    return csvfile.read("data/GSPC.csv", ReadOptions()).between(date(2014, 6, 1), date(2017, 6, 30))


CLOSES = replace(synthetic.history(560), open=None, high=None, low=None, volume=None)


class Case(NamedTuple):
    """A history with the first session that is forecast, and sessions from one refit to the next; what the networks
    of its folds begin with, the p-value below which a tuning is taken.
    """

    history: History
    begin: int
    every: int
    begun: tuple[str, ...]
    significant: float = 0.0
    reports: bool = False


CASES = {
    # The first validation part begins before the oldest vintage ends, the second after it.
    "vintages": Case(synthetic.history(700, first="2005-01-03"), 480, 150, ("scratch", "general")),
    "closes alone": Case(CLOSES, 500, 60, ("general",)),
    "tuned": Case(index(), 560, 120, ("general", "general"), 2.0),
    "reports": Case(synthetic.history(900), 700, 200, ("general",), 2.0, reports=True),
}


def walked(
    h: History, home: Path, config: BacktestConfig, log: ProgressLog | None = None, read: ReadOptions = AS_IT_IS
) -> tuple[FoldSummary, ...]:
    home.mkdir(exist_ok=True)
    path = synthetic.write_csv(home / "FAKE.csv", h)
    return pipeline.backtest(str(path), read, config, home, log or ProgressLog()).folds


def fits_of(home: Path) -> dict[date, tuple[Fit, dict[str, object]]]:
    """The fit of every fold that is kept, and who serves, by cutoff."""
    folds = [foldfile.load_fold(path) for path in (home / "backtests" / "FAKE").iterdir()]
    return {
        fold.fits["lstm"].cutoff: (fold.fits["lstm"], fold.about["serving"]["lstm"])
        for fold in folds
        if fold is not None
    }


def trained(h: History, fold: FoldSummary, home: Path, read: ReadOptions) -> TrainResult:
    """What `train` makes of the prices up to the cutoff of a fold, without a test part."""
    home.mkdir(exist_ok=True)
    path = synthetic.write_csv(home / "FAKE.csv", h.between(None, fold.validation[1]))
    config = TrainConfig(split=SplitConfig(fold.validation[0], NEVER))
    return pipeline.train(str(path), read, config, home, None, ProgressLog())


@pytest.mark.parametrize("name", CASES)
def test_a_fold_is_what_train_would_have_saved_on_its_day(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    monkeypatch.setattr(initial, "SIGNIFICANT", case.significant)
    log, read = ProgressLog(), AS_IT_IS
    if case.reports:
        days = case.history.dates[20::63]
        (tmp_path / "reports.csv").write_text("date,time\n" + "".join(f"{day},after\n" for day in days))
        read = ReadOptions(events=str(tmp_path / "reports.csv"))
    config = BacktestConfig(folds=FoldConfig(case.history.session(case.begin), case.every))
    folds = walked(case.history, tmp_path / "walk", config, log, read)
    assert tuple(fold.initialised_from for fold in folds) == case.begun
    assert sum("every vintage" in note for note in log.notes) == case.begun.count("scratch")
    kept = fits_of(tmp_path / "walk")
    for fold in folds:
        home = tmp_path / str(fold.number)
        result = trained(case.history, fold, home, read)
        model = trainedmodel.from_file(modelfile.load_model(home / "models", "FAKE"))
        fit, chosen = kept[fold.validation[1]]
        assert fit.ensemble.fingerprint() == model.served.ensemble.fingerprint()
        assert (fit.ensemble.layer is not None) == (case.reports or fold.init is not None)
        assert fit.baselines == model.served.baselines
        assert fit.shocks.values_M4.tobytes() == model.served.shocks.values_M4.tobytes()
        assert (fold.init, fold.steps["lstm"]) == (result.init, result.steps)
        assert fold.init is None or fold.init.kept == (case.significant == 0.0)
        assert chosen["served_by"] == fold.served_by["lstm"] == result.verdict.served_by


def test_python_walks_over_the_same_folds(tmp_path: Path) -> None:
    config = BacktestConfig(folds=FoldConfig(CLOSES.session(500)))
    walked(CLOSES, tmp_path, config)
    again = api_backtest(to_frame([CLOSES]), config, home=tmp_path).summary.results[0].folds
    assert {(fold.initialised_from, fold.resumed) for fold in again} == {("general", True)}


def test_other_settings_begin_from_scratch_as_if_that_were_asked_for(tmp_path: Path) -> None:
    config = replace(walks.CONFIG, baselines=("random-walk", "har-t"))
    walked(walks.HISTORY, tmp_path, replace(config, init="scratch"))
    again = walked(walks.HISTORY, tmp_path, config)
    assert {fold.initialised_from for fold in again} == {"scratch"}
    assert all(fold.resumed for fold in again)


@pytest.mark.parametrize("change", [{"cells": ("lstm", "gru")}, {"warm_start": True}])
def test_several_cells_and_a_warm_start_begin_from_scratch(change: dict[str, Any]) -> None:
    config = replace(BacktestConfig(), **change)
    assert asked_of_folds(config).init == "scratch"
    with pytest.raises(ConfigError, match="cannot begin with general"):
        asked_of_folds(replace(config, init="general"))


def test_a_warm_start_is_named_as_such(tmp_path: Path) -> None:
    config = replace(walks.CONFIG, warm_start=True, baselines=("random-walk",))
    folds = walked(walks.HISTORY, tmp_path, config)
    assert [fold.initialised_from for fold in folds] == ["scratch", "the fold before", "the fold before"]


def test_sessions_after_a_fold_have_no_say_in_what_it_begins_with() -> None:
    """The newest vintage of the whole history is another one than that of the fold's day."""
    h = synthetic.history(1100, first="2009-01-02")
    config = BacktestConfig(folds=FoldConfig(h.session(500), 300))
    folds = walk_forward(h.dates[1:], config.folds, config.network.lookback)
    starts = Starts(h, features(h), calendar_over([h], "XNYS"), asked_of_folds(config))
    cutoffs = {vintage.cutoff for vintage in trainedmodel.vintages() if not vintage.closes}
    for fold in folds:
        found = starts(fold).initial
        assert isinstance(found, initial.Initial)
        validate_from = fold.split.session(fold.split.validation.start + 1)
        assert found.pre_validation.cutoff == max(day for day in cutoffs if day < validate_from)
        assert found.served.cutoff == max(day for day in cutoffs if day <= fold.cutoff)
    assert starts(folds[0]) is starts(folds[0])
    assert starts(folds[0]).f is starts(folds[-1]).f
