"""Fold files: what is read is what was written, to the bit; what cannot be read is made again."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stockcast import limits
from stockcast.config import NetworkConfig
from stockcast.errors import StorageError
from stockcast.forecasting import Fit
from stockcast.models.baselines import ALL_BASELINES
from stockcast.models.cells import GATES, LayerWeights, NetworkWeights
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.models.ensemble import Ensemble, Standardiser
from stockcast.models.har import HarScale
from stockcast.models.simulation import PathPlan, Shocks
from stockcast.storage.foldfile import FoldFile, fold_key, load_fold, prune_folds, save_fold
from stockcast.windows.features import features
from tests import synthetic

ABOUT = {"validation_crps": {"lstm": 0.1 + 0.2}, "steps": {"lstm": [3, 5]}, "left_out": {"garch-t": "no, ü"}}
ANY = st.floats(-1e6, 1e6, allow_subnormal=True)


def fold() -> FoldFile:
    draw = np.random.default_rng(0)
    student = StudentT(draw.standard_normal(40), draw.random(40) + 0.1, np.full(40, np.inf))
    return FoldFile({"lstm": student, "fhs-garch": Empirical(draw.standard_normal((40, 7)))}, ABOUT)


def dist_bits(dist: Distribution) -> bytes:
    return type(dist).__name__.encode() + b"".join(array.tobytes() for array in vars(dist).values())


def bits(file: FoldFile | None) -> dict[str, bytes]:
    assert file is not None
    return {name: dist_bits(dist) for name, dist in file.dists.items()}


def simulated(rows: int, seed: int = 1) -> Empirical:
    return Empirical(np.random.default_rng(seed).standard_normal((rows, 7)).astype(np.float32))


def further() -> FoldFile:
    """A fold of three steps, each with an origin less, and the distributions of its validation part."""
    student = fold().dists["lstm"]
    return replace(
        fold(),
        ahead={name: (simulated(39, k), simulated(38, k + 9)) for k, name in enumerate(fold().dists)},
        early={"lstm": student.rows(0, 17), "gru": student.rows(3, 20)},
    )


F = features(synthetic.history(500))
NAMES = ("random-walk", "drift", "har-t", "garch-t", "fhs-garch")


def fit(cell: str, layers: int, seed: int = 0) -> Fit:
    """A fit whose networks were drawn, not trained; three members of two units."""
    draw = np.random.default_rng(seed)

    def drawn(*shape: int) -> np.ndarray:
        return draw.normal(0.0, 0.5, shape).astype(np.float32).astype(np.float64)

    columns, gates = F.x_TF.shape[1], GATES[cell]
    stack = tuple(
        LayerWeights(
            drawn(3, gates, 2, 2 if k else columns), drawn(3, gates, 2, 2), drawn(3, gates, 2), drawn(3, gates, 2)
        )
        for k in range(layers)
    )
    weights = NetworkWeights(cell, stack, drawn(3, 3, 2), drawn(3, 3), drawn(3, 3, columns))
    base = HarScale((-0.05, 0.05, 0.15, 0.2, 0.1, -0.05), 3e-4, 5.0)
    ensemble = Ensemble(
        NetworkConfig(cell, 2, layers, 0.0, 20),
        base,
        Standardiser(F.names, F.x_TF[:400].mean(axis=0), F.x_TF[:400].std(axis=0)),
        weights,
        F.session_returns.dates[400].astype(object),
    )
    known = {name: ALL_BASELINES[name].fit(F, 22, 400) for name in NAMES}
    return Fit(ensemble, known, Shocks.of(F, base, 22, 400))


def test_distributions_and_facts_come_back_to_the_bit_and_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "f.npz"
    save_fold(path, fold())
    found = load_fold(path)
    assert bits(found) == bits(fold())
    assert found is not None
    assert list(found.dists) == ["lstm", "fhs-garch"]
    assert found.about == ABOUT


@settings(max_examples=30)
@given(arrays(np.float64, (3, 4), elements=ANY), arrays(np.float64, 3, elements=ANY))
def test_any_numbers_come_back_to_the_bit(values_NK: np.ndarray, loc_N: np.ndarray) -> None:
    made = FoldFile({"e": Empirical(values_NK), "t": StudentT(loc_N, np.exp(loc_N % 3), np.full(3, 2.5))}, {"a": None})
    with tempfile.TemporaryDirectory() as folder:
        save_fold(Path(folder) / "f.npz", made)
        assert bits(load_fold(Path(folder) / "f.npz")) == bits(made)


def test_every_step_and_the_distributions_before_come_back_to_the_bit_and_in_their_order(tmp_path: Path) -> None:
    made = further()
    save_fold(tmp_path / "f.npz", made)
    found = load_fold(tmp_path / "f.npz")
    assert bits(found) == bits(made)
    assert found is not None
    assert list(found.ahead) == list(made.ahead) == ["lstm", "fhs-garch"]
    for name, dists in made.ahead.items():
        assert [dist_bits(dist) for dist in found.ahead[name]] == [dist_bits(dist) for dist in dists]
    assert {name: dist_bits(dist) for name, dist in found.early.items()} == {
        name: dist_bits(dist) for name, dist in made.early.items()
    }
    assert list(found.early) == ["lstm", "gru"]


@pytest.mark.parametrize("fewer", [b"(1000, 20)", b"(4000, 10)"])
def test_a_digit_in_the_shape_of_an_array_is_damage(tmp_path: Path, fewer: bytes) -> None:
    """An archive's own checksum is not looked at where less is asked for than there is."""
    path = tmp_path / "f.npz"
    save_fold(path, FoldFile({"e": Empirical(np.random.default_rng(0).standard_normal((4000, 20)))}, ABOUT))
    content = path.read_bytes()
    assert content.count(b"(4000, 20)") == 1
    path.write_bytes(content.replace(b"(4000, 20)", fewer))
    assert load_fold(path) is None


