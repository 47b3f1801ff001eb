"""The policy: its gradients, its seeds, what its positions may know, and how it is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.policy import PolicyConfig
from stockcast.forecasting import KeptPolicy
from stockcast.models import policytraining
from stockcast.models.ensemble import EarlyStopping
from stockcast.models.policy import Policy
from stockcast.models.policytraining import learn_policy
from stockcast.models.problem import Series
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.storage.codec import decode, encode
from stockcast.storage.trainedmodel import PolicyRecord, policy_of, policy_record
from stockcast.windows.features import Features, features
from stockcast.windows.splits import Part, split_by_date
from tests import synthetic

HISTORY = synthetic.history(460)
F = features(HISTORY)
SPLIT = split_by_date(F.session_returns.dates, SplitConfig(), lookback=20)
QUICK = TrainConfig(
    NetworkConfig(hidden_size=4, lookback=20),
    TrainingConfig(seeds=2, steps=8, chunk=40, warmup=10, learning_rate=0.02),
)
FREE = PolicyConfig(cost=0.0)


def learnt(f: Features, config: TrainConfig, policy: PolicyConfig) -> tuple[Policy, EarlyStopping]:
    """From the training and validation part of these columns."""
    split = split_by_date(f.session_returns.dates, SplitConfig(), lookback=20)
    return learn_policy(Series.of(f, split.train, split.validation), replace(config, policy=policy), Silent())


@pytest.fixture(scope="module")
def policy() -> Policy:
    """One that trades: of as many steps as there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policytraining, "_best", lambda losses_SK: losses_SK.shape[1] - 1)
        return learnt(F, QUICK, FREE)[0]


@pytest.mark.parametrize("config", [FREE, PolicyConfig(gradient="score"), PolicyConfig(utility="sharpe")])
def test_the_same_seed_gives_the_same_bytes_twice(config: PolicyConfig) -> None:
    one, two = (learnt(F, QUICK, config)[0] for _ in range(2))
    assert one.weights.readout_SHD.tobytes() == two.weights.readout_SHD.tobytes()
    assert one.feedback_S.tobytes() == two.feedback_S.tobytes()


def test_later_bars_change_no_earlier_position_and_neither_does_where_the_first_is(policy: Policy) -> None:
    whole = policy.positions(F, SPLIT.test.start, SPLIT.test.stop)
    assert np.abs(whole).min() > 0
    cut = SPLIT.test.start + 10
    shorter = features(HISTORY.rows(0, cut + 2))
    assert len(shorter) == cut + 1
    assert policy.positions(shorter, SPLIT.test.start, cut + 1).tobytes() == whole[:11].tobytes()
    for start in (SPLIT.test.start + 7, cut):
        part = policy.positions(F, start, SPLIT.test.stop)
        assert part.tobytes() == whole[start - SPLIT.test.start :].tobytes()


def test_a_policy_is_kept_to_the_last_bit(policy: Policy) -> None:
    tensors: dict[str, np.ndarray] = {}
    plain = encode(policy_record(KeptPolicy("Policy: kept.", {"scored": policy}), FREE, tensors))
    kept = policy_of(decode(PolicyRecord, plain), tensors)
    again = kept.fits["scored"]
    assert (kept.sentence, again.cutoff, again.long_only) == ("Policy: kept.", policy.cutoff, policy.long_only)
    part = Part(SPLIT.test.start, SPLIT.test.stop)
    assert again.positions(F, part.start, part.stop).tobytes() == policy.positions(F, part.start, part.stop).tobytes()


def learnable(phi: float, sessions: int = 1200) -> History:
    """Closes whose returns are an AR(1)."""
    draw, returns = 0.01 * np.random.default_rng(4).standard_normal(sessions), np.zeros(sessions)
    for t in range(1, sessions):
        returns[t] = phi * returns[t - 1] + draw[t]
    close = 50 * np.exp(np.cumsum(returns))
    return History("AR", synthetic.history(sessions).dates, close, close.copy())


@pytest.mark.parametrize("gradient", ["pathwise", "score"])
def test_it_goes_with_returns_that_go_on_and_against_those_that_turn(gradient: str) -> None:
    config = replace(QUICK, training=replace(QUICK.training, steps=30))
    for phi in (0.4, -0.4):
        f = features(learnable(phi))
        split = split_by_date(f.session_returns.dates, SplitConfig(), lookback=20)
        found, chosen = learnt(f, config, replace(FREE, gradient=gradient))
        assert chosen.steps[0] == chosen.steps[1] > 0
        held = found.positions(f, split.test.start, split.test.stop)
        assert np.corrcoef(held, phi * f.session_returns.r_T[split.test.start : split.test.stop])[0, 1] > 0.7


@pytest.mark.parametrize("long_only", [False, True])
def test_where_trading_costs_more_than_it_can_earn_it_stays_as_it_was(long_only: bool) -> None:
    f = features(learnable(0.1))
    split = split_by_date(f.session_returns.dates, SplitConfig(), lookback=20)
    found, chosen = learnt(f, QUICK, PolicyConfig(cost=200.0, long_only=long_only))
    held = found.positions(f, split.test.start, split.test.stop)
    assert np.ptp(held) < 0.02
    assert chosen.steps[0] > 0 or (held == (0.5 if long_only else 0.0)).all()


def test_what_it_learns_depends_on_no_bar_after_the_validation_part() -> None:
    close = HISTORY.close.copy()
    close[SPLIT.test.start + 2 :] *= 1.1
    other = features(replace(HISTORY, close=close, adjusted_close=close, open=None, high=None, low=None))
    same = features(replace(HISTORY, open=None, high=None, low=None))
    (one, chosen), (two, also) = (learnt(f, QUICK, FREE) for f in (other, same))
    assert chosen == also
    assert one.weights.skip_SHF.tobytes() == two.weights.skip_SHF.tobytes()
    assert one.cutoff == two.cutoff == F.session_returns.dates[SPLIT.validation.stop].astype(object)
