"""Saved models trained again: the same bytes from the same prices, and words for everything else."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.errors import ConfigError, DataError, ModelError
from stockcast.pipeline.pools import Pool
from stockcast.pipeline.reproducing import compared
from stockcast.pipeline.series import calendar_over
from stockcast.pipeline.training import train_pool
from stockcast.prices.csvfile import ReadOptions, read
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.results import Reproduction
from stockcast.storage import modelfile
from stockcast.storage.modelfile import ModelFile
from tests import synthetic
from tests.pipeline.conftest import SetClock
from tests.pipeline.provider import WEDNESDAY, Provider, evening, series

HISTORY = synthetic.history(480)
CONFIG = TrainConfig(
    NetworkConfig(cell="gru", hidden_size=4, lookback=20),
    TrainingConfig(seeds=2, steps=6, chunk=40, warmup=10),
    SplitConfig(HISTORY.session(310), HISTORY.session(400)),
)


def baselines(every: bool) -> AbstractContextManager[None]:
    """All of them, or a few: those that one model has are made again as those of another are."""
    return nullcontext() if every else synthetic.only_baselines("random-walk", "har-t")


def trained(folder: Path, h: History = HISTORY, start: int = 0, every: bool = False) -> Path:
    """A home with the model FAKE of a file that lies beside it."""
    file = synthetic.write_csv(folder / "FAKE.csv", h)
    options = ReadOptions(start=h.session(start))
    with baselines(every):
        pipeline.train(str(file), options, CONFIG, folder / "home", None, Silent())
    return folder / "home"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home, in which the model FAKE is, and its file."""
    return trained(tmp_path_factory.mktemp("kept")).parent


@pytest.fixture
def own(kept: Path, tmp_path: Path) -> Path:
    """A home like that, whose model was trained on a file in the test's folder."""
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    data = modelfile.load_model(tmp_path / "home" / "models", "FAKE").manifest["data"]
    edited(tmp_path / "home", data={**data, "source": str(tmp_path / "FAKE.csv")})
    return tmp_path / "home"


def reproduced(home: Path, *sources: Path, name: str = "FAKE", every: bool = False, **read_as: str) -> Reproduction:
    with baselines(every):
        return pipeline.reproduce(home, name, sources, ReadOptions(**read_as), Silent())


def edited(home: Path, name: str = "FAKE", **manifest: Any) -> ModelFile:
    """The saved model with other entries in its manifest."""
    file = modelfile.load_model(home / "models", name)
    changed = {**file.manifest, **manifest}
    body = {key: changed[key] for key in ("config", "served_by", "features", "scored", "served") if key in changed}
    if manifest.keys() & body.keys():
        changed["model_id"] = modelfile.model_id(body, file.tensors)
    file = replace(file, manifest=changed)
    modelfile.save_model(home / "models", file)
    return file


def test_a_model_of_a_file_is_the_same_to_the_last_byte_and_nothing_is_saved(tmp_path: Path) -> None:
    home = trained(tmp_path, start=10, every=True)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    found = reproduced(home, every=True)
    assert (found.identical, found.different, found.parameters, found.versions) == (True, (), (), {})
    assert found.model_id == found.again
    assert found.tensors == len(modelfile.load_model(home / "models", "FAKE").tensors) > 10
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_prices_may_have_moved_to_another_file_or_folder(own: Path, tmp_path: Path) -> None:
    home = own
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = (tmp_path / "FAKE.csv").rename(elsewhere / "FAKE.csv")
    with pytest.raises(DataError, match=r"the model was trained on .*FAKE\.csv: no such file") as missing:
        reproduced(home)
    assert missing.value.hint == "name its prices with --source"
    assert reproduced(home, elsewhere).identical
    assert reproduced(home, moved.rename(elsewhere / "OTHER.csv")).identical


def test_other_prices_are_refused_with_both_hashes(own: Path, tmp_path: Path) -> None:
    close = HISTORY.close.copy()
    close[300] *= 1.001
    synthetic.write_csv(tmp_path / "FAKE.csv", replace(HISTORY, close=close))
    with pytest.raises(DataError, match="are not those that the model was trained on") as refused:
        reproduced(own)
    assert HISTORY.sha256()[:12] in refused.value.message
    assert "480 sessions" in refused.value.message


