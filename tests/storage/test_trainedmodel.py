"""Trained models as files: what an earlier version saved comes back and would be saved the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stockcast.errors import ModelError
from stockcast.storage.modelfile import ModelFile, load_model, model_id, model_names
from stockcast.storage.trainedmodel import from_file, to_file

SAVED = Path(__file__).parents[1] / "goldens" / "saved" / "models"
BODY = ("config", "served_by", "features", "scored", "served", "pool", "covariates")
POOL = load_model(SAVED, "six")


@pytest.mark.parametrize("name", model_names(SAVED))
def test_a_saved_model_would_be_saved_the_same(name: str) -> None:
    file = load_model(SAVED, name)
    again = to_file(from_file(file))
    assert set(again.tensors) == set(file.tensors)
    for place, array in file.tensors.items():
        assert again.tensors[place].dtype == array.dtype, place
        assert again.tensors[place].tobytes() == array.tobytes(), place
    for key in ("name", "ticker", "model_id", "currency", "verdict", "calendar", *BODY):
        assert again.manifest.get(key) == file.manifest.get(key), key


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("values", None, "market.values is missing"),
        ("days", None, "market.days"),
        ("values", lambda a: a[:, :5], "market.values has the shape"),
        ("shock", lambda a: a[1:], "market.shock has the shape"),
        ("days", lambda a: a[::-1], "market.days are not .* increasing"),
        ("days", lambda a: a[1:], "market.days are not .* increasing"),
        ("days", lambda a: a.astype(float), "market.days are not .* whole"),
        ("shock", lambda a: np.full_like(a, np.nan), "market.shock holds numbers that are not finite"),
    ],
)
def test_a_market_that_no_pool_had_is_named(
    name: str, change: Callable[[np.ndarray], np.ndarray] | None, said: str
) -> None:
    tensors = {place: array for place, array in POOL.tensors.items() if place != f"market.{name}"}
    if change is not None:
        tensors[f"market.{name}"] = change(POOL.tensors[f"market.{name}"])
    body = {key: POOL.manifest[key] for key in BODY if key in POOL.manifest}
    file: ModelFile = replace(POOL, manifest={**POOL.manifest, "model_id": model_id(body, tensors)}, tensors=tensors)
    with pytest.raises(ModelError, match=said):
        from_file(file)
