"""What a training begins with: the general model, another one or nothing, and when tuning it takes its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import CovariatesConfig, NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import TUNING, BacktestConfig, FoldConfig
from stockcast.errors import ConfigError, ModelError, StockcastError
from stockcast.evaluation.verdict import BacktestResult
from stockcast.forecasts import Forecast
from stockcast.models import eventlayer
from stockcast.models.problem import Series
from stockcast.pipeline import initial
from stockcast.prices import csvfile
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.results import TrainResult
from stockcast.storage import modelfile, trainedmodel
from stockcast.windows.events import features_with_events
from stockcast.windows.features import BURN_IN
from stockcast.windows.splits import Part, split_by_date
from tests import synthetic
from tests.learning import learn

HISTORY = synthetic.history(560)
SPLIT = SplitConfig(HISTORY.session(370), HISTORY.session(470))
USUAL = TrainConfig(split=SPLIT)
SCRATCH = TrainConfig(
    NetworkConfig(hidden_size=4, lookback=20),
    TrainingConfig(seeds=2, steps=20, chunk=40, warmup=10, learning_rate=0.02, final_fit=False),
    SplitConfig(HISTORY.session(300), HISTORY.session(365)),
)
FAST = replace(USUAL, init="general", training=replace(TUNING, seeds=3, learning_rate=0.01))


def loud() -> History:
    """After a session with volume above its mean the next return is three times as wide: no real stock does that."""
    draw = np.random.default_rng(0)
    above = draw.uniform(size=len(HISTORY)) > 0.5
    width = np.where(np.concatenate(([False], above[:-1])), 0.03, 0.01)
    close = 50 * np.exp(np.cumsum(width * draw.standard_normal(len(HISTORY))))
    before = np.concatenate(([50.0], close[:-1]))
    return replace(
        HISTORY, close=close, adjusted_close=close, open=before, high=np.maximum(before, close),
        low=np.minimum(before, close), volume=np.where(above, 3e6, 1e6),
    )  # fmt: skip


INDEX = csvfile.read("data/GSPC.csv", ReadOptions()).between(date(2016, 6, 1), date(2018, 12, 31))
INDEX_SPLIT = TrainConfig(split=SplitConfig(date(2018, 1, 2), date(2018, 7, 2)))


@pytest.fixture(scope="module", autouse=True)
def _hasty() -> Iterator[None]:
    """Few steps, whatever the settings say: as they are saved, they are those that a training has by itself."""
    steps = TrainingConfig.gradient_steps
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingConfig, "gradient_steps", lambda *told: min(20, steps(*told)))
        yield


def trained(home: Path, config: TrainConfig, h: History = HISTORY, name: str | None = None) -> TrainResult:
    """A training on a file."""
    home.mkdir(exist_ok=True)
    path = synthetic.write_csv(home / "FAKE.csv", h)
    with synthetic.only_baselines("random-walk", "har-t"):
        return pipeline.train(str(path), ReadOptions(), config, home, name, Silent())


def dist(forecast: Forecast) -> tuple[float, ...]:
    return (forecast.scale, *forecast.quantiles.values())


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainResult]:
    home = tmp_path_factory.mktemp("tuned")
    return home, trained(home, FAST, loud())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainResult]:
    """Of an index, from which there is little to learn that the general model does not know."""
    home = tmp_path_factory.mktemp("kept")
    return home, trained(home, INDEX_SPLIT, INDEX)


def test_without_being_asked_a_training_begins_with_the_general_model(kept: tuple[Path, TrainResult]) -> None:
    home, result = kept
    assert result.init is not None
    assert result.init.name == "general"
    config = trainedmodel.from_file(modelfile.load_model(home / "models", "FAKE")).config
    vintage = trainedmodel.general_model(date(2018, 1, 1), INDEX)
    assert (config.init, config.network) == ("general", vintage.config.network)
    assert config.training == replace(TUNING, seeds=3)


def test_an_unhelpful_tuning_leaves_the_general_model_as_it_is(kept: tuple[Path, TrainResult]) -> None:
    home, result = kept
    assert result.init is not None
    assert result.init.kept
    assert "unchanged" in result.init.sentence("FAKE")
    alone = pipeline.predict(
        str(home / "FAKE.csv"), ReadOptions(), PredictConfig(model="general"), home / "empty", Silent()
    )
    if result.verdict.served_by == "lstm":
        assert dist(result.forecasts[0]) == dist(alone[0])


def test_what_is_scored_begins_before_the_validation_part_and_what_is_served_with_the_newest(tmp_path: Path) -> None:
    h = synthetic.history(560, first="2011-01-03")
    result = trained(tmp_path, TrainConfig(split=SplitConfig(h.session(380), h.session(480))), h)
    assert result.init is not None
    ids = {
        vintage.cutoff.year: trainedmodel.general_model(vintage.cutoff, h).model_id
        for vintage in trainedmodel.vintages()
        if not vintage.closes
    }
    assert h.session(380) < date(2012, 12, 31) <= h.last < date(2015, 12, 31)
    assert (result.init.young_id, result.init.served_id) == (ids[2009], ids[2012])
    assert result.scored_cutoff < h.session(480)


def test_a_helpful_tuning_takes_its_place(tuned: tuple[Path, TrainResult]) -> None:
    home, result = tuned
    assert result.init is not None
    assert not result.init.kept
    assert result.init.tuned_crps < result.init.crps
    assert result.init.p < initial.SIGNIFICANT
    model = trainedmodel.from_file(modelfile.load_model(home / "models", "FAKE"))
    vintage = trainedmodel.general_model(HISTORY.last, HISTORY)
    assert model.served.ensemble.base == vintage.served.ensemble.base
    before, after = vintage.served.ensemble.weights, model.served.ensemble.weights
    assert 0 < np.abs(after.readout_SHD - before.readout_SHD).max() < 2.0
    assert model.served.cutoff == HISTORY.session(len(HISTORY) - 1)
    assert model.scored.cutoff == HISTORY.session(469)


def test_both_are_reproduced_byte_by_byte(tuned: tuple[Path, TrainResult], kept: tuple[Path, TrainResult]) -> None:
    for home, _ in (tuned, kept):
        with synthetic.only_baselines("random-walk", "har-t"):
            assert pipeline.reproduce(home, "FAKE", (), ReadOptions(), Silent()).identical


@pytest.mark.parametrize(
    "config",
    [
        replace(USUAL, init="scratch", training=SCRATCH.training),
        replace(SCRATCH, split=SPLIT),
        TrainConfig(training=replace(TrainingConfig(), seeds=1, steps=5), split=SPLIT),
    ],
)
def test_other_settings_begin_from_scratch(config: TrainConfig, tmp_path: Path) -> None:
    result = trained(tmp_path, config)
    assert result.init is None
    assert trainedmodel.from_file(modelfile.load_model(tmp_path / "models", "FAKE")).config.init == "scratch"


def test_a_validation_part_that_every_vintage_has_seen_is_no_hindrance_unless_one_was_asked_for(
    tmp_path: Path,
) -> None:
    early = replace(HISTORY, dates=HISTORY.dates - np.timedelta64(3650, "D"))
    early = replace(early, dates=np.busday_offset(early.dates[0], np.arange(len(early)), roll="forward"))
    config = TrainConfig(
        training=TrainingConfig(final_fit=False), split=SplitConfig(early.session(370), early.session(470))
    )
    with pytest.raises(ModelError, match="every vintage"):
        trained(tmp_path, replace(config, init="general"), early)
    assert trained(tmp_path, config, early).init is None


def test_another_model_of_the_home_can_be_begun_with(tmp_path: Path) -> None:
    trained(tmp_path, SCRATCH, name="teacher")
    teacher = trainedmodel.from_file(modelfile.load_model(tmp_path / "models", "teacher"))
    result = trained(tmp_path, replace(USUAL, init="teacher"))
    assert result.init is not None
    assert (result.init.name, result.init.young_id) == ("teacher", teacher.model_id)
    assert trainedmodel.from_file(modelfile.load_model(tmp_path / "models", "FAKE")).config.network == SCRATCH.network


def test_a_model_that_has_seen_the_validation_part_is_refused(tmp_path: Path) -> None:
    trained(tmp_path, replace(SCRATCH, split=SplitConfig(HISTORY.session(370), HISTORY.session(470))), name="teacher")
    with pytest.raises(ModelError, match="cannot begin with it"):
        trained(tmp_path, replace(USUAL, init="teacher"))
    assert not modelfile.model_exists(tmp_path / "models", "FAKE")


@pytest.mark.parametrize(
    ("config", "error", "words"),
    [
        (replace(USUAL, init="nobody"), ModelError, "nobody"),
        (replace(USUAL, init="general", network=NetworkConfig(hidden_size=8)), ConfigError, "hidden size 8"),
        (replace(USUAL, init="general", network=NetworkConfig(cell="gru")), ConfigError, "cell gru"),
        (replace(USUAL, init="general", training=TrainingConfig(seeds=7)), ConfigError, "7 seeds"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    config: TrainConfig, error: type[StockcastError], words: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words):
        trained(tmp_path, config)


def test_closes_alone_begin_with_the_vintage_that_reads_closes(tmp_path: Path) -> None:
    bare = replace(HISTORY, open=None, high=None, low=None, volume=None)
    result = trained(tmp_path, USUAL, bare)
    assert result.init is not None
    assert result.init.young_id == trainedmodel.general_model(HISTORY.session(369), bare).model_id


def test_a_pool_begins_from_scratch(tmp_path: Path) -> None:
    from stockcast.pipeline.pools import Pool
    from stockcast.pipeline.series import calendar_over
    from stockcast.pipeline.training import train_pool

    members = [synthetic.history(560, seed=seed, ticker=f"T{seed}") for seed in range(2)]
    with pytest.raises(ConfigError, match="a pool is trained from scratch"):
        train_pool(
            Pool.of(members, calendar_over(members, None)), replace(SCRATCH, init="general"), tmp_path, "two", Silent()
        )


def test_covariates_begin_from_scratch_and_nowhere_else(tmp_path: Path) -> None:
    covariates = synthetic.write_csv(tmp_path / "BESIDE.csv", synthetic.history(560, seed=5, ticker="BESIDE"))
    config = replace(USUAL, covariates=CovariatesConfig((str(covariates),)))
    assert not initial.is_usual(config)
    with pytest.raises(ConfigError, match="know nothing of the covariates"):
        trained(tmp_path, replace(config, init="general"))
    assert trained(tmp_path, replace(SCRATCH, split=SPLIT, covariates=config.covariates)).init is None


# Folds of a backtest begin with saved networks, too, where that is asked for.

WALK = BacktestConfig(
    training=replace(TUNING, seeds=3, learning_rate=0.01),
    folds=FoldConfig(HISTORY.session(470), 45),
    baselines=("random-walk", "har-t"),
    init="general",
)


def walked(home: Path, h: History = HISTORY, config: BacktestConfig = WALK) -> BacktestResult:
    home.mkdir(exist_ok=True)
    path = synthetic.write_csv(home / "FAKE.csv", h)
    return pipeline.backtest(str(path), ReadOptions(), config, home, Silent(), keep_rows=True)


def of_network(result: BacktestResult, rows: int) -> bytes:
    (found,) = [found for found in result.rows if found.model == "lstm"]
    return found.quantiles_NQ[:rows].tobytes()


def test_folds_begin_with_the_general_model_where_that_is_asked_for(tmp_path: Path) -> None:
    begun, fresh = walked(tmp_path), walked(tmp_path, config=replace(WALK, init="scratch"))
    assert len(begun.folds) == 2
    assert of_network(begun, 90) != of_network(fresh, 90)
    kept = [path for path in (tmp_path / "backtests" / "FAKE").iterdir() if path.suffix == ".npz"]
    assert len(kept) == 4
    assert all(fold.resumed for fold in walked(tmp_path).folds)


def test_no_later_bar_moves_a_fold_that_began_with_the_general_model(tmp_path: Path) -> None:
    later = replace(HISTORY, **{name: getattr(HISTORY, name).copy() for name in ("open", "high", "low", "close")})
    for name in ("open", "high", "low", "close"):
        getattr(later, name)[500:] *= 1.7
    later = replace(later, adjusted_close=later.close.copy())
    before, after = walked(tmp_path / "before"), walked(tmp_path / "after", later)
    assert of_network(before, 31) == of_network(after, 31)
    assert of_network(before, 32) != of_network(after, 32)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (replace(WALK, warm_start=True), "warm start"),
        (replace(WALK, cells=("lstm", "gru")), "several cells"),
        (replace(WALK, network=NetworkConfig(hidden_size=5)), "hidden size 5 is not that of general"),
    ],
)
def test_a_start_that_folds_cannot_have_is_refused(config: BacktestConfig, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        walked(tmp_path, config=config)


def test_a_model_that_has_seen_the_first_validation_part_begins_no_fold(tmp_path: Path) -> None:
    trained(tmp_path, replace(SCRATCH, split=SplitConfig(HISTORY.session(430), HISTORY.session(495))))
    with pytest.raises(ModelError, match="cannot begin with it"):
        walked(tmp_path, config=replace(WALK, init="FAKE", training=TrainingConfig()))


@pytest.mark.parametrize(
    ("columns", "usual"), [((), eventlayer.USUAL), (("open", "high", "low"), eventlayer.USUAL_OF_CLOSES)]
)
def test_a_series_with_few_reactions_has_the_layer_that_is_usual_for_its_bars(
    columns: tuple[str, ...], usual: eventlayer.EventLayer
) -> None:
    h = replace(synthetic.reporting(synthetic.history(500)), **dict.fromkeys(columns))
    f = features_with_events(h)
    network = learn(f, split_by_date(f.session_returns.dates, SplitConfig(), lookback=20), SCRATCH, Silent())[0]
    assert initial.with_layer(network, [Series.of(f, Part(BURN_IN, 300))]).layer == usual
    assert initial.with_layer(network, [Series.of(f, Part(BURN_IN, len(f) - 1))]).layer not in {None, usual}
