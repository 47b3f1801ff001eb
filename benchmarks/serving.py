"""Who should make the forecasts: the general network or a baseline? What each rule loses in the test part.

    python benchmarks/serving.py FOLDER... [--years 5] [--most 20] [--output FOLDER]

For every price file, with `train`'s usual split (of its last `--years` alone, where they are given): the general
network that `train` begins with, as it is, and the usual baselines, fitted on the training part for the validation part
and on both for the test part. A rule looks at the losses of the validation part alone; its loss is how much higher the
CRPS of what it serves is in the test part than that of the network, in per cent, mean over the files of a folder. The
standard error is by date: sessions of all files together, Newey-West with 10 lags. Losses are kept in `--output`, a
file for each price file and length: an interrupted run goes on where it was, and other rules can be tried on them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from stockcast.config import TrainConfig
from stockcast.errors import StockcastError
from stockcast.evaluation.scores import crps
from stockcast.evaluation.serving import HARS, choice
from stockcast.evaluation.significance import diebold_mariano, newey_west_variance
from stockcast.models.baselines import BASELINES
from stockcast.models.distribution import Distribution
from stockcast.pipeline.initial import Initial
from stockcast.pipeline.source import PriceSource
from stockcast.pipeline.trainer import Trainer
from stockcast.pipeline.walking import fit_baselines
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import Dates, Floats
from stockcast.progress import Silent
from stockcast.windows.splits import Part

NETWORK = "network"
SUFFIXES = (".csv", ".csv.gz", ".parquet")

Losses = Mapping[str, Floats]
"""CRPS in every session of a part, by competitor."""

Rule = Callable[["Tested"], str]
"""Who serves, by the losses of the validation part alone."""

Excess = Callable[["Tested"], Floats]
"""A figure of every session of a test part."""


@dataclass(frozen=True)
class Tested:
    """One price file: losses of both parts, and the sessions of the test part. proven: as `Initial.proven`."""

    name: str
    proven: bool
    validation: Losses
    test: Losses
    sessions: Dates

    @classmethod
    def of(cls, path: Path, years: int | None, home: Path) -> Tested | None:
        """What a training on the file would choose by, and be judged by; None where it would begin from scratch.

        Raises what reading and splitting raise.
        """
        series = PriceSource(home, ReadOptions()).load(str(path))
        if years is not None:
            last = series.history.last
            first = last - timedelta(days=round(365.25 * years))
            series = PriceSource(home, ReadOptions(start=first)).load(str(path))
        trainer = Trainer.of_series(series, TrainConfig(), home, Silent())
        if not isinstance(trainer.initial, Initial):
            return None
        parts, network, f = trainer.parts, trainer.initial.pre_validation, trainer.f

        def losses(fitted_on: Part, scored: Part) -> Losses:
            y_N = f.session_returns.r_T[scored.start + 1 : scored.stop + 1]
            baselines, _ = fit_baselines(BASELINES, f, fitted_on, Silent())
            dists: dict[str, Distribution] = {NETWORK: network.forecast(f, scored.start, scored.stop)}
            dists |= {name: one.forecast(f, scored.start, scored.stop) for name, one in baselines.items()}
            return {name: crps(dist, y_N) for name, dist in dists.items()}

        sessions = f.session_returns.dates[parts.test.start + 1 : parts.test.stop + 1]
        return cls(path.name.partition(".csv")[0], trainer.initial.proven, losses(parts.train, parts.validation),
                   losses(parts.seen, parts.test), sessions)  # fmt: skip

    def save(self, path: Path) -> None:
        """Keep it."""
        arrays = {f"validation {name}": loss_N for name, loss_N in self.validation.items()}
        arrays |= {f"test {name}": loss_N for name, loss_N in self.test.items()}
        np.savez_compressed(path, proven=self.proven, sessions=self.sessions, **arrays)  # type: ignore[arg-type]  # its stub

    @classmethod
    def load(cls, path: Path) -> Tested:
        """What was kept."""
        with np.load(path) as arrays:
            parts: dict[str, dict[str, Floats]] = {"validation": {}, "test": {}}
            for key in arrays.files:
                part, _, name = key.partition(" ")
                if name:
                    parts[part][name] = arrays[key]
            return cls(path.stem, bool(arrays["proven"]), parts["validation"], parts["test"], arrays["sessions"])


def strongest(losses: Losses) -> str:
    """The baseline with the lowest mean."""
    return min((name for name in losses if name != NETWORK), key=lambda name: float(losses[name].mean()))


def har(losses: Losses) -> str:
    """HAR, that which knows dates before the other one."""
    return next((name for name in HARS if name in losses), strongest(losses))


def by_mean(rival: Callable[[Losses], str]) -> Rule:
    """The network has to be ahead."""

    def rule(one: Tested) -> str:
        name = rival(one.validation)
        return NETWORK if one.validation[NETWORK].mean() < one.validation[name].mean() else name

    return rule


def by_test(rival: Callable[[Losses], str], level: float) -> Rule:
    """The rival has to be significantly better."""

    def rule(one: Tested) -> str:
        name = rival(one.validation)
        return name if diebold_mariano(one.validation[name], one.validation[NETWORK]).p_value < level else NETWORK

    return rule


EARNED = "ahead of all"

RULES: Mapping[str, Rule] = {
    EARNED: by_mean(strongest),
    "ahead of HAR": by_mean(har),
    "p < 0.2, strongest": by_test(strongest, 0.2),
    "p < 0.2, HAR": by_test(har, 0.2),
    "p < 0.05, strongest": by_test(strongest, 0.05),
    "p < 0.05, HAR": by_test(har, 0.05),
    "as shipped": lambda one: choice(NETWORK, one.validation, one.proven).served_by,
}


def mean_by_date(found: Sequence[Tested], excess: Excess) -> tuple[float, float]:
    """Mean over files of the mean of a figure of each session, and its standard error by date."""
    dates = np.concatenate([one.sessions for one in found])
    shares = np.concatenate([excess(one) / (len(found) * len(one.sessions)) for one in found])
    _, place_N = np.unique(dates, return_inverse=True)
    sum_D = np.bincount(place_N, weights=shares)
    return float(sum_D.sum()), len(sum_D) * float(np.sqrt(newey_west_variance(sum_D, 10)))


def excess_of(server: Rule, other: Rule = lambda _: NETWORK) -> Excess:
    """How much higher the loss of what serves is than the loss of another, in per cent of the network's mean."""

    def excess(one: Tested) -> Floats:
        excess_N: Floats = 100.0 * (one.test[server(one)] - one.test[other(one)]) / one.test[NETWORK].mean()
        return excess_N

    return excess


