"""Tuning: studies that come out the same, go on where they were broken off, and decide by validation folds alone."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from stockcast.config import CovariatesConfig, NetworkConfig, ReadOptions, TrainingConfig
from stockcast.config.tuning import SearchSpace, TuneConfig, search_space
from stockcast.engine.local import Local
from stockcast.errors import DataError, LockedError, StorageError
from stockcast.evaluation.superiority import superior_ability
from stockcast.evaluation.tuned import COMPLETE, FAILED, PRUNED, TrialRecord, TuneResult
from stockcast.models.baselines.simple import HarT
from stockcast.pipeline.objectives import SeriesObjective, series_objective
from stockcast.pipeline.poolobjective import PoolObjective, pool_objective
from stockcast.pipeline.pools import Pool
from stockcast.pipeline.series import GivenSeries, calendar_over
from stockcast.pipeline.source import PriceSource
from stockcast.pipeline.tuning import option_values, plan_tuning, tune
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.storage.studies import FILE, FOLDER, open_study
from stockcast.windows.covariates import GROUPS, group_of
from tests import synthetic
from tests.pipeline.objective import FOLDS, SPACE, FakeObjective

CONFIG = TuneConfig(trials=9, folds=FOLDS)


def told(trials: tuple[TrialRecord, ...]) -> list[TrialRecord]:
    """Trials without the time that they took."""
    return [replace(trial, seconds=0.0) for trial in trials]


def tuned(home: Path, objective: FakeObjective | None = None, config: TuneConfig = CONFIG, **more: Any) -> TuneResult:
    return tune(objective or FakeObjective(), SPACE, config, home, more.get("progress", Silent()), more.get("engine"))


def test_a_study_comes_out_the_same_twice(tmp_path: Path) -> None:
    one, other = tuned(tmp_path / "one"), tuned(tmp_path / "other")
    assert told(one.trials) == told(other.trials)
    assert replace(one, trials=()) == replace(other, trials=())
    assert len(one.trials) == CONFIG.trials
    another = tuned(tmp_path / "seed", config=replace(CONFIG, training=TrainingConfig(seed=1)))
    assert told(another.trials)[1:] != told(one.trials)[1:]


def test_the_first_trial_is_the_default_from_scratch(tmp_path: Path) -> None:
    found = tuned(tmp_path)
    assert found.trials[0].parameters == SPACE.default
    assert [trial.is_default for trial in found.trials] == [True] + [False] * 8


def test_trials_that_are_clearly_worse_stop_early(tmp_path: Path) -> None:
    objective = FakeObjective()
    found = tuned(tmp_path, objective)
    assert found.count(PRUNED) > 0
    folds = Counter(id(settings) for settings, fold in objective.asked if settings is not None and fold < FOLDS)
    assert found.count(COMPLETE) * FOLDS <= folds.total() < len(found.trials) * FOLDS
    for trial in found.trials:
        assert (trial.value is None) == (trial.state == PRUNED)
        assert trial.value is None or trial.value == pytest.approx(np.mean(trial.stretches))


def test_a_finished_study_is_not_done_again(tmp_path: Path) -> None:
    first, objective = tuned(tmp_path), FakeObjective()
    assert tuned(tmp_path, objective) == first
    assert not [1 for _, fold in objective.asked if fold != FOLDS]
    more = tuned(tmp_path, config=replace(CONFIG, trials=10))
    assert more.trials[:9] == first.trials
    assert len(more.trials) == 10


class Stopped(Silent):
    """Ctrl-C, or worse, after so many units."""

    def __init__(self, after: int) -> None:
        self.left = after

    def advance(self, units: int, loss: float | None = None) -> None:  # noqa: ARG002 - the protocol's signature
        """Count."""
        self.left -= units
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [0, 3, 5, 9])
def test_a_study_that_was_broken_off_goes_on_as_if_it_had_not_been(after: int, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        tuned(tmp_path / "broken", progress=Stopped(after))
    again, whole = tuned(tmp_path / "broken"), tuned(tmp_path / "whole")
    assert told(again.trials) == told(whole.trials)
    assert replace(again, trials=()) == replace(whole, trials=())


def test_a_trial_that_ran_at_the_end_of_its_process_is_rerun_and_counts_once(tmp_path: Path) -> None:
    whole = tuned(tmp_path / "whole")
    name = tuned(tmp_path / "killed", config=replace(CONFIG, trials=5)).study
    with open_study(tmp_path / "killed", name, SPACE, 0) as file:
        trial = file.begin()  # and the process is killed
        losses = file.losses(0)
        file.report(trial.number, 0, losses[:120], [1.0, 1.0])
    objective = FakeObjective()
    again = tuned(tmp_path / "killed", objective)
    assert [one.number for one in again.trials] == list(range(9))
    assert again.trials[5].parameters == trial.parameters == whole.trials[5].parameters
    settings = SPACE.settings(trial.parameters)
    assert 0 not in [fold for asked, fold in objective.asked if asked == settings], "a fold that was done is done again"


def test_trials_that_were_broken_off_twice_still_count_once(tmp_path: Path) -> None:
    name = tuned(tmp_path, config=replace(CONFIG, trials=3)).study
    for _ in range(2):
        with open_study(tmp_path, name, SPACE, 0) as file:
            file.begin()
            file.begin()
            assert file.begun == 5
            assert len(file.trials) == 3
    again = tuned(tmp_path)
    assert len(again.trials) == 9
    assert told(tuned(tmp_path).trials) == told(again.trials)


def test_several_workers_finish_as_many_trials(tmp_path: Path) -> None:
    engine = Local(2)
    try:
        found = tuned(tmp_path / "two", engine=engine)
    finally:
        engine.close()
    assert [trial.number for trial in found.trials] == list(range(9))
    assert found.trials[0].parameters == SPACE.default
    assert found.trials[0].value == tuned(tmp_path / "one").trials[0].value


def test_two_processes_do_not_work_on_one_study(tmp_path: Path) -> None:
    name = tuned(tmp_path, config=replace(CONFIG, trials=1)).study
    with open_study(tmp_path, name, SPACE, 0), pytest.raises(LockedError, match="another process"):
        tuned(tmp_path)


def test_studies_are_for_their_user_alone(tmp_path: Path) -> None:
    tuned(tmp_path, config=replace(CONFIG, trials=1))
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / FOLDER, *(tmp_path / FOLDER).iterdir()))


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / FILE).write_text("prices\n" * 1000)
    with pytest.raises(StorageError, match="cannot be used"):
        tuned(tmp_path)


def test_a_trial_that_cannot_be_scored_fails_alone(tmp_path: Path) -> None:
    found = tuned(tmp_path, FakeObjective(broken="gru"))
    failed = [trial for trial in found.trials if trial.state == FAILED]
    assert failed
    assert {trial.parameters["cell"] for trial in failed} == {"gru"}
    assert all(trial.why == "a gru cannot be scored here" for trial in failed)
    assert len(found.trials) == 9
    with pytest.raises(DataError, match="a lstm cannot be scored"):
        tuned(tmp_path, FakeObjective(best=7.0, broken="lstm"))


def test_no_trial_begins_after_the_minutes(tmp_path: Path) -> None:
    config = replace(CONFIG, trials=None, minutes=0.0)
    with pytest.raises(DataError, match="no trial is complete"):
        tuned(tmp_path, config=config)
    found = tuned(tmp_path, config=replace(config, minutes=0.01))
    assert found.trials


# The decision.


def test_the_decision_is_that_of_hansens_test_on_all_complete_trials(tmp_path: Path) -> None:
    objective = FakeObjective()
    found = tuned(tmp_path, objective)
    with open_study(tmp_path, found.study, SPACE, 0) as file:
        complete = [trial.number for trial in found.trials if trial.state == COMPLETE]
        losses = {str(number): file.losses(number) for number in complete}
    # Of the default itself: each loss over its mean on its series and fold, averaged over series by date.
    benchmark = np.concatenate(
        [
            np.mean([made.network_N / made.network_N.mean() for made in of_fold], axis=0)
            for of_fold in (
                [loss for piece in objective.pieces(None, fold) for loss in piece.work(piece.shared, Silent()).values()]
                for fold in range(FOLDS)
            )
        ]
    )
    assert found.superiority == superior_ability(benchmark, losses, seed=0)
    assert found.superiority.candidates == len(complete)
    assert found.adopted == (found.superiority.p_value < 0.05) is True
    assert found.best_trial.value == min(np.mean(values) for values in losses.values())
    assert found.settings["init"] == "scratch"


def test_the_default_stays_where_nothing_is_better(tmp_path: Path) -> None:
    # The default is at its best in the middle of the space, and beats what is trained from scratch.
    found = tuned(tmp_path, FakeObjective(best=1e6))
    assert not found.adopted
    assert found.superiority.p_value > 0.5


def test_a_default_from_scratch_is_the_first_trial_and_no_candidate(tmp_path: Path) -> None:
    objective = FakeObjective(begins_from_scratch=True)
    found = tuned(tmp_path, objective)
    first = [fold for settings, fold in objective.asked if settings == SPACE.settings(SPACE.default)]
    assert first == [0, 1, 2, FOLDS]
    assert found.trials[0].value == pytest.approx(1.0)
    assert found.superiority.candidates == found.count(COMPLETE) - 1


def test_the_test_part_is_scored_once(tmp_path: Path) -> None:
    first, again = FakeObjective(), FakeObjective()
    found = tuned(tmp_path, first)
    assert [fold for _, fold in first.asked].count(FOLDS) == 2
    assert first.asked[-1][1] == FOLDS
    assert found.test is not None
    assert [score.ticker for score in found.test.scores] == ["AAA", "BBB"]
    assert found.test.gain > 0
    assert tuned(tmp_path, again).test == found.test
    assert again.asked == [(None, 0)] * 0


def test_settings_are_told_as_options_with_the_covariates_that_are_looked_at() -> None:
    config = TuneConfig(
        covariates=CovariatesConfig(("^VIX", "data/GSPC.csv@XNYS"), "dates.csv"), training=TrainingConfig(seed=7)
    )
    space = search_space(config, lambda name: name != "cell", ("^VIX", "GSPC", "known"))
    usual = NetworkConfig(), TrainingConfig()
    parameters = {"cell": "gru", "columns:^VIX": False, "columns:GSPC": True, "columns:known": False}
    assert option_values(space, parameters, config, usual) == {
        "cell": "gru", "seed": 7, "with": [str(Path("data/GSPC.csv@XNYS").absolute())], "known_ahead": None
    }  # fmt: skip
    whole = option_values(space, space.default, config, usual)
    assert whole["with"][0] == "^VIX"
    assert whole["known_ahead"] == str(Path("dates.csv").absolute())
    pool = search_space(TuneConfig(), lambda _: True, ("market", "echo"), pool=True)
    found = option_values(pool, {"columns:market": True, "columns:echo": False}, TuneConfig(), usual)
    assert found == {"without": ["echo"]}


def test_a_plan_counts_the_pieces(tmp_path: Path) -> None:
    plan = plan_tuning(FakeObjective(), SPACE, CONFIG)
    assert (plan.pieces, plan.seconds) == (2 * (9 * FOLDS + FOLDS + 2), 2.0 * (9 * FOLDS + FOLDS + 2))
    assert plan.study == tuned(tmp_path).study
    endless = plan_tuning(FakeObjective(), SPACE, replace(CONFIG, trials=None, minutes=5.0))
    assert (endless.pieces, endless.seconds) == (None, None)


# Real series.

TEST_FROM = 760
QUICK = TuneConfig(
    trials=3,
    folds=2,
    network=NetworkConfig(hidden_size=4, lookback=20),
    training=TrainingConfig(seeds=1, steps=4),
)
GIVEN = {"hidden_size", "lookback", "seeds", "steps", "layers", "batch_size", "weight_decay"}


def of_series(*histories: History) -> tuple[SeriesObjective, SearchSpace]:
    given = {h.ticker: GivenSeries.of(h) for h in histories}
    config = replace(QUICK, test_from=histories[0].dates[TEST_FROM].astype(object))
    space = search_space(config, GIVEN.__contains__)
    door = PriceSource(Path("nowhere"), ReadOptions(), given=given)
    objective, failures = series_objective(door, list(given), config, space.longest_lookback, Silent())
    assert not failures
    return objective, space


def test_the_test_part_does_not_touch_a_byte_of_the_study(tmp_path: Path) -> None:
    h = synthetic.history(860)
    row_T = np.arange(len(h))
    close = np.where(row_T >= TEST_FROM, 1.7 * h.close * np.exp(0.05 * np.sin(row_T)), h.close)
    assert h.high is not None
    assert h.low is not None
    high, low = (np.where(row_T >= TEST_FROM, by * close, column) for by, column in ((1.1, h.high), (0.9, h.low)))
    other = replace(h, close=close, adjusted_close=close.copy(), open=np.clip(h.open, low, high), high=high, low=low)
    found = []
    for place, prices in enumerate((h, other)):
        objective, space = of_series(prices)
        found.append(tune(objective, space, QUICK, tmp_path / str(place), Silent()))
    one, two = found
    assert one.study == two.study
    assert told(one.trials) == told(two.trials)
    assert one.superiority == two.superiority
    assert one.test != two.test
    assert one.test is not None
    assert one.test.scores[0].sessions == len(h) - TEST_FROM


def test_the_folds_lie_one_after_the_other_before_the_test_part() -> None:
    h = synthetic.history(860)
    (series,) = of_series(h)[0].series
    spans = [*series.folds, series.test]
    assert all(one.last < other.first for one, other in pairwise(spans))
    assert series.test.first == h.dates[TEST_FROM].astype(object)
    assert series.test.last == h.last
    assert series.folds[-1].last == h.dates[TEST_FROM - 1].astype(object)


def test_other_prices_or_another_space_are_another_study() -> None:
    objective, space = of_series(synthetic.history(860))
    other, _ = of_series(synthetic.history(860, seed=1))
    wider = search_space(QUICK, (GIVEN - {"layers"}).__contains__)
    names = {
        plan_tuning(one, some, QUICK).study for one, some in ((objective, space), (other, space), (objective, wider))
    }
    assert len(names) == 3


def test_a_source_that_cannot_be_used_is_told_and_left_out() -> None:
    short = synthetic.history(200, ticker="SHORT")
    door = PriceSource(Path("nowhere"), given={h.ticker: GivenSeries.of(h) for h in (synthetic.history(860), short)})
    objective, failures = series_objective(door, ["FAKE", "SHORT", "nofile.csv"], QUICK, 20, Silent())
    assert [series.ticker for series in objective.series] == ["FAKE"]
    assert [failure.source for failure in failures] == ["SHORT", "nofile.csv"]


def test_a_series_whose_reference_cannot_be_fitted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise DataError("no maximum was found")

    objective, space = of_series(synthetic.history(860))
    monkeypatch.setattr(HarT, "fit", refuse)
    with pytest.raises(DataError, match=r"FAKE, fold from \d{4}-\d\d-\d\d: har-t: no maximum was found"):
        tune(objective, space, QUICK, tmp_path, Silent())


# Pools.


def of_pool(*histories: History) -> tuple[PoolObjective, SearchSpace]:
    given = {h.ticker: GivenSeries.of(h) for h in histories}
    config = replace(QUICK, test_from=histories[0].dates[TEST_FROM].astype(object))
    space = search_space(config, GIVEN.__contains__, pool=True)
    door = PriceSource(Path("nowhere"), ReadOptions(), given=given)
    objective, failures = pool_objective(door, list(given), config, space.longest_lookback, Silent())
    assert not failures
    return objective, search_space(config, GIVEN.__contains__, objective.groups, pool=True)


def test_a_pool_is_tuned_on_folds_that_all_members_share_and_its_test_part_has_no_say(tmp_path: Path) -> None:
    one, late = (synthetic.history(860, seed=seed, ticker=f"T{seed}") for seed in (1, 2))
    late = late.rows(300, 860)  # it teaches nobody in the first fold, and is not scored there
    objective, space = of_pool(one, late)
    assert objective.groups == ("echo", "days", "bars")
    found = tune(objective, space, QUICK, tmp_path / "one", Silent())
    assert (found.pool, len(found.trials), found.trials[0].value) == (True, 3, pytest.approx(1.0))
    assert found.superiority.candidates == found.count(COMPLETE) - 1
    assert "init" not in found.settings
    assert found.series[0].test.first == one.dates[TEST_FROM].astype(object)
    assert found.test is not None
    assert [score.ticker for score in found.test.scores] == ["T1", "T2"]
    row_T = np.arange(len(one))
    moved = {
        name: np.where(row_T >= TEST_FROM, 1.7 * getattr(one, name), getattr(one, name))
        for name in ("open", "high", "low", "close", "adjusted_close")
    }
    objective, space = of_pool(replace(one, **moved), late)
    other = tune(objective, space, QUICK, tmp_path / "other", Silent())
    assert other.study == found.study
    assert told(other.trials) == told(found.trials)
    assert other.test != found.test


def test_a_pools_network_may_do_without_groups_of_columns() -> None:
    histories = [synthetic.history(600, seed=seed, ticker=f"T{seed}") for seed in range(5)]
    pool = Pool.of(histories, calendar_over(histories, None))
    whole, cut = (
        some.columns(some.members[0], some.market is not None).names
        for some in (pool, pool.without({"market", "echo"}))
    )
    assert set(cut) == {name for name in whole if group_of(name) not in {"market", "echo"}}
    assert {group_of(name) for name in whole} == {"own", *GROUPS}


@pytest.mark.parametrize(
    ("table", "column"),
    [("study_directions", "direction"), ("study_user_attributes", "value_json"), ("trials", "number"),
     ("trials", "state"), ("trials", "datetime_start"), ("trial_user_attributes", "value_json"),
     ("trial_params", "param_value"), ("trial_params", "distribution_json"), ("trial_values", "objective"),
     ("trial_intermediate_values", "intermediate_value_type")],
)  # fmt: skip
@pytest.mark.parametrize("value", ["text", 2**62])
def test_a_study_with_values_that_nobody_wrote_is_told_and_moved_away_begins_anew(
    tmp_path: Path, table: str, column: str, value: object
) -> None:
    with open_study(tmp_path, "one", SPACE, 1) as study:
        study.keep("known", [1])
        trial = study.begin()
        study.report(trial.number, 0, [1.0], [1.0])
        study.complete(trial.number, 1.0)
    path = tmp_path / FOLDER / FILE
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"UPDATE {table} SET {column} = ?", (value,))  # noqa: S608 - names of Optuna's
    with suppress(StorageError), open_study(tmp_path, "one", SPACE, 1) as study:
        study.complete(study.begin().number, 2.0)  # what is told is told before anything is done
    path.unlink()
    with open_study(tmp_path, "one", SPACE, 1) as study:
        assert study.begun == 0
