"""A training on one ticker that begins with a pool's networks looks at the pool's market, as far as it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from stockcast import forecasting, pipeline
from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig, now
from stockcast.config.backtests import BacktestConfig, FoldConfig
from stockcast.config.models import TUNING
from stockcast.forecasting import TrainedModel
from stockcast.pipeline import initial
from stockcast.pipeline.given import Given
from stockcast.pipeline.markets import Company
from stockcast.pipeline.pools import Pool, calendar_of
from stockcast.pipeline.pooltraining import train_pool
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.results.progress import Silent
from stockcast.results.training import TrainResult
from stockcast.storage import modelfile, trainedmodel
from stockcast.windows.market import MARKET_NAMES
from tests import leaks, synthetic
from tests.test_lookahead import CHANGES

SESSIONS, MORE = 640, 20
LONGER = synthetic.history(SESSIONS + MORE, seed=40)
STRANGER = LONGER.rows(0, SESSIONS)
MEMBERS = [synthetic.history(SESSIONS, seed=41 + k, ticker=name) for k, name in enumerate("ABCDE")]
POOL = TrainConfig(
    NetworkConfig(hidden_size=4, lookback=20),
    TrainingConfig(seeds=1, steps=12, chunk=40, warmup=10, learning_rate=0.05, checks=4, final_fit=False),
    SplitConfig(STRANGER.session(320), STRANGER.session(400)),
    exchange="weekdays",
)
VALIDATE_FROM, TEST_FROM = STRANGER.session(400), STRANGER.session(520)
ONE = TrainConfig(
    training=replace(TUNING, seeds=1, steps=10, chunk=40, warmup=10), split=SplitConfig(VALIDATE_FROM, TEST_FROM),
    init="pool", exchange="weekdays",
)  # fmt: skip


@dataclass
class Notes(Silent):
    """Progress that keeps what is told."""

    def __post_init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str, detail: bool = False) -> None:  # noqa: ARG002 - as Progress has it
        self.told.append(text)


def pooled(home: Path, members: Sequence[History]) -> Path:
    """A home with a pool."""
    with synthetic.only_baselines("random-walk", "har-t"):
        train_pool(Pool.of(members, calendar_of(members, "weekdays")), POOL, home, "pool", Silent())
    return home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a pool whose market ends with the stranger's history."""
    return pooled(tmp_path_factory.mktemp("pool"), MEMBERS)


def trained(
    home: Path, folder: Path, h: History = STRANGER, config: TrainConfig = ONE, progress: Silent | None = None
) -> tuple[TrainResult, TrainedModel]:
    """A training on a file that begins with the home's pool, saved there."""
    folder.mkdir(exist_ok=True)
    path = synthetic.write_csv(folder / "FAKE.csv", h)
    with synthetic.only_baselines("random-walk", "har-t"):
        result = pipeline.train(str(path), ReadOptions(), config, home, None, progress or Silent())
    return result, trainedmodel.from_file(modelfile.load(home / "models", "FAKE"))


def forecast_from(model: TrainedModel, h: History, as_of: date | None = None) -> list[object]:
    """Every figure of the network's forecast of the next session."""
    asked = PredictConfig(as_of=as_of)
    made = forecasting.forecast(replace(model, served_by="lstm"), h, asked, now())
    return [(f.target_session, f.scale, f.mean, f.p_up, *f.quantiles.values()) for f in made]


def test_untuned_it_forecasts_what_the_pool_does_market_and_all(home: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initial, "SIGNIFICANT", 0.0)
        result, model = trained(home, tmp_path)
    assert result.init is not None
    assert result.init.kept
    assert set(MARKET_NAMES) <= set(model.served.ensemble.standardiser.names)
    pool = trainedmodel.from_file(modelfile.load(home / "models", "pool"))
    assert forecast_from(model, STRANGER) == forecast_from(pool, STRANGER)
    assert forecast_from(model, STRANGER) != forecast_from(replace(pool, market=None), STRANGER)
    # After the market's last session the network that does without one takes over.
    assert forecast_from(model, LONGER) == forecast_from(pool, LONGER)
    assert not model.is_pool
    assert model.sentence_for("FAKE") == result.verdict.sentence


