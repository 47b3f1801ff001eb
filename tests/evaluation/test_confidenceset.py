"""Tests of the model confidence set: arch's own figures, planted winners, ties and simulated confidence."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from arch.bootstrap import MCS

from stockcast.errors import DataError
from stockcast.evaluation.significance import model_confidence_set


def losses(seed: int, means: dict[str, float], n: int = 200) -> dict[str, np.ndarray]:
    """Losses that share most of their noise, as forecasts of the same days do."""
    rng = np.random.default_rng(seed)
    shared = rng.gamma(2.0, 1.0, n)
    return {name: mean + shared + rng.normal(0.0, 0.3, n) for name, mean in means.items()}


def test_the_p_values_are_those_of_arch_from_the_one_that_stayed_longest() -> None:
    columns = losses(1, {"a": 0.03, "b": 0.0, "c": 0.06, "d": 0.2})
    direct = MCS(pd.DataFrame(columns), 0.1, reps=300, block_size=5, seed=7)
    direct.compute()
    found = model_confidence_set(columns, 0.1, block=5, reps=300, seed=7)
    assert dict(found.p_values) == direct.pvalues["Pvalue"].to_dict()
    assert sorted(found.members) == direct.included
    assert list(found.p_values.values()) == sorted(found.p_values.values(), reverse=True)
    assert next(iter(found.p_values.values())) == 1.0
    assert found.size == 0.1
    assert found.n == 200


def test_a_planted_winner_stands_alone_and_equals_stay_together() -> None:
    alone = model_confidence_set(losses(2, {"best": -0.5, "x": 0.0, "y": 0.05}), reps=200)
    assert alone.members == ("best",)
    assert max(alone.p_values["x"], alone.p_values["y"]) <= 0.1
    together = model_confidence_set(losses(3, {"x": 0.0, "y": 0.0, "bad": 1.0}), reps=200)
    assert set(together.members) == {"x", "y"}


def test_the_same_seed_gives_the_same_set_whatever_the_order_of_the_competitors() -> None:
    columns = losses(4, {"a": 0.0, "b": 0.02, "c": 0.04})
    first = model_confidence_set(columns, reps=200, seed=1)
    assert first == model_confidence_set(columns, reps=200, seed=1)
    turned = model_confidence_set(dict(reversed(columns.items())), reps=200, seed=1)
    assert dict(turned.p_values) == pytest.approx(dict(first.p_values))
    assert first.p_values != model_confidence_set(columns, reps=200, seed=2).p_values


def test_competitors_with_the_same_losses_share_a_place() -> None:
    columns = losses(5, {"a": 0.0, "b": 0.5})
    twins = {"b": columns["b"], "a": columns["a"], "served": columns["a"].copy(), "also b": columns["b"] + 1e-17}
    found = model_confidence_set(twins, reps=200)
    assert set(found.members) == {"a", "served"}
    plain = model_confidence_set(columns, reps=200)
    assert found.p_values["also b"] == found.p_values["b"] == plain.p_values["b"]


def test_where_there_is_nothing_to_tell_apart_all_are_members() -> None:
    assert model_confidence_set({"only": [1.0, 2.0]}).p_values == {"only": 1.0}
    assert model_confidence_set({"a": [1.0, 2.0], "b": [1.0, 2.0]}).members == ("a", "b")
    assert model_confidence_set({"a": [1.0], "b": [2.0]}).members == ("a", "b")
    assert model_confidence_set({"a": [], "b": []}).n == 0


def test_all_of_the_best_are_members_about_as_often_as_promised() -> None:
    # 120 runs at 10 %, standard error 2.7 points; with 200 losses the set is a little too narrow.
    means = {"a": 0.0, "b": 0.0, "c": 0.0, "d": 0.1}
    kept = [set("abc") <= set(model_confidence_set(losses(s, means), block=1, reps=100).members) for s in range(120)]
    assert np.mean(kept) > 0.82


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(DataError, match="loss of lstm is nan at row 1"):
        model_confidence_set({"lstm": [1.0, math.nan], "har-t": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r"competitors with \[1, 2\] losses"):
        model_confidence_set({"a": [1.0, 2.0], "b": [1.0]})
    with pytest.raises(ValueError, match=r"competitors with \[\] losses"):
        model_confidence_set({})
    with pytest.raises(ValueError, match=r"size 1\.5"):
        model_confidence_set({"a": [1.0, 2.0]}, size=1.5)
    with pytest.raises(ValueError, match="blocks of 0"):
        model_confidence_set({"a": [1.0, 2.0]}, block=0)
