"""Saved models that were changed: by a digit, which the hashes see, or by somebody who made the hashes fit again."""

from __future__ import annotations

import copy
import json
import math
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast import pipeline
from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig, now
from stockcast.errors import ModelError, StockcastError
from stockcast.forecasting import forecast
from stockcast.forecasts import Forecast
from stockcast.models.baselines import ALL_BASELINES
from stockcast.prices.csvfile import ReadOptions
from stockcast.progress import Silent
from stockcast.storage import codec, modelfile, trainedmodel
from stockcast.storage.modelfile import ModelFile
from tests import synthetic
from tests.progress import ProgressLog

HISTORY = synthetic.history(620)
CONFIG = TrainConfig(
    NetworkConfig(cell="gru", hidden_size=3, lookback=20),
    TrainingConfig(seeds=1, steps=4, chunk=40, warmup=10),
    SplitConfig(HISTORY.session(420), HISTORY.session(520)),
)
BODY = ("config", "served_by", "features", "scored", "served", "pool", "covariates")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the prices FAKE.csv and a home, in which their model is."""
    folder = tmp_path_factory.mktemp("kept")
    file = synthetic.write_csv(folder / "FAKE.csv", HISTORY)
    pipeline.train(str(file), ReadOptions(), CONFIG, folder / "home", None, Silent())
    return folder


@pytest.fixture
def own(kept: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(kept, tmp_path / "own"))


def predicted(folder: Path, progress: Silent | None = None) -> Forecast:
    source = str(folder / "FAKE.csv")
    (made,) = pipeline.predict(source, ReadOptions(), PredictConfig(), folder / "home", progress or Silent())
    return made


def rewritten(folder: Path, change: Callable[[dict[str, Any]], object], version: str = modelfile.FORMAT) -> None:
    """Change the manifest, with every hash and the id made to fit; `version` 1 has no hash over all of it."""
    place = folder / "home" / "models" / "FAKE"
    file = modelfile.load_model(place.parent, "FAKE")
    manifest = copy.deepcopy(file.manifest)
    change(manifest)
    try:
        body = {key: manifest[key] for key in BODY if key in manifest}
        manifest["model_id"] = modelfile.model_id(body, file.tensors)
        modelfile.save_model(place.parent, replace(file, manifest=manifest))
    except ValueError:  # not a number: `save` refuses it, somebody else would not
        (place / "manifest.json").write_text(json.dumps(manifest))
        return
    if version != modelfile.FORMAT:
        plain = json.loads((place / "manifest.json").read_text())
        del plain["manifest_sha256"]
        (place / "manifest.json").write_text(json.dumps({**plain, "format": version}, indent=1))


def at(manifest: dict[str, Any], place: str) -> tuple[Any, Any]:
    """The container that a place is in, and its key there."""
    *path, last = [int(key) if key.isdigit() else key for key in place.split("/")]
    found: Any = manifest
    for key in path:
        found = found[key]
    return found, last


def put(place: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        container, key = at(manifest, place)
        container[key] = value

    return change


def test_every_change_of_a_digit_or_a_byte_is_refused_or_no_change(own: Path) -> None:
    """Seventeen digits may be one more than a number has: the manifest means the same then."""
    models = own / "home" / "models"
    before = modelfile.load_model(models, "FAKE").manifest
    draw = random.Random(0)  # noqa: S311 - which digits is no secret
    refused = 0
    for _ in range(150):
        path = models / "FAKE" / draw.choice(("manifest.json", "weights.safetensors"))
        content = path.read_bytes()
        changed = bytearray(content)
        if path.suffix == ".json":
            k = draw.choice([k for k, sign in enumerate(content) if chr(sign).isdigit()])
            changed[k] = ord(draw.choice([digit for digit in "0123456789" if ord(digit) != content[k]]))
        else:
            changed[draw.randrange(len(content))] ^= draw.randrange(1, 256)
        path.write_bytes(changed)
        try:
            assert modelfile.load_model(models, "FAKE").manifest == before
        except ModelError:
            refused += 1
        path.write_bytes(content)
    assert refused >= 145


def test_a_changed_verdict_currency_or_calendar_is_refused_by_every_command(own: Path) -> None:
    place = own / "home" / "models" / "FAKE" / "manifest.json"
    manifest = json.loads(place.read_text())
    closed = manifest["calendar"]["closures"][-1]
    for key, value in (("verdict", "A sure thing."), ("currency", "EUR"), ("calendar", closed)):
        changed = {**manifest, key: value}
        if key == "calendar":
            changed[key] = {**manifest[key], "closures": [day for day in manifest[key]["closures"] if day != closed]}
        place.write_text(json.dumps(changed))
        with pytest.raises(ModelError, match=r"FAKE is damaged: manifest\.json is not as it was written"):
            predicted(own)
        with pytest.raises(ModelError, match="damaged"):
            pipeline.show_model(own / "home", "FAKE")
        [summary] = pipeline.list_models(own / "home")
        assert "damaged" in str(summary.damage)


WRONG = [
    ("served/baselines/garch-t/omega", 1e300, r"served.baselines.garch-t.omega is 1e\+300"),
    ("served/baselines/garch-t/omega", 0.0, "served.baselines.garch-t.omega is 0"),
    ("served/baselines/garch-t/omega", "0.1", "served.baselines.garch-t.omega is '0.1', not a number"),
    ("served/baselines/garch-t/omega", True, "served.baselines.garch-t.omega is True, not a number"),
    ("served/baselines/garch-t/omega", None, "served.baselines.garch-t.omega is None"),
    ("served/baselines/garch-t/omega", 10**400, "served.baselines.garch-t.omega is a whole number of that size"),
    ("served/baselines/garch-t/beta", 0.99, "served.baselines.garch-t.persistence is"),
    ("served/baselines/garch-t/mu", 1e6, "served.baselines.garch-t.mu"),
    ("served/baselines/garch-t/nu", 2.0, "served.baselines.garch-t.nu"),
    ("served/baselines/ewma-t/decay", 1.5, "served.baselines.ewma-t.decay"),
    ("served/baselines/ewma-t/ratio", -0.8, "served.baselines.ewma-t.ratio"),
    ("served/baselines/random-walk/sessions", 60.0, "served.baselines.random-walk.sessions is 60.0, not a whole"),
    ("served/baselines/random-walk/sessions", -3, "served.baselines.random-walk.sessions"),
    ("served/baselines/oracle", {}, "served.baselines.oracle is a baseline that this version does not know"),
    ("served/base_scale/weights", [0.1], "served.base_scale.weights has 1 members, not 6"),
    ("served/base_scale/weights/2", [], r"served.base_scale.weights\[2\] is a list"),
    ("served/base_scale/nu", 1.0, "served.base_scale.nu"),
    ("served/cutoff", "2031-02-30", "served.cutoff is '2031-02-30', not a date"),
    ("served/cutoff", "1999-01-04", "served.cutoff is 1999-01-04, before"),
    ("served/cutoff", 20201201, "served.cutoff"),
    ("served_by", "oracle", "served_by is 'oracle'"),
    ("config/network/cell", "transformer", "config.network cannot be used: unknown cell"),
    ("config/network/hidden_size", 4, r"has the shape"),
    ("config/network/hidden_size", "4", "config.network.hidden_size is '4', not a whole number"),
    ("config/network/wings", 2, "config.network.wings is not known"),
    ("config/training/seeds", 0, "config.training cannot be used: seeds 0 is not within"),
    ("config/horizon", 1000, "horizon 1000 is not within"),
    ("config/split/validation_share", "half", "config.split.validation_share"),
    ("features", [], "features has 0 members"),
    ("features/0", 7, r"features\[0\] is 7, not a text"),
    ("calendar/weekmask", "1111102", "calendar cannot be used: .*weekmask"),
    ("calendar/closures/0", "soon", r"calendar.closures\[0\] is 'soon'"),
    ("calendar/through", None, "calendar.through"),
    ("currency", 5, "currency is 5, not a text"),
    ("verdict", ["good"], "verdict is a list, not a text"),
    ("pool", {"members": "FAKE"}, "pool.members is 'FAKE', not a list"),
    ("covariates", {"series": [], "known_ahead": None}, "covariate_sources is missing"),
    ("machine", "mine", "machine is 'mine', not an object"),
]


@pytest.mark.parametrize(("place", "value", "said"), WRONG)
def test_a_value_that_no_training_gave_is_named_whatever_the_hashes_say(
    own: Path, place: str, value: Any, said: str
) -> None:
    rewritten(own, put(place, value))
    with pytest.raises(ModelError, match=said) as refused:
        predicted(own)
    assert refused.value.exit_code == 6
    assert "FAKE" in refused.value.message
    [summary] = pipeline.list_models(own / "home")
    assert summary.damage == refused.value.message


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("served.readout_SHD", lambda a: a[:, :2], r"served.readout_SHD has the shape"),
        ("served.layers.0.hidden_SGDD", lambda a: a * np.nan, "served.layers.0.hidden_SGDD holds numbers that are not"),
        ("served.skip_SHF", lambda a: a + np.inf, "served.skip_SHF holds numbers that are not finite"),
        ("served.readout_bias_SH", lambda a: a.astype(np.int32), "served.readout_bias_SH holds int32"),
        ("served.spread", lambda a: a * 0, "served.spread holds numbers that are not above 0"),
        ("served.shocks", lambda a: a[:0], "served.shocks is empty"),
        ("served.centre", None, "served.centre is missing among the weights"),
    ],
)
def test_weights_of_another_shape_or_kind_are_named(
    own: Path, name: str, change: Callable[[Any], Any] | None, said: str
) -> None:
    file = modelfile.load_model(own / "home" / "models", "FAKE")
    tensors = {key: array for key, array in file.tensors.items() if key != name}
    if change is not None:
        tensors[name] = change(file.tensors[name])
    body = {key: file.manifest[key] for key in BODY if key in file.manifest}
    manifest = {**file.manifest, "model_id": modelfile.model_id(body, tensors)}
    modelfile.save_model(own / "home" / "models", ModelFile("FAKE", manifest, tensors))
    with pytest.raises(ModelError, match=said):
        predicted(own)


def test_an_id_that_is_not_that_of_its_content_is_refused(own: Path) -> None:
    file = modelfile.load_model(own / "home" / "models", "FAKE")
    manifest = copy.deepcopy(file.manifest)
    manifest["served"]["base_scale"]["mu"] += 0.001
    modelfile.save_model(own / "home" / "models", replace(file, manifest=manifest))
    with pytest.raises(ModelError, match=r"model_id is .*, and that of its settings, parameters and weights is"):
        predicted(own)


PARAMETERS = [
    f"{fit}/{place}"
    for fit in ("scored", "served")
    for place in (
        *(f"baselines/{name}/{key}" for name in ("garch-t",) for key in ("mu", "omega", "alpha", "beta", "nu")),
        *(f"baselines/ewma-t/{key}" for key in ("mu", "ratio", "nu", "decay")),
        *(f"baselines/har-t/{key}" for key in ("mu", "nu", "weights/0", "weights/3", "weights/5")),
        *(f"base_scale/{key}" for key in ("mu", "nu", "weights/1")),
        "baselines/random-walk/sessions",
    )
]
ANYTHING = (
    st.floats() | st.floats(-2, 2) | st.integers() | st.booleans() | st.none() | st.text(max_size=3)
    | st.sampled_from([0, -0.0, 1e-320, 1e16, -1e300, 5e-324, [], {}])
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(PARAMETERS), ANYTHING, st.sampled_from(["gru", "garch-t", "ewma-t", "har-t", "random-walk"]))
def test_whatever_stands_in_a_parameter_is_refused_or_gives_a_forecast(
    kept: Path, place: str, value: Any, served_by: str
) -> None:
    """By the model's own door, the file's is left out: a hundred folders are slow."""
    file = modelfile.load_model(kept / "home" / "models", "FAKE")
    manifest = copy.deepcopy(file.manifest)
    put(place, value)(manifest)
    manifest["served_by"] = served_by
    body = {key: manifest[key] for key in BODY if key in manifest}
    try:
        codec.parse_json(json.dumps(manifest).encode())
        manifest["model_id"] = modelfile.model_id(body, file.tensors)
        model = trainedmodel.from_file(replace(file, manifest=manifest))
    except (ModelError, ValueError):  # ValueError: a number that is none, at which `load` says that it is damage
        return
    try:
        (made,) = forecast(model, HISTORY, PredictConfig(), now())
    except StockcastError:
        return
    prices = list(made.quantiles.values())
    assert all(math.isfinite(price) and price > 0 for price in (*prices, made.median))
    assert prices == sorted(prices)


def test_every_baseline_comes_back_from_json() -> None:
    from stockcast.windows.events import features_with_events

    f = features_with_events(synthetic.reporting(HISTORY, every=40))
    for name, kind in ALL_BASELINES.items():
        fitted = kind.fit(f, 22, 400)
        assert codec.decode(kind, json.loads(json.dumps(codec.encode(fitted)))) == fitted, name


def test_a_model_of_the_format_before_forecasts_the_same_and_says_so_once(own: Path) -> None:
    before = predicted(own)
    rewritten(own, lambda _: None, modelfile.EARLIER)
    log = ProgressLog()
    after = predicted(own, log)
    assert replace(after, created_at="") == replace(before, created_at="")
    [note] = [note for note in log.notes if "earlier version" in note]
    assert note.startswith("model FAKE: ")
    [summary] = pipeline.list_models(own / "home")
    assert summary.damage is None


def test_a_model_of_the_format_before_has_to_have_its_own_id(own: Path) -> None:
    rewritten(own, lambda _: None, modelfile.EARLIER)
    place = own / "home" / "models" / "FAKE" / "manifest.json"
    manifest = json.loads(place.read_text())
    manifest["served"]["baselines"]["garch-t"]["omega"] *= 2
    place.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="model_id is"):
        predicted(own)


def test_a_digit_in_the_list_of_vintages_cannot_let_one_look_ahead(tmp_path: Path) -> None:
    shipped = Path(shutil.copytree(trainedmodel.GENERAL_FOLDER, tmp_path / "general"))
    listed = trainedmodel.vintages(shipped)
    index = shipped / trainedmodel.GENERAL_INDEX
    content = index.read_text()
    index.write_text(content.replace("2018-12-31", "2012-12-31"))
    with pytest.raises(ModelError, match=r"general model is damaged: index\.json is not as it was written"):
        trainedmodel.vintages(shipped)
    trainedmodel.save_index(shipped, [replace(one, cutoff=listed[0].cutoff) for one in listed])
    with pytest.raises(ModelError, match=r"the general model is damaged: index\.json names \S+ up to 2006-12-29, and"):
        trainedmodel.general_model(listed[0].cutoff, HISTORY, shipped)
