"""Explanations from saved models: they agree with the forecast, find what was planted, and see nothing later."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import NetworkConfig, PredictConfig, TrainConfig, TrainingConfig
from stockcast.config.models import METHODS, TARGETS, ExplainConfig
from stockcast.errors import ConfigError, DataError, ModelError
from stockcast.explanation import Explanation
from stockcast.models.attribution import READINGS
from stockcast.prices.csvfile import ReadOptions
from stockcast.progress import Silent
from tests import synthetic
from tests.pipeline.conftest import SetClock
from tests.pipeline.provider import LAST, THURSDAY, Provider, evening, series

LOOKBACK = 30
READ, QUIET = ReadOptions(), Silent()


def settings(cell: str = "lstm", steps: int = 60, layers: int = 1) -> TrainConfig:
    return TrainConfig(
        NetworkConfig(cell=cell, hidden_size=4, lookback=LOOKBACK, layers=layers),
        TrainingConfig(seeds=2, steps=steps, chunk=40, warmup=10, learning_rate=0.02),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a model of each cell, and FAKE.csv: volume foretells the next session's width, and ends loud."""
    folder = tmp_path_factory.mktemp("explained")
    h = synthetic.history(900)
    assert h.volume is not None
    h.volume[-1] *= 6
    file = synthetic.write_csv(folder / "FAKE.csv", h)
    with synthetic.only_baselines("random-walk", "har-t"):
        for cell in ("lstm", "gru", "rnn"):
            steps, layers = (60, 1) if cell == "lstm" else (8, 2)
            pipeline.train(str(file), READ, settings(cell, steps, layers), folder, cell, QUIET)
    return folder


def explain(folder: Path, model: str = "lstm", **told: object) -> Explanation:
    config = replace(ExplainConfig(model=model), **told)  # type: ignore[arg-type]
    return pipeline.explain(str(folder / "FAKE.csv"), READ, config, folder, QUIET)


def test_the_planted_feature_is_the_most_important_and_widens_with_volume(folder: Path) -> None:
    found = explain(folder).attribution
    (volume,) = [feature for feature in found.features if feature.name == "volume_surprise"]
    assert volume.value > 2
    assert volume == max(found.features, key=lambda feature: feature.effect)
    newest = found.effects[-1]
    assert newest.index(max(newest, key=abs)) == found.names.index("volume_surprise")
    assert newest[found.names.index("volume_surprise")] > 0.03


@pytest.mark.parametrize("cell", READINGS)
def test_the_parts_add_up_to_the_scale_that_predict_gives(folder: Path, cell: str) -> None:
    found = explain(folder, cell)
    a, w = found.attribution, found.width
    assert abs(a.remainder) < 1e-8
    assert sum(f.effect for f in a.features) == pytest.approx(np.sum(a.effects))
    assert sum(lag.effect for lag in a.lags) == pytest.approx(np.sum(a.effects))
    assert sum(f.share for f in a.features) == pytest.approx(1.0)
    assert np.log(w.scale / w.usual) == pytest.approx(w.base_effect + w.network_effect)
    assert w.network_effect == pytest.approx(a.correction)
    assert w.base_share + w.network_share == pytest.approx(1.0)
    (forecast,) = pipeline.predict(str(folder / "FAKE.csv"), READ, PredictConfig(model=cell), folder, QUIET)
    assert found.subject.target_session == forecast.target_session
    if forecast.served_by == cell:
        assert w.scale == pytest.approx(forecast.scale, rel=1e-12)
    else:
        assert found.subject.served_by == forecast.served_by


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", TARGETS)
def test_every_correction_is_explained_by_every_method(folder: Path, method: str, target: str) -> None:
    a = explain(folder, method=method, target=target).attribution
    assert (a.method, a.target) == (method, target)
    effects = sum(feature.effect for feature in a.features)
    assert a.correction == pytest.approx(a.average + effects + a.remainder)
    assert a.remainder == pytest.approx(0.0, abs=1e-8 if method == METHODS[0] else 0.5)
    assert effects != 0.0