def print_table(group: str, found: Sequence[Tested]) -> None:
    """The rules on the files of one folder, and how much worse HAR-t is there than the network."""
    validation = round(float(np.mean([len(one.validation[NETWORK]) for one in found])))
    always = _figure(found, lambda one: har(one.test))
    print(f"\n{group}: {len(found)} files, {validation} sessions choose; HAR-t everywhere: {always}")
    for name, server in RULES.items():
        handed = [one for one in found if server(one) != NETWORK]
        wrong = sum(one.test[server(one)].mean() > one.test[NETWORK].mean() for one in handed)
        who = ", ".join(f"{one.name}: {server(one)}" for one in handed[:8])
        print(f"  {name:20} {_figure(found, server)}, over the first rule {_figure(found, server, RULES[EARNED])}; "
              f"hands over {len(handed)}, {wrong} wrongly  {who}", flush=True)  # fmt: skip


def _figure(found: Sequence[Tested], *servers: Rule) -> str:
    return "{:+.3f} ({:.3f})".format(*mean_by_date(found, excess_of(*servers)))


def main() -> None:
    """Losses of every file, then the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--years", type=int)
    parser.add_argument("--most", type=int, help="files of each folder")
    parser.add_argument("--output", type=Path, default=Path("build/serving"))
    arguments = parser.parse_args()
    for folder in arguments.folders:
        paths = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))[: arguments.most]
        kept = arguments.output / f"{folder.name}{f'-{arguments.years}' if arguments.years else ''}"
        kept.mkdir(parents=True, exist_ok=True)
        found = []
        for path in paths:
            file = kept / f"{path.name.partition('.csv')[0]}.npz"
            try:
                if not file.exists():
                    with tempfile.TemporaryDirectory() as home:
                        tested = Tested.of(path, arguments.years, Path(home))
                    if tested is None:
                        print(f"left out: {path.name} is trained from scratch")
                        continue
                    tested.save(file)
                found.append(Tested.load(file))
            except StockcastError as error:
                print(f"left out: {path.name}: {error.message}")
        if found:
            print_table(kept.name, found)


if __name__ == "__main__":
    main()