def test_bars_after_the_newest_one_of_that_time_do_not_matter(tmp_path: Path) -> None:
    home = trained(tmp_path, HISTORY.rows(0, 470))
    synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY)
    assert reproduced(home).identical


def test_columns_are_named_as_they_were_in_training(tmp_path: Path) -> None:
    file = synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY)
    file.write_text(file.read_text().replace("Close,Adj Close", "Last one,Closing"))
    options = ReadOptions(close_column="Closing")
    with baselines(every=False):
        pipeline.train(str(file), options, CONFIG, tmp_path / "home", None, Silent())
    assert reproduced(tmp_path / "home", close_column="Closing").identical


def test_a_model_of_a_ticker_is_trained_from_the_store_whatever_was_fetched_since(
    provider: Provider, home: Path, clock: SetClock
) -> None:
    provider.listed["AAA"] = series("AAA", 520, seed=1)
    config = replace(CONFIG, split=SplitConfig(date(2020, 8, 3), date(2020, 12, 1)))
    with baselines(every=False):
        pipeline.train("AAA", ReadOptions(), config, home, None, Silent())
    clock(evening(WEDNESDAY))
    pipeline.load("AAA", ReadOptions(), home)
    asked = len(provider.asked)
    assert reproduced(home, name="AAA").identical
    assert len(provider.asked) == asked
    edited(home, "AAA", ticker="BBB")
    with pytest.raises(DataError, match="no prices of BBB are stored"):
        reproduced(home, name="AAA")


def test_another_seed_is_another_model_and_what_differs_is_said(own: Path) -> None:
    manifest = modelfile.load_model(own / "models", "FAKE").manifest
    config = {**manifest["config"], "training": {**manifest["config"]["training"], "seed": 7}}
    edited(own, config=config, versions={**manifest["versions"], "torch": "0.4.1"})
    found = reproduced(own)
    assert not found.identical
    assert found.model_id != found.again
    assert found.versions["torch"][0] == "0.4.1"
    assert found.kind == "other-versions"
    assert "seeds" in found.parameters
    moved = {one.name for one in found.different}
    assert "scored.readout_SHD" in moved
    assert "scored.centre" not in moved
    assert all(one.largest is not None and one.largest > 0 for one in found.different)


def test_another_processor_is_told_from_damage(own: Path) -> None:
    manifest = modelfile.load_model(own / "models", "FAKE").manifest
    assert {"processor", "blas_kernel", "numpy_instructions", "torch_instructions"} <= manifest["machine"].keys()
    config = {**manifest["config"], "training": {**manifest["config"]["training"], "seed": 7}}
    edited(own, config=config)
    assert reproduced(own).kind == "damaged"
    edited(own, machine={**manifest["machine"], "blas_kernel": "OpenBLAS Abacus"})
    found = reproduced(own)
    assert found.kind == "other-processor"
    assert found.machine == {"blas_kernel": ("OpenBLAS Abacus", manifest["machine"]["blas_kernel"])}
    edited(own, machine={})
    assert reproduced(own).kind == "unknown-processor"


def test_what_a_training_met_by_chance_is_not_compared(own: Path) -> None:
    saved = modelfile.load_model(own / "models", "FAKE")
    edited(own, created_at="2001-01-01T00:00:00+00:00", calendar=saved.manifest["calendar"])
    assert reproduced(own).identical


def test_tensors_are_compared_by_their_bytes() -> None:
    def model(**tensors: np.ndarray) -> ModelFile:
        return ModelFile("m", {"model_id": "1", "config": {"training": {"device": "cpu"}}, "versions": {}}, tensors)

    zero, one = np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32)
    assert compared(model(a=zero), model(a=zero.copy())).identical
    [minus] = compared(model(a=zero), model(a=-zero)).different
    assert (minus.values, minus.largest) == (0, 0.0)
    [other] = compared(model(a=zero), model(a=np.array([0, 0, 0.5], dtype=np.float32))).different
    assert (other.name, other.size, other.values, other.largest) == ("a", 3, 1, 0.5)
    shape, missing = compared(model(a=zero, b=one), model(a=np.zeros(4, dtype=np.float32))).different
    assert (shape.size, shape.values, missing.name, missing.largest) == (4, None, "b", None)
    [days] = compared(model(d=np.array([1, 2])), model(d=np.array([1, 3]))).different
    assert (days.values, days.largest) == (1, None)


