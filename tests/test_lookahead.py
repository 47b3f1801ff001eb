"""No look-ahead, as the design defines it: the same history up to the origin gives the same bytes of forecast.

Bars after the origin, and bars after the training cutoff, are removed, shuffled and replaced by other valid bars, for
every cell, every competitor and every feature. The last tests leak on purpose and demand that the check finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from stockcast import forecasting, pipeline
from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig, now
from stockcast.config.models import TUNING
from stockcast.models import training
from stockcast.pipeline import initial
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.results.progress import Silent
from stockcast.storage import modelfile, trainedmodel
from stockcast.windows.features import features
from stockcast.windows.splits import split_by_date
from tests import leaks, synthetic

COLUMNS = ("open", "high", "low", "close", "adjusted_close", "volume")
HISTORY = synthetic.history(900)
TEST_FROM = HISTORY.session(700)
ORIGIN = HISTORY.session(699)
CONFIG = TrainConfig(
    NetworkConfig(hidden_size=4, lookback=20),
    TrainingConfig(seeds=1, steps=20, chunk=40, warmup=10, learning_rate=0.02, final_fit=False),
    SplitConfig(HISTORY.session(500), TEST_FROM),
)


def cut(h: History, bars: int) -> History:
    """Bars after the first `bars` removed, but for as many as a test part needs."""
    return h.rows(0, bars + 60)


def shuffled(h: History, bars: int) -> History:
    """Bars after the first `bars` in another order."""
    order = np.arange(len(h))
    order[bars:] = np.random.default_rng(1).permutation(order[bars:])
    return replace(h, **{name: getattr(h, name)[order] for name in COLUMNS})


def other(h: History, bars: int) -> History:
    """Bars after the first `bars` from another stock, where a loud session is followed by a narrow one."""
    stranger = synthetic.history(len(h), seed=77)
    assert stranger.volume is not None
    stranger = replace(stranger, volume=np.round(1e12 / stranger.volume))
    return replace(
        h, **{name: np.concatenate([getattr(h, name)[:bars], getattr(stranger, name)[bars:]]) for name in COLUMNS}
    )


CHANGES: dict[str, Callable[[History, int], History]] = {"cut": cut, "shuffled": shuffled, "other": other}


def forecast_bytes(h: History, config: TrainConfig, home: Path, as_of: date) -> dict[str, bytes]:
    """Train on a history, then forecast from `as_of` with the network and with every baseline of the saved model."""
    path = synthetic.write_csv(home / "FAKE.csv", h)
    pipeline.train(str(path), ReadOptions(), config, home, None, Silent())
    model = trainedmodel.from_file(modelfile.load(home / "models", "FAKE"))
    history = pipeline.load(str(path), ReadOptions())
    found = {}
    for name in (config.network.cell, *model.scored.baselines):
        made = forecasting.forecast(
            replace(model, served_by=name), history, PredictConfig(as_of=as_of, horizon=2), now()
        ) + forecasting.forecast(replace(model, served_by=name), history, PredictConfig(as_of=as_of), now())
        found[name] = b"".join(_distribution(f) for f in made)
    found["served_by"] = model.served_by.encode()
    found["init"] = repr(modelfile.load(home / "models", "FAKE").manifest.get("init")).encode()
    found["cutoff"] = model.scored.ensemble.cutoff.isoformat().encode()
    return found


def _distribution(f: forecasting.Forecast) -> bytes:
    figures = (f.median, f.mean, *f.quantiles.values(), f.p_up, f.scale, f.last_close)
    return np.array(figures).tobytes() + f.target_session.isoformat().encode() + f.data_sha256.encode()


def differing(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    """The competitors whose forecast is another one."""
    assert before.keys() == after.keys()
    return [name for name in before if before[name] != after[name]]


@pytest.fixture(scope="module", params=["lstm", "gru", "rnn"])
def as_it_was(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainConfig, dict[str, bytes]]:
    """Settings with one of the cells, and the forecasts from ORIGIN on the history as it was."""
    config = replace(CONFIG, network=replace(CONFIG.network, cell=request.param))
    return config, forecast_bytes(HISTORY, config, tmp_path_factory.mktemp(request.param), ORIGIN)


@pytest.mark.parametrize("change", list(CHANGES))
def test_the_future_changes_no_byte_of_a_trained_models_forecast(
    as_it_was: tuple[TrainConfig, dict[str, bytes]], change: str, tmp_path: Path
) -> None:
    config, before = as_it_was
    assert differing(before, forecast_bytes(CHANGES[change](HISTORY, 700), config, tmp_path, ORIGIN)) == []


def test_every_feature_is_in_the_check() -> None:
    f = features(HISTORY)
    assert f.names == (
        "signed_return", "absolute_return", "ewma_over_year", "day_over_week", "week_over_month", "month_over_year",
        "gap", "volume_surprise", "volume_trend",
    )  # fmt: skip
    for column, name in enumerate(f.names):
        assert np.ptp(f.x_TF[:, column]) > 0, name


def test_closes_alone_do_not_look_ahead_either(tmp_path: Path) -> None:
    bare = {"open": None, "high": None, "low": None, "volume": None}
    both = []
    for name, h in (("as it was", HISTORY), ("changed", other(HISTORY, 700))):
        home = tmp_path / name
        home.mkdir()
        both.append(forecast_bytes(replace(h, **bare), CONFIG, home, ORIGIN))
    assert both[0] == both[1]


def test_the_network_that_is_checked_has_learnt_something(tmp_path: Path) -> None:
    """A network without a correction would hide a leak into its inputs."""
    path = synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY)
    result = pipeline.train(str(path), ReadOptions(), CONFIG, tmp_path, None, Silent())
    assert min(result.steps) > 0


TUNED = TrainConfig(
    training=replace(TUNING, seeds=3, learning_rate=0.01, final_fit=False), split=CONFIG.split, init="general"
)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Forecasts of the general model tuned on the history as it was, the tuned networks taken whatever they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initial, "SIGNIFICANT", 2.0)
        return forecast_bytes(HISTORY, TUNED, tmp_path_factory.mktemp("tuned"), ORIGIN)


@pytest.mark.parametrize("change", list(CHANGES))
def test_the_future_changes_no_byte_of_a_general_model_that_was_tuned(
    tuned: dict[str, bytes], change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initial, "SIGNIFICANT", 2.0)
    assert b"'kept': False" in tuned["init"]
    assert differing(tuned, forecast_bytes(CHANGES[change](HISTORY, 700), TUNED, tmp_path, ORIGIN)) == []


@pytest.mark.parametrize("leak", [leaks.early_stopping, leaks.tuning])
def test_a_tuning_that_knows_the_test_part_is_found(
    leak: leaks.Leak, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leak(monkeypatch)
    monkeypatch.setattr(initial, "SIGNIFICANT", 2.0)
    both = []
    for name, h in (("as it was", HISTORY), ("changed", other(HISTORY, 700))):
        home = tmp_path / name
        home.mkdir()
        both.append(forecast_bytes(h, TUNED, home, ORIGIN))
    assert differing(*both) != []


def rows_that_differ() -> list[int]:
    """Rows of the test part that are not what a forecast was when their future did not exist yet."""
    f = features(HISTORY)
    split = split_by_date(f.moves.dates, CONFIG.split, CONFIG.network.lookback)
    ensemble, _ = training.train(f, split, CONFIG, Silent())
    whole = ensemble.forecast(f, split.test.start, split.test.stop)
    differ = []
    for row in (0, 1, 57, len(split.test) - 1):
        origin = split.test.start + row
        alone = ensemble.forecast(features(HISTORY.rows(0, origin + 2)), origin, origin + 1)
        if any(getattr(alone, name)[0] != getattr(whole, name)[row] for name in ("loc", "scale", "nu")):
            differ.append(row)
    return differ


def test_the_backtest_holds_the_forecasts_that_were_possible_at_each_origin() -> None:
    assert rows_that_differ() == []


def test_a_feature_that_knows_tomorrow_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    leaks.features(monkeypatch)
    assert rows_that_differ() != []


@pytest.mark.parametrize("leak", [leaks.standardiser, leaks.base_scale, leaks.early_stopping, leaks.baselines])
def test_a_fit_that_knows_the_test_part_is_found(
    leak: leaks.Leak, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leak(monkeypatch)
    both = []
    for name, h in (("as it was", HISTORY), ("changed", other(HISTORY, 700))):
        home = tmp_path / name
        home.mkdir()
        both.append(forecast_bytes(h, CONFIG, home, ORIGIN))
    assert differing(*both) != []
