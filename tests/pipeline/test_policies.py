"""Policies in walks and trainings: fitted on the past alone, the same bytes again, kept with the model, told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from docs.tools import schemas
from stockcast import pipeline
from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import GENERAL, SCRATCH, FoldConfig
from stockcast.config.policy import PolicyConfig
from stockcast.evaluation.economics import BUY_AND_HOLD
from stockcast.evaluation.verdict import BacktestResult
from stockcast.forecasts import Forecast
from stockcast.models import policytraining
from stockcast.models.policy import Policy
from stockcast.pipeline.auditing import audit
from stockcast.pipeline.training import train
from stockcast.prices.csvfile import ReadOptions
from stockcast.progress import Silent
from stockcast.storage import modelfile, trainedmodel
from stockcast.storage.foldfile import load_fold, save_fold
from stockcast.windows.features import features
from tests import synthetic
from tests.pipeline import walks
from tests.pipeline.walks import EVERY, FIRST, HISTORY
from tests.processes import loaded
from tests.synthetic import replaced

WANTED = PolicyConfig(wanted=True)
NAMES = [WANTED.name, replace(WANTED, long_only=True).name]
CONFIG = replace(walks.CONFIG, baselines=("har-t",), policy=WANTED, cost=0.0)
TRAINING = TrainConfig(
    CONFIG.network, CONFIG.training, SplitConfig(HISTORY.session(380), HISTORY.session(FIRST)), policy=WANTED
)


@pytest.fixture(autouse=True, scope="module")
def every_step() -> Iterator[None]:
    """Policies take every step, whatever validation says of it: one that holds nothing would hide what it knows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policytraining, "_best", lambda losses_SK: losses_SK.shape[1] - 1)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the folds of one test serve the others."""
    return tmp_path_factory.mktemp("walk")


@pytest.fixture
def whole(home: Path) -> BacktestResult:
    return walks.backtest(HISTORY, home, CONFIG)


def test_both_policies_stand_beside_the_rules_with_a_verdict_each(whole: BacktestResult) -> None:
    names = [row.strategy for row in whole.economics]
    assert names[0] == BUY_AND_HOLD
    assert names[-2:] == [verdict.strategy for verdict in whole.policy] == NAMES
    assert {row.n for row in whole.economics} == {len(HISTORY) - FIRST}
    for name, position_N in whole.positions.items():
        assert len(position_N) == len(HISTORY) - FIRST
        assert np.abs(position_N).max() <= 1.0
        assert np.ptp(position_N) > 0.0
        assert name == "policy" or position_N.min() >= 0.0
    assert [row.deflated_sharpe_p for row in whole.economics[:4]] == [None] * 4
    assert None not in [row.deflated_sharpe_p for row in whole.economics[4:]]


def test_what_was_forecast_without_policies_stays_as_it_was(whole: BacktestResult, tmp_path: Path) -> None:
    without = walks.backtest(HISTORY, tmp_path, replace(CONFIG, policy=PolicyConfig()))
    assert (without.policy, without.positions) == ((), {})
    assert without.scores == whole.scores
    assert without.economics == whole.economics[:4]


def test_folds_of_files_are_those_that_were_fitted(whole: BacktestResult, home: Path, tmp_path: Path) -> None:
    again = walks.backtest(HISTORY, home, CONFIG)
    assert all(fold.resumed for fold in again.folds)
    anew = walks.backtest(HISTORY, tmp_path, CONFIG)
    for one in (again, anew):
        assert one.policy == whole.policy
        assert {name: held.tobytes() for name, held in one.positions.items()} == {
            name: held.tobytes() for name, held in whole.positions.items()
        }


@pytest.mark.parametrize("policy", [replace(WANTED, utility="sharpe"), replace(WANTED, risk_aversion=1.0)])
def test_other_settings_are_other_folds(whole: BacktestResult, home: Path, policy: PolicyConfig) -> None:
    other = walks.backtest(HISTORY, home, replace(CONFIG, policy=policy))
    assert not any(fold.resumed for fold in other.folds)
    assert other.scores == whole.scores
    assert other.positions["policy"].tobytes() != whole.positions["policy"].tobytes()


def test_policies_have_the_first_cell_that_is_asked_for(whole: BacktestResult, home: Path) -> None:
    for cells, same in ((("gru",), False), (("lstm", "gru"), True)):
        other = walks.backtest(HISTORY, home, replace(CONFIG, cells=cells))
        assert (other.positions["policy"].tobytes() == whole.positions["policy"].tobytes()) is same


def test_later_bars_change_no_earlier_position_nor_what_was_learnt(whole: BacktestResult, tmp_path: Path) -> None:
    for rows in (EVERY, EVERY + 5):
        other = walks.backtest(replaced(HISTORY, FIRST + rows), tmp_path / str(rows), CONFIG)
        for name, held in whole.positions.items():
            assert other.positions[name][: rows + 1].tobytes() == held[: rows + 1].tobytes()
            assert other.positions[name][-5:].tobytes() != held[-5:].tobytes()


def test_a_fold_file_keeps_positions_to_the_last_bit(home: Path, whole: BacktestResult, tmp_path: Path) -> None:
    assert whole.policy
    path = next((home / "backtests").rglob("*.npz"))
    kept = load_fold(path)
    assert kept is not None
    save_fold(tmp_path / "again.npz", kept)
    again = load_fold(tmp_path / "again.npz")
    assert again is not None
    for name, held in kept.positions.items():
        assert again.positions[name].tobytes() == held.tobytes()


# Trainings.


def forecast_of(home: Path, config: PredictConfig | None = None) -> tuple[Forecast, ...]:
    return pipeline.predict(str(home / "FAKE.csv"), ReadOptions(), config or PredictConfig(), home, Silent())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a model that has a policy."""
    home = tmp_path_factory.mktemp("trained")
    synthetic.write_csv(home / "FAKE.csv", HISTORY)
    train(str(home / "FAKE.csv"), ReadOptions(), TRAINING, home, None, Silent())
    return home


