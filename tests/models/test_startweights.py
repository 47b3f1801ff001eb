"""Training that goes on from weights: they come back unchanged where nothing improves on them, and curves tell why."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.models import training
from stockcast.models.cells import NetworkWeights
from stockcast.models.ensemble import EarlyStopping, Ensemble, LossCurve
from stockcast.models.network import Network, member_of, stack
from stockcast.progress import Silent
from stockcast.windows.features import features
from stockcast.windows.splits import split_by_date
from tests import synthetic
from tests.learning import learn, relearn

F = features(synthetic.history(460))
SPLIT = split_by_date(F.session_returns.dates, SplitConfig(), lookback=20)
KINDS = [("lstm", 1), ("gru", 1), ("rnn", 1), ("lstm", 2), ("gru", 2)]
TEST = (SPLIT.test.start, SPLIT.test.stop)


def config(cell: str = "lstm", layers: int = 1, steps: int = 6) -> TrainConfig:
    network = NetworkConfig(cell, hidden_size=3, layers=layers, lookback=20)
    return TrainConfig(network, TrainingConfig(seeds=2, steps=steps, chunk=40, warmup=10, learning_rate=0.02))


def arrays(weights: NetworkWeights) -> list[np.ndarray]:
    layers = [array for layer in weights.layers for array in vars(layer).values()]
    return [*layers, weights.readout_SHD, weights.readout_bias_SH, weights.skip_SHF]


def raw(weights: NetworkWeights) -> bytes:
    return b"".join(array.tobytes() for array in arrays(weights))


@cache
def taught(cell: str, layers: int, steps: int = 6) -> Ensemble:
    """An ensemble in which every weight has been moved: validation has no say in a refit."""
    return relearn(F, SPLIT.train, config(cell, layers), EarlyStopping((steps, steps), steps), Silent())


@pytest.mark.parametrize(("cell", "layers"), KINDS)
def test_without_a_step_the_very_weights_come_back(cell: str, layers: int) -> None:
    begun = taught(cell, layers)
    again = relearn(F, SPLIT.train, config(cell, layers), EarlyStopping((0, 0), 6), Silent(), begun.weights)
    assert raw(again.weights) == raw(begun.weights)
    assert again.forecast(F, *TEST).scale.tobytes() == begun.forecast(F, *TEST).scale.tobytes()
    assert all(np.abs(array).max() > 0 for array in arrays(begun.weights))


@pytest.mark.parametrize(("cell", "layers"), KINDS)
def test_where_every_step_makes_it_worse_the_very_weights_come_back(cell: str, layers: int) -> None:
    begun = taught(cell, layers)
    wild = config(cell, layers)
    wild = replace(wild, training=replace(wild.training, learning_rate=1.0, steps=4, checks=1))
    ensemble, chosen = learn(F, SPLIT, wild, Silent(), begun.weights)
    assert chosen.steps == (0, 0)
    assert raw(ensemble.weights) == raw(begun.weights)


def test_a_walk_goes_on_from_the_weights_and_leaves_them_as_they_are() -> None:
    begun = taught("lstm", 1)
    before = raw(begun.weights)
    onwards, chosen = learn(F, SPLIT, config(), Silent(), begun.weights)
    afresh, fresh = learn(F, SPLIT, config(), Silent())
    assert raw(begun.weights) == before
    for from_weights, from_chance in zip(chosen.curves, fresh.curves, strict=True):
        assert from_weights.validation[0] != from_chance.validation[0]
        assert from_weights.training[1] != from_chance.training[1]
    assert raw(onwards.weights) != raw(afresh.weights)
    again, _ = learn(F, SPLIT, config(), Silent(), begun.weights)
    assert raw(again.weights) == raw(onwards.weights)


def test_each_member_goes_on_from_its_own_weights() -> None:
    begun = taught("gru", 1)
    swapped = replace(
        begun.weights,
        layers=tuple(
            replace(layer, **{name: array[::-1] for name, array in vars(layer).items()})
            for layer in begun.weights.layers
        ),
        readout_SHD=begun.weights.readout_SHD[::-1],
        readout_bias_SH=begun.weights.readout_bias_SH[::-1],
        skip_SHF=begun.weights.skip_SHF[::-1],
    )
    (_, one), (_, two) = (learn(F, SPLIT, config("gru"), Silent(), w) for w in (begun.weights, swapped))
    assert one.curves[0].validation[0] == two.curves[1].validation[0]
    assert one.curves[1].validation[0] == two.curves[0].validation[0]
    assert one.curves[0].validation[0] != one.curves[1].validation[0]


@pytest.mark.parametrize(("cell", "layers"), KINDS)
def test_a_member_of_stacked_weights_is_what_was_stacked(cell: str, layers: int) -> None:
    network = NetworkConfig(cell, hidden_size=3, layers=layers, lookback=20)
    members = []
    for seed in range(3):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            members.append({name: torch.randn_like(p) for name, p in Network(network, 5).named_parameters()})
    stacked = stack(network, members)
    for number, member in enumerate(members):
        found = member_of(stacked, number)
        assert set(found) == set(member)
        for name, values in member.items():
            assert found[name].dtype == torch.float32
            assert found[name].shape == values.shape
            assert torch.equal(found[name], values), name
    assert raw(stack(network, [member_of(stacked, number) for number in range(3)])) == raw(stacked)


def test_a_member_owns_its_memory() -> None:
    begun = taught("lstm", 1)
    before = raw(begun.weights)
    for values in member_of(begun.weights, 0).values():
        values.fill_(7.0)
    assert raw(begun.weights) == before


@pytest.mark.parametrize("start", [False, True], ids=["afresh", "from weights"])
def test_the_curves_are_those_of_the_choice(start: bool) -> None:
    weights = taught("lstm", 1).weights if start else None
    settings = config(steps=40)
    settings = replace(settings, training=replace(settings.training, checks=8))
    _, chosen = learn(F, SPLIT, settings, Silent(), weights)
    assert [curve.seed for curve in chosen.curves] == list(settings.training.members)
    for curve, step in zip(chosen.curves, chosen.steps, strict=True):
        assert curve.steps == tuple(range(0, 41, 5))
        validation = [loss for loss in curve.validation if loss is not None]
        assert len(validation) == len(curve.steps) == len(curve.training)
        assert curve.chosen == step == curve.steps[int(np.argmin(validation))]
        assert curve.training[0] is None
        assert all(loss is not None and 0.5 < loss < 3.0 for loss in (*curve.training[1:], *validation))


def test_the_validation_loss_of_a_curve_is_the_one_of_its_weights() -> None:
    """One member: the ensemble is it. Per session, in units of the base scale: the log density's but for ln s."""
    settings = config(steps=20)
    settings = replace(settings, training=replace(settings.training, seeds=1))
    ensemble, chosen = learn(F, SPLIT, settings, Silent())
    (curve,) = chosen.curves
    part = SPLIT.validation
    dist = ensemble.forecast(F, part.start, part.stop)
    y_N = F.session_returns.r_T[part.start + 1 : part.stop + 1]
    per_unit = -dist.log_density(y_N) - ensemble.base.log_scale(F, part.start, part.stop)
    # A window of its own for each origin here, one pass over the part there: states differ a little.
    assert curve.validation[curve.steps.index(curve.chosen)] == pytest.approx(per_unit.mean(), abs=2e-3)


def test_steps_that_are_no_multiple_of_the_checks_end_with_the_last_one() -> None:
    settings = config(steps=23)
    settings = replace(settings, training=replace(settings.training, checks=5))
    _, chosen = learn(F, SPLIT, settings, Silent())
    assert chosen.curves[0].steps == (0, 4, 8, 12, 16, 20, 23)


def test_a_loss_that_is_no_number_is_none_in_the_curve_and_never_chosen() -> None:
    def snapshots() -> list[training.Snapshot]:
        losses = [(1.5, float("nan")), (float("inf"), 1.4), (1.2, float("inf")), (1.2, 1.1)]
        return [training.Snapshot(5 * k, of_part, taught, {}) for k, (of_part, taught) in enumerate(losses)]

    best, curve = training.run_member(iter(snapshots()), 9, Silent())
    assert best.step == 10
    assert curve == LossCurve(9, (0, 5, 10, 15), (None, 1.4, None, 1.1), (1.5, None, 1.2, 1.2), 10)
