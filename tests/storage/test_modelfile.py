"""Model files: whole, whoever dies while writing them, and never silently wrong."""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from stockcast.errors import ConfigError, LockedError, ModelError, StorageError
from stockcast.storage import modelfile
from stockcast.storage.modelfile import ModelFile, delete_model, load_model, model_id, model_names, save_model
from tests.processes import packages_loaded

NAMES = ("AAPL", "^GSPC", "BRK-B", "BF.B", "0700.HK", "EURUSD=X", "my stock, 2", "Zürich", "A.new-0123456789abcdef.old")
BAD_NAMES = ("", ".", "..", ".hidden", "a/b", "a\\b", "/etc", "a\nb", "a\0b", "a\x7fb", "é" * 101)

OWN = ("format", "weights_sha256", "manifest_sha256")
"""Keys of the file format."""
STEPS = ("mkdir", "rename", "fsync", "unlink", "rmdir")


def numbered(number: int, name: str = "AAPL") -> ModelFile:
    """A model whose manifest and tensors agree on a number."""
    return ModelFile(name, {"number": number}, {"w": np.full(50, number, np.float32)})


def number_of(model: ModelFile) -> int:
    """The number of a `numbered` model; fails where its parts disagree."""
    number = model.manifest["number"]
    assert isinstance(number, int)
    assert model.tensors["w"].tolist() == [number] * 50
    return number


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


arrays = npst.arrays(
    st.sampled_from(["<f4", ">f4", "<f8", "<i8", "|b1", "|u1"]), npst.array_shapes(min_dims=0, min_side=0, max_side=4)
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=20)
@given(
    st.dictionaries(st.text().filter(lambda key: key not in OWN), json_values, max_size=4),
    st.dictionaries(st.text("abc.0", min_size=1), arrays, max_size=4),
)
def test_a_model_comes_back_as_it_was_saved(
    tmp_path_factory: pytest.TempPathFactory, manifest: dict[str, Any], tensors: dict[str, NDArray[Any]]
) -> None:
    models = tmp_path_factory.mktemp("round-trip") / "models"
    save_model(models, ModelFile("AAPL", manifest, tensors))
    found = load_model(models, "AAPL")
    assert found.name == "AAPL"
    assert found.manifest == manifest
    assert set(found.tensors) == set(tensors)
    for key, array in tensors.items():
        assert found.tensors[key].dtype == array.dtype.newbyteorder("<")
        np.testing.assert_array_equal(found.tensors[key], array)
    assert model_id(manifest, found.tensors) == model_id(manifest, tensors)


def test_views_are_stored_as_they_look(models: Path) -> None:
    grid = np.arange(12.0).reshape(3, 4)
    save_model(models, ModelFile("A", {}, {"transposed": grid.T, "strided": grid[::2, ::-1]}))
    found = load_model(models, "A").tensors
    np.testing.assert_array_equal(found["transposed"], grid.T)
    np.testing.assert_array_equal(found["strided"], grid[::2, ::-1])


@pytest.mark.parametrize("name", NAMES)
def test_tickers_are_names_of_models(models: Path, name: str) -> None:
    assert save_model(models, numbered(1, name)) == models / name
    assert number_of(load_model(models, name)) == 1
    assert model_names(models) == (name,)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_no_folder_name_is_refused_everywhere(models: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a model"):
        save_model(models, numbered(1, name))
    with pytest.raises(ModelError, match="cannot name a model"):
        load_model(models, name)
    with pytest.raises(ModelError, match="cannot name a model"):
        delete_model(models, name)
    assert not models.exists()


def test_saving_again_replaces_the_model_and_leaves_nothing_else(models: Path) -> None:
    save_model(models, numbered(1))
    save_model(models, numbered(2))
    assert number_of(load_model(models, "AAPL")) == 2
    assert {entry for entry in os.listdir(models) if not entry.endswith(".lock")} == {"AAPL"}
    assert sorted(os.listdir(models / "AAPL")) == ["manifest.json", "weights.safetensors"]


def test_models_are_listed_sorted_and_other_folders_are_none(models: Path) -> None:
    assert model_names(models) == ()
    save_model(models, numbered(1, "B"))
    save_model(models, numbered(1, "A"))
    (models / "notes").mkdir()
    (models / "readme.txt").write_text("x")
    assert model_names(models) == ("A", "B")


def test_a_removed_model_is_gone(models: Path) -> None:
    save_model(models, numbered(1))
    delete_model(models, "AAPL")
    assert model_names(models) == ()
    with pytest.raises(ModelError, match="no model named AAPL"):
        load_model(models, "AAPL")
    with pytest.raises(ModelError, match="no model named AAPL"):
        delete_model(models, "AAPL")


def test_a_missing_model_is_refused_with_near_names_and_nothing_is_created(models: Path) -> None:
    save_model(models, numbered(1, "AAPL"))
    before = os.listdir(models)
    for verb in (load_model, delete_model):
        with pytest.raises(ModelError, match=r"no model named AAPPL .near: AAPL") as caught:
            verb(models, "AAPPL")
        assert "--name AAPPL" in caught.value.hint
    assert os.listdir(models) == before


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        manifest = json.loads(path.read_text())
        change(manifest)
        path.write_text(json.dumps(manifest))

    return rewrite


def replaced(old: bytes, new: bytes) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new))

    return rewrite