@pytest.mark.parametrize("cell", READINGS)
def test_gates_are_read_over_the_window_with_the_dates_of_their_extremes(folder: Path, cell: str) -> None:
    found = explain(folder, cell, units=READINGS[cell][0])
    layers = 1 if cell == "lstm" else 2
    assert [(g.layer, g.name) for g in found.gates] == [(k + 1, name) for k in range(layers) for name in READINGS[cell]]
    sessions = found.attribution.sessions
    assert (len(sessions), sessions[-1]) == (LOOKBACK, found.subject.origin)
    for gate in found.gates:
        assert gate.lowest == sessions[int(np.argmin(gate.values))]
        assert gate.highest == sessions[int(np.argmax(gate.values))]
        assert 0.0 <= min(gate.values) <= gate.mean <= max(gate.values)
    assert len(found.units) == layers * 2 * 4
    if not found.gates[0].size:
        each = np.mean([unit.values for unit in found.units if unit.layer == 1], axis=0)
        assert np.allclose(each, found.gates[0].values)


def test_a_gate_of_another_cell_is_refused_with_those_there_are(folder: Path) -> None:
    with pytest.raises(ConfigError, match="'reset' is no gate of the lstm") as refused:
        explain(folder, units="reset")
    assert "forget" in refused.value.hint


def test_an_earlier_origin_is_explained_by_a_fit_that_saw_nothing_later_and_without_later_bars(folder: Path) -> None:
    scored = explain(folder, as_of=explain(folder).subject.origin).subject.cutoff
    day = date(2015, 3, 2)
    earlier = explain(folder, as_of=day)
    assert earlier.subject.origin == day
    assert earlier.subject.cutoff <= day < scored
    lines = (folder / "FAKE.csv").read_text().splitlines()
    (folder / "cut.csv").write_text("\n".join(line for line in lines if line[:10] <= str(day) or line[0] == "D") + "\n")
    config = ExplainConfig(model="lstm")
    alone = pipeline.explain(str(folder / "cut.csv"), ReadOptions(ticker="FAKE"), config, folder, QUIET)
    assert alone == earlier


def test_an_origin_before_the_model_learnt_a_short_file_and_a_missing_model_are_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="without looking ahead"):
        explain(folder, as_of=date(2013, 1, 2))
    with pytest.raises(DataError, match="too few"):
        explain(folder, as_of=date(2012, 2, 1))
    with pytest.raises(ModelError, match="nobody"):
        explain(folder, "nobody")


def test_a_ticker_is_explained_from_the_store_and_asked_for_only_where_it_is_old(
    provider: Provider, clock: SetClock, home: Path
) -> None:
    provider.listed["CCC"] = series("CCC", sessions=500)
    clock(evening(LAST))
    training = replace(settings(steps=4), training=TrainingConfig(seeds=1, steps=4, final_fit=False))
    with synthetic.only_baselines("random-walk", "har-t"):
        pipeline.train("CCC", READ, training, home, None, QUIET)
    asked = len(provider.asked)
    found = pipeline.explain("ccc", READ, ExplainConfig(), home, QUIET)
    assert (found.subject.ticker, found.subject.origin) == ("CCC", LAST)
    earlier = pipeline.explain("CCC", READ, ExplainConfig(as_of=THURSDAY), home, QUIET)
    assert earlier.subject.origin == THURSDAY
    assert len(provider.asked) == asked
    with pytest.raises(DataError, match="is a ticker"):
        pipeline.explain("CCC", ReadOptions(ticker="X"), ExplainConfig(), home, QUIET)


def test_settings_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ConfigError, match="unknown method"):
        ExplainConfig(method="magic")
    with pytest.raises(ConfigError, match="unknown target"):
        ExplainConfig(target="price")
