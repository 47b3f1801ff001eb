"""Policies of one series, learnt in a fold or a training, as its networks are: from what lies before it alone."""

from __future__ import annotations

from dataclasses import replace

from stockcast.config import TrainConfig
from stockcast.evaluation.economics import TradingRules
from stockcast.evaluation.policies import judged_policies
from stockcast.forecasting import KeptPolicy
from stockcast.models.policy import Policy
from stockcast.pipeline.costs import training_seconds
from stockcast.prices.history import Floats
from stockcast.progress import Progress
from stockcast.windows.features import Features
from stockcast.windows.splits import Fold, Part, Split


def fold_positions(f: Features, fold: Fold, config: TrainConfig, progress: Progress, place: str) -> dict[str, Floats]:
    """What a policy that may sell short and one that may not hold at the origins of a fold's test part."""
    split, found = fold.split, {}
    for long_only in (False, True):
        one = replace(config, policy=replace(config.policy, long_only=long_only))
        policy = _learnt(f, split.train, split.validation, one, progress, place)
        found[one.policy.name] = policy.positions(f, split.test.start, split.test.stop)
    return found


def trained_policy(f: Features, split: Split, whole: Part, config: TrainConfig, progress: Progress) -> KeptPolicy:
    """The policy of a training with what its test part says.

    Args:
        f: The columns of its series.
        split: Its parts.
        whole: What the final fit, where there is one, learns from: as if it ended with a validation part of the same
            length.
        config: As `TrainConfig.of_policy` gives it.
        progress: Whoever watches.

    Raises:
        DataError: As `models.training.learn`.
    """
    policy, test = config.policy, split.test
    fits = {"scored": _learnt(f, split.train, split.validation, config, progress)}
    if config.training.final_fit:
        newest = Part(whole.stop - len(split.validation), whole.stop)
        fits["served"] = _learnt(f, Part(whole.start, newest.start), newest, config, progress, "final fit, ")
    if not len(test):
        return KeptPolicy(f"{policy.name.capitalize()}: not scored, for there is no test part.", fits)
    y_N = f.session_returns.r_T[test.start + 1 : test.stop + 1]
    held = {policy.name: fits["scored"].positions(f, test.start, test.stop)}
    _, (verdict,) = judged_policies(y_N, held, {}, TradingRules(cost_bp=policy.cost))
    return KeptPolicy(verdict.sentence, fits)


def _learnt(
    f: Features, train: Part, validation: Part, config: TrainConfig, progress: Progress, place: str = ""
) -> Policy:
    """A policy of two parts. place: what the stage is called after."""
    from stockcast.models.policytraining import learn_policy
    from stockcast.models.problem import Series

    steps = config.training.gradient_steps(len(train)) * config.training.seeds
    progress.stage(f"{place}{config.policy.name}", steps)
    return learn_policy(Series.of(f, train, validation), config, progress)[0]


def policies_seconds(config: TrainConfig, targets: int, fits: int) -> float:
    """What so many fits of policies take on one core; nothing where none is wanted."""
    return fits * training_seconds(config.of_policy, targets) if config.policy.wanted else 0.0