@pytest.mark.parametrize(
    ("file", "damage", "reason"),
    [
        ("weights.safetensors", cut, "weights.safetensors is not the file"),
        ("weights.safetensors", flip, "weights.safetensors is not the file"),
        ("weights.safetensors", lambda path: path.write_bytes(b""), "weights.safetensors is not the file"),
        ("weights.safetensors", os.unlink, "weights.safetensors is missing"),
        ("manifest.json", cut, "manifest.json is not JSON"),
        ("manifest.json", lambda path: path.write_bytes(b"\xff{}"), "manifest.json is not JSON"),
        ("manifest.json", lambda path: path.write_bytes(b"[" * 100_000), "manifest.json is not JSON"),
        ("manifest.json", lambda path: path.write_bytes(b"[]"), "names no format"),
        ("manifest.json", os.unlink, "manifest.json is missing"),
        ("manifest.json", edit(lambda manifest: manifest.pop("format")), "names no format"),
        ("manifest.json", edit(lambda manifest: manifest.pop("weights_sha256")), "manifest.json is not as it was"),
        ("manifest.json", edit(lambda manifest: manifest.pop("manifest_sha256")), "manifest.json is not as it was"),
        ("manifest.json", edit(lambda manifest: manifest.update(number=2)), "manifest.json is not as it was"),
        ("manifest.json", replaced(b'"number":', b'"number": 1, "number":'), "not JSON .*twice"),
        ("manifest.json", replaced(b'"number":', b'"more": NaN, "number":'), "not JSON .*NaN"),
        ("manifest.json", replaced(b'"number":', b'"more": -Infinity, "number":'), "not JSON .*Infinity"),
        ("manifest.json", replaced(b'"number":', b'"more": 1e999, "number":'), "not JSON"),
        ("manifest.json", replaced(b'"number":', b'"more": ' + b"9" * 5000 + b', "number":'), "not JSON"),
    ],
)
def test_a_damaged_model_is_refused_and_can_be_replaced_or_removed(
    models: Path, file: str, damage: Callable[[Path], None], reason: str
) -> None:
    save_model(models, numbered(1))
    damage(models / "AAPL" / file)
    with pytest.raises(ModelError, match=f"AAPL is damaged.*{reason}") as caught:
        load_model(models, "AAPL")
    assert "--name AAPL" in caught.value.hint
    assert model_names(models) == ("AAPL",)
    save_model(models, numbered(2))
    assert number_of(load_model(models, "AAPL")) == 2
    damage(models / "AAPL" / file)
    delete_model(models, "AAPL")
    assert model_names(models) == ()


@pytest.mark.parametrize("weights", [b"", b"\xff" * 40, b"\x02\0\0\0\0\0\0\0{]"])
def test_weights_that_are_no_safetensors_are_refused_even_where_the_hash_agrees(
    models: Path, monkeypatch: pytest.MonkeyPatch, weights: bytes
) -> None:
    monkeypatch.setattr(modelfile, "_weights_bytes", lambda _: weights)
    save_model(models, numbered(1))
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(models, "AAPL")


def test_a_file_in_the_place_of_a_model_is_damage(models: Path) -> None:
    models.mkdir()
    (models / "AAPL").write_text("x")
    with pytest.raises(ModelError, match="damaged"):
        load_model(models, "AAPL")


def test_a_model_of_another_version_is_told_from_a_damaged_one(models: Path) -> None:
    save_model(models, numbered(1))
    edit(lambda manifest: manifest.update(format="stockcast.model/3"))(models / "AAPL" / "manifest.json")
    with pytest.raises(ModelError, match=r"stockcast\.model/3.*reads 'stockcast.model/2'"):
        load_model(models, "AAPL")