def test_a_forecast_tells_the_position_with_its_sentence_for_the_next_close_alone(trained: Path) -> None:
    made = forecast_of(trained, PredictConfig(horizon=2, paths=100))
    held = made[0].policy
    assert held is not None
    assert -1.0 < held.position < 1.0
    assert held.position != 0.0
    assert held.sentence.startswith("Policy: ")
    assert made[1].policy is None


def test_a_forecast_with_a_position_loads_nothing_heavy(trained: Path) -> None:
    found = loaded("predict", trained / "FAKE.csv", "--home", trained)
    assert "stockcast.models.policy" in found
    assert found.isdisjoint({"torch", "pandas", "scipy"})


def test_before_the_final_fits_cutoff_the_scored_policy_holds(trained: Path) -> None:
    model = trainedmodel.from_file(modelfile.load_model(trained / "models", "FAKE"))
    assert model.policy is not None
    assert model.policy.fits["scored"].cutoff < model.policy.fits["served"].cutoff == HISTORY.last
    early = forecast_of(trained, PredictConfig(as_of=HISTORY.session(FIRST + 20)))[0].policy
    assert early is not None
    history = HISTORY.rows(0, FIRST + 21)
    expected = model.policy.fits["scored"].positions(features(history), FIRST + 19, FIRST + 20)
    assert early.position == expected[0]


def test_a_fold_has_the_policy_that_a_training_on_the_day_of_its_cutoff_keeps(tmp_path: Path) -> None:
    folds = FoldConfig(HISTORY.session(FIRST), len(HISTORY))
    walk = walks.backtest(HISTORY, tmp_path / "walk", replace(CONFIG, folds=folds))
    (fold,) = walk.folds
    path = synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY.rows(0, FIRST))
    split = SplitConfig(fold.validation[0], date(9999, 12, 31))
    policy = replace(WANTED, cost=CONFIG.cost)
    train(str(path), ReadOptions(), replace(TRAINING, split=split, policy=policy), tmp_path, None, Silent())
    kept = trainedmodel.from_file(modelfile.load_model(tmp_path / "models", "FAKE")).policy
    assert kept is not None
    for fit in kept.fits.values():
        found = fit.positions(features(HISTORY), FIRST - 2, len(HISTORY) - 2)
        assert found.tobytes() == walk.positions["policy"].tobytes()


def test_the_manifest_is_as_its_schema_says_and_the_id_holds_the_policy(trained: Path) -> None:
    file = modelfile.load_model(trained / "models", "FAKE")
    written = json.loads((trained / "models/FAKE/manifest.json").read_text("utf-8"))
    assert schemas.problems(written["format"], written) == []
    changed = dict(file.manifest, policy={**file.manifest["policy"], "sentence": "Policy: sure."})
    with pytest.raises(Exception, match="that of its settings"):
        trainedmodel.from_file(replace(file, manifest=changed))


def test_a_model_without_a_policy_is_as_it_was(trained: Path, tmp_path: Path) -> None:
    synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY)
    config = replace(TRAINING, policy=PolicyConfig())
    train(str(tmp_path / "FAKE.csv"), ReadOptions(), config, tmp_path, None, Silent())
    with_policy, without = (modelfile.load_model(home / "models", "FAKE") for home in (trained, tmp_path))
    assert "policy" not in without.manifest
    assert all(with_policy.tensors[name].tobytes() == array.tobytes() for name, array in without.tensors.items())
    told = [replace(forecast_of(home)[0], policy=None, model_id="", data_source="") for home in (trained, tmp_path)]
    assert told[0] == told[1]


def test_an_empty_test_part_is_said(tmp_path: Path) -> None:
    path = synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY)
    split = SplitConfig(HISTORY.session(FIRST), date(2199, 12, 31))
    found = train(str(path), ReadOptions(), replace(TRAINING, split=split), tmp_path, None, Silent())
    assert found.forecasts[0].policy is not None
    assert found.forecasts[0].policy.sentence == "Policy: not scored, for there is no test part."


def test_a_policy_begins_from_scratch_whatever_the_networks_begin_with() -> None:
    tuned = replace(TRAINING, init=GENERAL, network=NetworkConfig(hidden_size=32), training=TrainingConfig(3, 7))
    assert tuned.of_policy.network == NetworkConfig()
    assert tuned.of_policy.training == TrainingConfig(seed=7)
    for init in (SCRATCH, None):
        scratch = replace(TRAINING, init=init)
        assert scratch.of_policy == scratch


def test_an_audit_finds_a_policy_that_knows_the_test_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY)
    asked = str(path), ReadOptions(), replace(TRAINING, init=SCRATCH), tmp_path, Silent()
    with synthetic.only_baselines("har-t"):
        honest = audit(*asked)
        assert "policy" in [check.name for check in honest.checks]
        assert honest.failed == ()
        original = Policy.positions

        def leaking(self: Policy, f, start: int, stop: int):  # type: ignore[no-untyped-def]
            known = f.session_returns.r_T
            return original(self, f, start, stop) + known[min(stop, len(known) - 1)]

        monkeypatch.setattr(Policy, "positions", leaking)
        assert "walk-forward" in audit(*asked).failed
