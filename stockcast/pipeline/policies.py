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
from stockcast.windows.splits import Fold, Part


def policy_fits(
    f: Features, fold: Fold, whole: Part, config: TrainConfig, progress: Progress, place: str = ""
) -> dict[str, Policy]:
    """Learn one policy of a series, and fit it again where the networks are.

    Args:
        f: Its columns.
        fold: Its parts.
        whole: What the second fit learns from.
        config: As `TrainConfig.of_policy` gives it.
        progress: Whoever watches.
        place: What the stages are called after.

    Returns:
        "scored", stopped by the validation part, and "served", which is the same where there is no final fit.

    Raises:
        DataError: As `models.training.learn`.
    """
    from stockcast.models.policytraining import learn_policy, relearn_policy
    from stockcast.models.problem import Series

    split, policy, name = fold.split, config.policy, f"{place}{config.policy.name}"
    progress.stage(name, config.training.gradient_steps(len(split.train)) * config.training.seeds)
    scored, chosen = learn_policy([Series.of(f, split.train, split.validation)], config, policy, progress)
    if not config.training.final_fit:
        return {"scored": scored, "served": scored}
    progress.stage(f"{name} again", sum(chosen.steps))
    return {"scored": scored, "served": relearn_policy([Series.of(f, whole)], config, policy, chosen, progress)}


def fold_positions(f: Features, fold: Fold, config: TrainConfig, progress: Progress, place: str) -> dict[str, Floats]:
    """What a policy that may sell short and one that may not hold at the origins of a fold's test part."""
    test = fold.split.test
    both = [replace(config, policy=replace(config.policy, long_only=long_only)) for long_only in (False, True)]
    fits = {one.policy.name: policy_fits(f, fold, fold.seen, one, progress, place)["served"] for one in both}
    return {name: policy.positions(f, test.start, test.stop) for name, policy in fits.items()}


def trained_policy(f: Features, fold: Fold, whole: Part, config: TrainConfig, progress: Progress) -> KeptPolicy:
    """The policy of a training with what its test part says. Takes and raises what `policy_fits` does."""
    fits, policy, test = policy_fits(f, fold, whole, config, progress), config.policy, fold.split.test
    if not len(test):
        return KeptPolicy(policy, f"{policy.name.capitalize()}: not scored, for there is no test part.", fits)
    y_N = f.session_returns.r_T[test.start + 1 : test.stop + 1]
    held = {policy.name: fits["scored"].positions(f, test.start, test.stop)}
    _, (verdict,) = judged_policies(y_N, held, {}, TradingRules(cost_bp=policy.cost))
    return KeptPolicy(policy, verdict.sentence, fits)


def policies_seconds(config: TrainConfig, targets: int) -> float:
    """What one policy takes on one core; nothing where none is wanted."""
    again = 2 if config.training.final_fit else 1
    return again * training_seconds(config.of_policy, targets) if config.policy.wanted else 0.0