def test_a_fold_without_a_hash_or_with_another_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    save_fold(path, fold())
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["t@1:lstm"][0, 3] += 0.01
    np.savez(path, **arrays)
    assert load_fold(path) is None
    del arrays["sha256"]
    np.savez(path, **arrays)
    assert load_fold(path) is None


def test_twenty_steps_come_back_in_the_order_of_numbers_not_of_letters(tmp_path: Path) -> None:
    made = replace(fold(), ahead={"lstm": tuple(simulated(40 - step, step) for step in range(2, 22))})
    save_fold(tmp_path / "f.npz", made)
    found = load_fold(tmp_path / "f.npz")
    assert found is not None
    assert [len(dist) for dist in found.ahead["lstm"]] == list(range(38, 18, -1))


def test_a_fold_of_no_further_step_comes_back_without_any(tmp_path: Path) -> None:
    """Its only origin is the last but one bar: two sessions ahead there is nothing."""
    save_fold(tmp_path / "f.npz", replace(fold(), ahead={"lstm": (), "fhs-garch": ()}))
    found = load_fold(tmp_path / "f.npz")
    assert bits(found) == bits(fold())
    assert found is not None
    assert not any(found.ahead.values())


def test_simulated_distributions_are_compressed_and_single_precision_costs_half(tmp_path: Path) -> None:
    values_NK = np.random.default_rng(0).standard_normal((100, 200))
    for name, values in (("single", values_NK.astype(np.float32)), ("double", values_NK)):
        save_fold(tmp_path / name, replace(fold(), ahead={"lstm": (Empirical(values),)}))
    sizes = [(tmp_path / name).stat().st_size for name in ("single", "double")]
    assert sizes[0] < 0.65 * sizes[1]
    with zipfile.ZipFile(tmp_path / "single") as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    save_fold(tmp_path / "plain", fold())
    with zipfile.ZipFile(tmp_path / "plain") as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.parametrize("ahead", [False, True], ids=["as they are", "compressed"])
