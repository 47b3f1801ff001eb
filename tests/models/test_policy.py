"""The policy: its gradients, its seeds, what its positions may know, and how it is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.policy import PolicyConfig
from stockcast.models.policy import Policy
from stockcast.models.policytraining import learn_policy, relearn_policy
from stockcast.models.problem import Series
from stockcast.progress import Silent
from stockcast.storage.codec import decode, encode
from stockcast.storage.trainedmodel import PolicyRecord, policy_of, policy_record
from stockcast.windows.features import features
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


@pytest.fixture(scope="module")
def policy() -> Policy:
    """One that trades: of as many steps as there are."""
    _, chosen = learn_policy([Series.of(F, SPLIT.train, SPLIT.validation)], QUICK, FREE, Silent())
    every = replace(chosen, steps=(chosen.most,) * 2)
    return relearn_policy([Series.of(F, SPLIT.train)], QUICK, FREE, every, Silent())


@pytest.mark.parametrize("config", [FREE, PolicyConfig(gradient="score"), PolicyConfig(utility="sharpe")])
def test_the_same_seed_gives_the_same_bytes_twice(config: PolicyConfig) -> None:
    one, two = (
        learn_policy([Series.of(F, SPLIT.train, SPLIT.validation)], QUICK, config, Silent())[0] for _ in range(2)
    )
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
    plain = encode(policy_record(policy, "policy", tensors))
    again = policy_of(decode(PolicyRecord, plain), "policy", tensors)
    part = Part(SPLIT.test.start, SPLIT.test.stop)
    assert again.positions(F, part.start, part.stop).tobytes() == policy.positions(F, part.start, part.stop).tobytes()