@pytest.mark.parametrize("data", [None, {"stocks": 40}])
def test_a_manifest_without_its_prices_is_a_model_error(own: Path, data: Any) -> None:
    edited(own, data=data)
    with pytest.raises(ModelError, match="does not say what it was trained on"):
        reproduced(own)


@pytest.mark.parametrize("source", ["-", "frame"])
def test_prices_that_were_no_file_have_to_be_named(own: Path, tmp_path: Path, source: str) -> None:
    data = modelfile.load_model(own / "models", "FAKE").manifest["data"]
    edited(own, data={**data, "source": source})
    with pytest.raises(DataError, match="cannot be read again"):
        reproduced(own)
    assert reproduced(own, tmp_path / "FAKE.csv").identical


def test_a_pool_is_the_same_with_its_market_and_without_one_of_its_files_it_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    files = [
        synthetic.write_csv(tmp_path / f"T{seed}.csv", synthetic.history(480, seed=seed, ticker=f"T{seed}"))
        for seed in range(5)
    ]
    found = [read(str(file)) for file in files]
    pool = Pool.of(found, calendar_over(found, None))
    config = replace(CONFIG, training=replace(CONFIG.training, seeds=1))
    with baselines(every=False):
        assert train_pool(pool, config, home, "five", Silent()).market
    before = sorted(path for path in home.rglob("*"))
    same = reproduced(home, name="five")
    assert (same.identical, same.members) == (True, 5)
    assert sorted(path for path in home.rglob("*")) == before
    other = tmp_path / "other"
    other.mkdir()
    files[3].rename(other / "T3.csv")
    with pytest.raises(DataError, match=r"trained on .*T3\.csv: no such file"):
        reproduced(home, name="five")
    synthetic.write_csv(files[3], synthetic.history(480, seed=9, ticker="T3"))
    with pytest.raises(DataError, match="the prices of T3 are not those"):
        reproduced(home, name="five")


def test_a_pool_that_does_without_groups_of_columns_is_the_same(tmp_path: Path) -> None:
    files = [
        synthetic.write_csv(tmp_path / f"T{seed}.csv", synthetic.history(480, seed=seed, ticker=f"T{seed}"))
        for seed in range(5)
    ]
    found = [read(str(file)) for file in files]
    pool = Pool.of(found, calendar_over(found, None)).without({"market", "echo"})
    config = replace(CONFIG, training=replace(CONFIG.training, seeds=1))
    with baselines(every=False):
        assert not train_pool(pool, config, tmp_path / "home", "five", Silent()).market
    assert reproduced(tmp_path / "home", name="five").identical


def test_a_network_is_exported_whole_or_not_at_all(kept: Path, tmp_path: Path) -> None:
    home = kept / "home"
    output = tmp_path / "fake.onnx"
    done = pipeline.export_model(home, "FAKE", output, fit="scored")
    saved = modelfile.load_model(home / "models", "FAKE").manifest
    assert (done.size, done.fit, done.model_id) == (output.stat().st_size, "scored", saved["model_id"])
    assert done.cutoff.isoformat() == saved["scored"]["cutoff"] < saved["served"]["cutoff"]
    assert list(done.features) == saved["features"]
    for wrong in ({"file_format": "pickle"}, {"fit": "best"}):
        with pytest.raises(ConfigError, match="unknown"):
            pipeline.export_model(home, "FAKE", tmp_path / "no", **wrong)
    with pytest.raises(ModelError, match="has no network that does without a market"):
        pipeline.export_model(home, "FAKE", tmp_path / "no", fit="alone-served")
    assert not (tmp_path / "no").exists()