def test_damage_is_told_without_waiting_for_a_writer(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(models, numbered(1))
    cut(models / "AAPL" / "weights.safetensors")
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    with pytest.raises(ModelError, match="damaged"):
        load_model(models, "AAPL")
    with pytest.raises(ModelError, match="no model"):
        load_model(models, "MSFT")
    assert len(naps) <= 4


@pytest.mark.parametrize("manifest", [{"loss": float("nan")}, {"when": object()}, {"scale": np.float32(1)}])
def test_a_manifest_that_is_not_json_touches_nothing(models: Path, manifest: dict[str, Any]) -> None:
    save_model(models, numbered(1))
    with pytest.raises((TypeError, ValueError)):
        save_model(models, ModelFile("AAPL", manifest, {}))
    assert number_of(load_model(models, "AAPL")) == 1


def test_arrays_of_objects_are_refused(models: Path) -> None:
    with pytest.raises(TypeError, match="objects"):
        save_model(models, ModelFile("AAPL", {}, {"w": np.array([None])}))
    with pytest.raises(TypeError, match="objects"):
        model_id({}, {"w": np.array([None])})


def test_a_models_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(StorageError, match="models"):
        save_model(tmp_path / "models", numbered(1))
    with pytest.raises(StorageError, match="models"):
        model_names(tmp_path / "models")


def test_a_second_writer_is_told_that_the_model_is_locked_while_readers_go_on(models: Path) -> None:
    save_model(models, numbered(1))
    with FileLock(models / ".AAPL.lock"):
        with pytest.raises(LockedError, match="AAPL"):
            save_model(models, numbered(2), wait=0.01)
        with pytest.raises(LockedError, match="AAPL"):
            delete_model(models, "AAPL", wait=0.01)
        assert number_of(load_model(models, "AAPL")) == 1
        save_model(models, numbered(3, "MSFT"), wait=0.01)
    assert not [entry for entry in os.listdir(models) if ".new-" in entry]


# --- identity ---


def test_the_identity_depends_on_content_and_on_nothing_else() -> None:
    one = np.arange(6, dtype=np.float32).reshape(2, 3)
    two = np.ones(2)
    identity = model_id({"cell": "lstm", "seeds": [1, 2]}, {"a": one, "b": two})
    assert len(identity) == 16
    assert int(identity, 16) >= 0
    assert identity == model_id({"seeds": (1, 2), "cell": "lstm"}, {"b": two, "a": np.asfortranarray(one)})
    assert identity == model_id({"cell": "lstm", "seeds": [1, 2]}, {"a": one.astype(">f4"), "b": two})


def test_any_change_of_content_changes_the_identity() -> None:
    zeros = np.zeros((2, 3), np.float32)
    changed = zeros.copy()
    changed[1, 2] = np.float32(1e-30)
    identities = [
        model_id({"seed": 1}, {"a": zeros}),
        model_id({"seed": 2}, {"a": zeros}),
        model_id({"seed": 1}, {"b": zeros}),
        model_id({"seed": 1}, {"a": zeros.reshape(3, 2)}),
        model_id({"seed": 1}, {"a": zeros.view(np.int32)}),
        model_id({"seed": 1}, {"a": changed}),
        model_id({"seed": 1}, {}),
        model_id({"seed": 1}, {"a": zeros[:1], "b": zeros[:1]}),
    ]
    assert len(set(identities)) == len(identities)


def test_the_identity_is_the_hash_of_configuration_headers_and_bytes() -> None:
    content = b'{"cell":"lstm","lookback":60}' + b'["w","<f4",[2]]' + struct.pack("<2f", 0.5, -1.0)
    identity = model_id({"lookback": 60, "cell": "lstm"}, {"w": np.array([0.5, -1.0], np.float32)})
    assert identity == hashlib.sha256(content).hexdigest()[:16]


# --- dying writers ---


class Death(BaseException):
    """The process ends here: nothing that follows is executed."""


def die_at(monkeypatch: pytest.MonkeyPatch, step: int, error: BaseException, for_good: bool) -> list[str]:
    """Let the step-th change of the disk raise, and where `for_good` every later one; returns the log of changes."""
    log: list[str] = []

    def wrap(name: str) -> None:
        original = getattr(os, name)

        def change(*args: Any, **options: Any) -> Any:
            log.append(name)
            if len(log) == step or (for_good and len(log) > step):
                raise error
            return original(*args, **options)

        monkeypatch.setattr(os, name, change)

    for name in STEPS:
        wrap(name)
    return log


def end_at_every_step(
    models: Path, action: Callable[[], object], error: BaseException, for_good: bool, check: Callable[[bool], None]
) -> int:
    """Run `action` from the same start, ended at its 1st, 2nd, ... change of the disk, until it goes through.

    `check` is told whether the action went through. Returns the number of steps.
    """
    for step in range(1, 100):
        save_model(models, numbered(1))
        with pytest.MonkeyPatch.context() as monkeypatch:
            log = die_at(monkeypatch, step, error, for_good)
            try:
                action()
                done = True
            except (Death, StorageError):
                done = False
        check(done)
        if len(log) < step:
            return step - 1
    raise AssertionError("the action never goes through")


@pytest.mark.parametrize(
    ("error", "for_good"), [(Death(), True), (KeyboardInterrupt(), False), (OSError(5, "Input/output error"), False)]
)
def test_a_save_that_ends_at_any_step_leaves_the_old_model_or_the_new(
    models: Path, error: BaseException, for_good: bool
) -> None:
    seen: list[int] = []

    def check(done: bool) -> None:
        number = number_of(load_model(models, "AAPL"))
        assert number == 2 or not done
        assert model_names(models) == ("AAPL",)
        seen.append(number)
        save_model(models, numbered(3))
        assert number_of(load_model(models, "AAPL")) == 3
        assert {entry for entry in os.listdir(models) if not entry.endswith(".lock")} == {"AAPL"}

    def attempt() -> None:
        try:
            save_model(models, numbered(2))
        except KeyboardInterrupt as interrupt:
            raise Death from interrupt

    steps = end_at_every_step(models, attempt, error, for_good, check)
    assert steps > 8
    assert set(seen) == {1, 2}


def test_a_removal_that_ends_at_any_step_leaves_the_whole_model_or_none(models: Path) -> None:
    seen: list[tuple[str, ...]] = []

    def check(done: bool) -> None:
        left = model_names(models)
        seen.append(left)
        if left:
            assert not done
            assert number_of(load_model(models, "AAPL")) == 1
        else:
            with pytest.raises(ModelError, match="no model"):
                load_model(models, "AAPL")

    end_at_every_step(models, lambda: delete_model(models, "AAPL"), Death(), True, check)
    assert set(seen) == {(), ("AAPL",)}


def test_a_model_left_under_its_old_name_is_listed_loaded_and_removed(models: Path) -> None:
    save_model(models, numbered(1))
    (models / "AAPL").rename(models / ".AAPL.old")
    (models / ".AAPL.lock").unlink(missing_ok=True)
    assert model_names(models) == ("AAPL",)
    assert number_of(load_model(models, "AAPL")) == 1
    delete_model(models, "AAPL")
    assert model_names(models) == ()


def test_leftovers_of_a_model_with_a_similar_name_are_left_alone(models: Path) -> None:
    other = "A.new-0123456789abcdef"
    save_model(models, numbered(1, other))
    (models / other).rename(models / f".{other}.old")
    save_model(models, numbered(2, "A"))
    assert model_names(models) == ("A", other)
    assert number_of(load_model(models, other)) == 1


WRITER = """
import sys
from pathlib import Path
import numpy as np
from stockcast.storage.modelfile import ModelFile, save_model
print("ready", flush=True)
number = int(sys.argv[2])
while True:
    number += 1
    save_model(Path(sys.argv[1]), ModelFile("AAPL", {"number": number}, {"w": np.full(50, number, np.float32)}))
"""


def test_readers_see_whole_models_while_writers_are_killed(models: Path) -> None:
    delays = random.Random(7)  # noqa: S311 - moments of death need no secrecy
    save_model(models, numbered(0))
    newest = 0
    rounds = 0
    # On a busy machine a writer may be killed before it has saved anything: that round shows nothing, and the next
    # ones last longer.
    while rounds < 5 or (newest == 0 and rounds < 200):
        rounds += 1
        command = [sys.executable, "-c", WRITER, str(models), str(newest)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            try:
                end = time.monotonic() + delays.uniform(0.02, 0.2) * (1 + rounds // 5)
                while time.monotonic() < end:
                    number = number_of(load_model(models, "AAPL"))
                    assert number >= newest
                    newest = number
                    assert model_names(models) == ("AAPL",)
            finally:
                writer.kill()
        assert number_of(load_model(models, "AAPL")) >= newest
        newest = number_of(load_model(models, "AAPL"))
    assert newest > 0
    save_model(models, numbered(newest + 1))
    assert {entry for entry in os.listdir(models) if not entry.endswith(".lock")} == {"AAPL"}


def test_loading_imports_neither_torch_nor_the_lock(models: Path) -> None:
    save_model(models, numbered(1))
    imported = "from stockcast.storage.modelfile import load_model"
    assert "safetensors" not in packages_loaded(code=imported)
    found = packages_loaded(models, code=f"from pathlib import Path; {imported}; load_model(Path(sys.argv[1]), 'AAPL')")
    assert found.isdisjoint({"torch", "pandas", "scipy", "filelock"})