def test_tuned_it_still_looks_at_the_market_and_is_made_again_byte_by_byte(home: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initial, "SIGNIFICANT", 2.0)
        config = replace(ONE, training=replace(ONE.training, final_fit=True, learning_rate=0.02))
        result, model = trained(home, tmp_path, config=config)
        assert result.init is not None
        assert not result.init.kept
        with synthetic.only_baselines("random-walk", "har-t"):
            again = pipeline.reproduce(home, "FAKE", (), ReadOptions(), Silent())
    assert (again.identical, again.members) == (True, 1)
    assert set(MARKET_NAMES) <= set(model.served.ensemble.standardiser.names)
    assert model.alone is not None
    assert [fit.cutoff for fit in model.alone] == [model.scored.cutoff, model.served.cutoff]
    assert model.served.cutoff == STRANGER.last
    pool = trainedmodel.from_file(modelfile.load(home / "models", "pool"))
    assert forecast_from(model, STRANGER) != forecast_from(pool, STRANGER)


def test_prices_after_the_market_s_end_begin_with_the_networks_that_do_without(home: Path, tmp_path: Path) -> None:
    notes = Notes()
    _, model = trained(home, tmp_path, LONGER, progress=notes)
    assert not set(MARKET_NAMES) & set(model.served.ensemble.standardiser.names)
    assert (model.market, model.alone, model.members) == (None, None, ())
    assert any("the market of" in note and "Train pool again" in note for note in notes.told)


def test_another_exchange_keeps_other_hours_and_has_no_market_here(home: Path, tmp_path: Path) -> None:
    _, model = trained(home, tmp_path, config=replace(ONE, exchange="24/7"))
    assert model.market is None


def test_the_model_is_scored_and_forecasts_like_any_other(home: Path, tmp_path: Path) -> None:
    result, _ = trained(home, tmp_path)
    (made,) = pipeline.predict(str(tmp_path / "FAKE.csv"), ReadOptions(), PredictConfig(), home, Silent())
    assert made == replace(result.forecasts[0], created_at=made.created_at)
    file = str(tmp_path / "FAKE.csv")
    given = Given("FAKE", Company((file,), ReadOptions(), home))
    config = BacktestConfig(folds=FoldConfig(TEST_FROM), baselines=("har-t",))
    with synthetic.only_baselines("random-walk", "har-t"):
        scored = pipeline.backtest_given(file, given, config, Silent())
    crps = {score.model: score.crps for score in scored.scores}
    assert crps["lstm"] == next(score.crps for score in result.scores if score.model == "lstm")


def test_what_the_members_do_after_an_origin_changes_no_byte_of_its_forecast(home: Path, tmp_path: Path) -> None:
    _, before = trained(home, tmp_path)
    origin = STRANGER.session(519)
    members = [CHANGES["other"](h, 520) for h in MEMBERS]
    _, after = trained(pooled(tmp_path / "changed", members), tmp_path)
    assert forecast_from(before, STRANGER, origin) == forecast_from(after, STRANGER, origin)
    assert forecast_from(before, STRANGER) != forecast_from(after, STRANGER)


def audited(home: Path, folder: Path) -> set[str]:
    """The checks that an audit of such a training fails."""
    path = synthetic.write_csv(folder / "FAKE.csv", STRANGER)
    with synthetic.only_baselines("random-walk", "har-t"):
        return set(pipeline.audit(str(path), ReadOptions(), ONE, home, Silent()).failed)


def test_an_audit_passes_it_and_finds_a_leak_in_it(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert audited(home, tmp_path) == set()
    leaks.features(monkeypatch)
    assert "features" in audited(home, tmp_path)