@pytest.mark.parametrize(("cell", "layers"), [("lstm", 1), ("gru", 2), ("rnn", 1)])
def test_a_fit_that_comes_back_forecasts_the_same_bytes(cell: str, layers: int, ahead: bool, tmp_path: Path) -> None:
    made, pre_validation = fit(cell, layers), fit(cell, layers, seed=5)
    save_fold(
        tmp_path / "f.npz",
        replace(further() if ahead else fold(), fits={cell: made}, pre_validation={cell: pre_validation}),
    )
    found = load_fold(tmp_path / "f.npz")
    assert found is not None
    again = found.fits[cell]
    assert (again.cutoff, again.ensemble.config, list(again.baselines)) == (
        made.cutoff, made.ensemble.config, list(NAMES),
    )  # fmt: skip
    for name in (cell, *NAMES):
        dists, paths = [], []
        for one in (made, again):
            forecaster = one.forecaster(name)
            dists.append(dist_bits(forecaster.forecast(F, 420, 490)))
            plan = PathPlan(3, 20, one.shocks, np.random.default_rng(7))
            paths.append(forecaster.simulate(F, 450, plan).tobytes())
        assert dists[0] == dists[1], name
        assert paths[0] == paths[1], name
    back, forth = (one.ensemble.forecast(F, 420, 490) for one in (pre_validation, found.pre_validation[cell]))
    assert dist_bits(back) == dist_bits(forth) != dists[0]


def test_the_fits_of_two_cells_are_kept_apart(tmp_path: Path) -> None:
    fits = {"gru": fit("gru", 1, seed=1), "lstm": fit("lstm", 1, seed=2)}
    save_fold(tmp_path / "f.npz", replace(fold(), fits=fits))
    found = load_fold(tmp_path / "f.npz")
    assert found is not None
    assert list(found.fits) == ["gru", "lstm"]
    for cell, one in fits.items():
        weights = found.fits[cell].ensemble.weights
        assert weights.cell == cell
        assert weights.readout_SHD.tobytes() == one.ensemble.weights.readout_SHD.tobytes()


def test_nothing_is_no_fold(tmp_path: Path) -> None:
    assert load_fold(tmp_path / "none.npz") is None
    assert load_fold(tmp_path) is None


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99, 0.9999])
def test_a_torn_file_is_no_fold(share: float, tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    save_fold(path, fold())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert load_fold(path) is None


def test_a_flipped_bit_is_no_fold(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    save_fold(path, fold())
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    path.write_bytes(damaged)
    assert load_fold(path) is None


@settings(max_examples=60)
@given(st.data())
def test_whatever_bit_is_flipped_a_fold_is_whole_or_none(data: st.DataObject) -> None:
    """A flip in a header is found by other means than one in the numbers; a few bytes of an archive say nothing."""
    damaged = bytearray(WHOLE)
    place = data.draw(st.integers(0, len(WHOLE) - 1))
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.npz"
        path.write_bytes(damaged)
        found = load_fold(path)
    assert found is None or (bits(found), found.about) == (bits(fold()), ABOUT)


@pytest.mark.parametrize("flag", [1 << 0, 1 << 5, 1 << 6], ids=["encrypted", "patched", "strongly encrypted"])
def test_an_archive_of_a_kind_that_we_do_not_write_is_no_fold(flag: int, tmp_path: Path) -> None:
    damaged = bytearray(WHOLE)
    entry = damaged.index(b"PK\x01\x02")  # of the list of contents, whose flags begin with its ninth byte
    damaged[entry + 8] |= flag
    (tmp_path / "f.npz").write_bytes(damaged)
    assert load_fold(tmp_path / "f.npz") is None


def whole_bytes() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        save_fold(Path(folder) / "f.npz", fold())
        return (Path(folder) / "f.npz").read_bytes()


WHOLE = whole_bytes()


def test_a_header_that_is_no_python_is_no_fold(tmp_path: Path) -> None:
    """NumPy reads an array's header as Python before anything is checked: an open bracket ends in the tokenizer."""
    good = io.BytesIO()
    np.save(good, np.ones((3, 40)))
    header = good.getvalue().replace(b"(3, 40), }", b"((3, 40, }")
    assert header != good.getvalue()
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive:
        archive.writestr("about.npy", header)
    assert load_fold(tmp_path / "f.npz") is None


def foreign_text(path: Path) -> None:
    path.write_text("Date,Close\n")


def foreign_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.arange(3))


def foreign_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about", "{}")
        archive.writestr("t:lstm", "x")


def foreign_arrays(path: Path) -> None:
    np.savez(path, weights=np.arange(3))


def only_facts(path: Path) -> None:
    np.savez(path, about=np.frombuffer(b"{}", np.uint8))


def no_dist(path: Path) -> None:
    np.savez(path, about=np.frombuffer(b"{}", np.uint8), **{"t:lstm": np.full((3, 5), np.nan)})


def two_rows(path: Path) -> None:
    np.savez(path, about=np.frombuffer(b"{}", np.uint8), **{"t:lstm": np.ones((2, 5))})


def pickled(path: Path) -> None:
    np.savez(path, about=np.array([{"a": 1}], dtype=object))


FOREIGN = (foreign_text, foreign_array, foreign_archive, foreign_arrays, only_facts, no_dist, two_rows, pickled)


@pytest.mark.parametrize("make", FOREIGN)
def test_a_foreign_file_is_no_fold(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "f.npz"
    make(path)
    assert load_fold(path) is None


def test_what_would_fill_the_memory_and_what_is_no_file_is_no_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fold.npz"
    np.savez_compressed(path, zeros=np.zeros(1_000_000))
    with monkeypatch.context() as small:
        small.setattr(limits, "memory", lambda: 2 * path.stat().st_size)
        small.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("it was unpacked"))
        assert load_fold(path) is None
    if os.name != "nt":
        os.mkfifo(tmp_path / "pipe.npz")
        assert load_fold(tmp_path / "pipe.npz") is None


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"Not a directory|File exists"):
        save_fold(tmp_path / "file" / "deeper" / "f.npz", fold())
    assert os.listdir(tmp_path) == ["file"]


