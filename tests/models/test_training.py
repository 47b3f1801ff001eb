"""Training: it learns, it stops where validation says, and a seed gives the same bytes twice."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch.optim.adamw import adamw

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.errors import ConfigError
from stockcast.models import network, training
from stockcast.models.ensemble import LOCATION_UNIT, EarlyStopping
from stockcast.models.likelihood import NU_FLOOR
from stockcast.models.problem import WindowShape
from stockcast.progress import Silent
from stockcast.windows.features import features
from stockcast.windows.splits import split_by_date
from tests import synthetic
from tests.learning import learn, relearn
from tests.processes import Completed, forked
from tests.synthetic import FUTURES

F = features(synthetic.history(460))
SPLIT = split_by_date(F.session_returns.dates, SplitConfig(), lookback=20)
QUICK = TrainConfig(NetworkConfig(hidden_size=4, lookback=20), TrainingConfig(seeds=2, steps=8, chunk=40, warmup=10))


def weights_of(config: TrainConfig) -> bytes:
    ensemble, _ = learn(F, SPLIT, config, Silent())
    return b"".join(
        [layer.hidden_SGDD.tobytes() for layer in ensemble.weights.layers] + [ensemble.weights.readout_SHD.tobytes()]
    )


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_same_seed_gives_the_same_bytes_twice_and_another_seed_others(cell: str) -> None:
    config = replace(QUICK, network=replace(QUICK.network, cell=cell))
    once = weights_of(config)
    assert weights_of(config) == once
    assert weights_of(replace(config, training=replace(QUICK.training, seed=5))) != once


def test_training_leaves_the_callers_random_state_and_threads_alone() -> None:
    torch.manual_seed(1)
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    learn(F, SPLIT, QUICK, Silent())
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("supervision", ["every-step", "last-step"])
def test_a_pattern_in_the_returns_is_learnt_by_either_supervision(supervision: str) -> None:
    """After a day with volume above its mean, the next return is three times as wide."""
    draw = np.random.default_rng(0)
    h = synthetic.history(len(F) + 1)
    loud = draw.uniform(size=len(h)) > 0.5
    returns = np.where(np.concatenate(([False], loud[:-1])), 0.03, 0.01) * draw.standard_normal(len(h))
    close = 50 * np.exp(np.cumsum(returns))
    f = features(replace(
        h, close=close, adjusted_close=close, open=None, high=None, low=None, volume=np.where(loud, 3e6, 1e6)
    ))  # fmt: skip
    config = replace(QUICK, training=TrainingConfig(
        seeds=1, steps=60, chunk=40, warmup=10, learning_rate=0.05, supervision=supervision
    ))  # fmt: skip
    ensemble, chosen = learn(f, SPLIT, config, Silent())
    assert chosen.steps[0] > 0
    test = SPLIT.test
    y = f.session_returns.r_T[test.start + 1 : test.stop + 1]
    dist = ensemble.forecast(f, test.start, test.stop)
    base = np.exp(ensemble.base.log_scale(f, test.start, test.stop))
    ours = stats.t.logpdf(y, dist.nu, dist.loc, dist.scale).mean()
    assert ours > stats.t.logpdf(y, ensemble.base.nu, ensemble.base.mu, base).mean() + 0.1


def test_the_loss_is_the_negative_log_density_of_a_student_t() -> None:
    heads = torch.tensor([[0.5, 0.3, -0.4], [0.0, 0.0, 0.0]])
    z, eta = torch.tensor([1.3, -2.0]), math.log(3.0)
    nu = NU_FLOOR + np.exp(eta + heads[:, 2].numpy())
    expected = -stats.t.logpdf(z.numpy(), nu, heads[:, 0].numpy() * LOCATION_UNIT, np.exp(heads[:, 1].numpy()))
    np.testing.assert_allclose(training.negative_log_likelihood(heads, z, eta).numpy(), expected, rtol=1e-5)


def test_our_adamw_takes_the_steps_of_torchs() -> None:
    ours = [torch.nn.Parameter(torch.tensor([1.0, -2.0])), torch.nn.Parameter(torch.tensor([[3.0]]))]
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours]
    mine = network.AdamW(ours, 0.1)
    # The function, since constructing torch's class imports its compiler.
    means, squares = ([torch.zeros_like(p) for p in theirs] for _ in range(2))
    counts = [torch.tensor(0.0) for _ in theirs]
    for step in range(5):
        for parameters in (ours, theirs):
            for p in parameters:
                p.grad = torch.full_like(p, 0.3 * (step + 1)) * p.detach()
        mine.step(0.01)
        with torch.no_grad():
            adamw(
                theirs, [p.grad for p in theirs], means, squares, [], counts, amsgrad=False, maximize=False,
                lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.1,
            )  # fmt: skip
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q)


def test_the_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    rates = [network.one_cycle(k / 100) for k in range(101)]
    assert rates[0] == pytest.approx(0.04)
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 30
    assert rates[-1] == pytest.approx(0.0, abs=1e-9)


def test_the_first_step_begins_at_the_schedules_floor_and_the_last_still_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = network.AdamW.step
    monkeypatch.setattr(network.AdamW, "step", lambda self, rate: (rates.append(rate), step(self, rate)))
    learn(F, SPLIT, replace(QUICK, training=replace(QUICK.training, seeds=1)), Silent())
    steps, peak = QUICK.training.steps, QUICK.training.learning_rate
    assert rates == pytest.approx([peak * network.one_cycle(done / steps) for done in range(steps)])
    assert rates[0] == pytest.approx(0.04 * peak)
    assert rates[-1] > 0


def test_a_refit_walks_the_path_that_validation_judged() -> None:
    ensemble, chosen = learn(F, SPLIT, QUICK, Silent())
    again = relearn(F, SPLIT.train, QUICK, chosen, Silent())
    assert again.weights.readout_SHD.tobytes() == ensemble.weights.readout_SHD.tobytes()
    assert again.cutoff == SPLIT.summary()["train"].last


def test_nothing_after_the_last_target_of_the_training_part_teaches() -> None:
    _, chosen = learn(F, SPLIT, QUICK, Silent())
    bars = SPLIT.train.stop + 2  # the first of them has no row
    other = features(FUTURES["replaced"](synthetic.history(460), bars))
    one, two = (relearn(f, SPLIT.train, QUICK, replace(chosen, steps=(8, 8)), Silent()) for f in (F, other))
    assert one.weights.readout_SHD.tobytes() == two.weights.readout_SHD.tobytes()
    assert one.base == two.base


def test_members_that_begin_alike_draw_windows_of_their_own() -> None:
    config = replace(QUICK, network=replace(QUICK.network, dropout=0.0))
    begun, _ = learn(F, SPLIT, config, Silent())
    twins = network.stack(config.network, [network.member_of(begun.weights, 0)] * 2)
    steps = EarlyStopping((8, 8), 8)
    ensemble = relearn(F, SPLIT.train, config, steps, Silent(), twins)
    first, second = ensemble.weights.readout_SHD
    assert not np.array_equal(first, second)


def test_a_training_that_diverges_keeps_what_validation_liked_best(monkeypatch: pytest.MonkeyPatch) -> None:
    step = network.AdamW.step

    def diverging(self: network.AdamW, rate: float) -> None:
        step(self, rate)
        if self.count == 5:
            self.parameters[0].data.fill_(math.nan)

    monkeypatch.setattr(network.AdamW, "step", diverging)
    ensemble, chosen = learn(F, SPLIT, replace(QUICK, training=replace(QUICK.training, seeds=1)), Silent())
    (curve,) = chosen.curves
    assert None in curve.validation
    assert chosen.steps == (curve.steps[np.nanargmin(np.array(curve.validation, dtype=np.float64))],)
    assert np.isfinite(ensemble.weights.readout_SHD).all()


def test_of_snapshots_that_are_alike_the_first_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network.AdamW, "step", lambda *_: None)
    assert learn(F, SPLIT, QUICK, Silent())[1].steps == (0, 0)


def test_windows_are_views_of_the_rows_and_only_a_batch_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    original = WindowShape.of

    def spy(shape: WindowShape, x_TF: torch.Tensor) -> torch.Tensor:
        view = original(shape, x_TF)
        seen.append(view.untyped_storage().data_ptr() == x_TF.untyped_storage().data_ptr())
        return view

    monkeypatch.setattr(WindowShape, "of", spy)
    learn(F, SPLIT, QUICK, Silent())
    assert seen
    assert all(seen)


def test_a_missing_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no CUDA device"):
        learn(F, SPLIT, replace(QUICK, training=replace(QUICK.training, device="cuda")), Silent())


def test_auto_takes_a_gpu_where_there_is_one_and_the_network_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(QUICK, training=replace(QUICK.training, device="auto"))
    large = replace(small, network=replace(QUICK.network, hidden_size=256))
    for available, devices in ((False, ["cpu", "cpu"]), (True, ["cpu", "cuda"])):
        monkeypatch.setattr(torch.cuda, "is_available", lambda found=available: found)
        assert [training.device_of(config).type for config in (small, large)] == devices


def test_training_does_not_import_torchs_compiler(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; from tests.models.test_training import *\n"
        "learn(F, SPLIT, QUICK, Silent())\n"
        "print('torch._dynamo' in sys.modules, 'torch' in sys.modules)\n"
    )
    assert forked(folder=tmp_path, script=script) == Completed(0, "False True\n", "")


def test_a_batch_that_does_not_fit_the_cache_takes_the_same_steps_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(QUICK, network=replace(QUICK.network, dropout=0.0))
    whole, _ = learn(F, SPLIT, config, Silent())
    seen: list[int] = []
    forward = training.Network.forward

    def counted(self: training.Network, x_BLF: torch.Tensor) -> torch.Tensor:
        seen.append(len(x_BLF))
        return forward(self, x_BLF)

    monkeypatch.setattr(training.Network, "forward", counted)
    monkeypatch.setattr(training, "_UNITS_IN_CACHE", 1)
    parts, _ = learn(F, SPLIT, config, Silent())
    assert max(seen) <= 8 < config.training.windows_per_step
    np.testing.assert_allclose(parts.weights.readout_SHD, whole.weights.readout_SHD, atol=1e-5)
    np.testing.assert_allclose(parts.weights.layers[0].hidden_SGDD, whole.weights.layers[0].hidden_SGDD, atol=1e-5)