def test_an_unknown_distribution_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="object is no family"):
        save_fold(tmp_path / "f.npz", replace(fold(), dists={"x": object()}))  # type: ignore[dict-item]
    assert os.listdir(tmp_path) == []


def test_a_key_changes_with_what_is_said_and_with_every_array() -> None:
    a, b = np.arange(3.0), np.arange(4.0)
    keys = [
        fold_key({"x": 1}, a, b),
        fold_key({"x": 2}, a, b),
        fold_key({"y": 1}, a, b),
        fold_key({"x": 1}, b, a),
        fold_key({"x": 1}, a),
        fold_key({"x": 1}, np.nextafter(a, 9), b),
    ]
    assert len(set(keys)) == len(keys)
    assert fold_key({"x": 1, "y": 2}, a) == fold_key({"y": 2, "x": 1}, np.arange(6.0)[:3])
    assert all(key.isalnum() and len(key) == 24 for key in keys)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_folds_used_last_are_kept_and_reading_is_using(tmp_path: Path) -> None:
    for k in range(6):
        save_fold(tmp_path / f"{k}.npz", fold())
        os.utime(tmp_path / f"{k}.npz", (1e9 + k, 1e9 + k))
    (tmp_path / "notes.txt").write_text("mine")
    assert load_fold(tmp_path / "1.npz") is not None
    prune_folds(tmp_path, 3)
    assert names_in(tmp_path) == {"1.npz", "4.npz", "5.npz", "notes.txt"}
    prune_folds(tmp_path, 3)
    prune_folds(tmp_path, 100)
    assert names_in(tmp_path) == {"1.npz", "4.npz", "5.npz", "notes.txt"}


def test_pruning_where_there_is_nothing_does_nothing(tmp_path: Path) -> None:
    prune_folds(tmp_path / "missing", 3)
    (tmp_path / "file").write_text("")
    prune_folds(tmp_path / "file", 3)
    assert names_in(tmp_path) == {"file"}


def test_a_fold_that_cannot_be_removed_stays_and_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(4):
        save_fold(tmp_path / f"{k}.npz", fold())
        os.utime(tmp_path / f"{k}.npz", (1e9 + k, 1e9 + k))
    original = Path.unlink

    def refusing(path: Path, missing_ok: bool = False) -> None:
        if path.name == "2.npz":
            raise PermissionError(13, "Permission denied")
        original(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refusing)
    prune_folds(tmp_path, 1)
    assert names_in(tmp_path) == {"2.npz", "3.npz"}


def test_a_fold_that_may_only_be_read_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_fold(tmp_path / "f.npz", fold())

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "utime", refused)
    assert bits(load_fold(tmp_path / "f.npz")) == bits(fold())
