"""Every likelihood baseline of every price file, fitted again every January: which fits fail, and is the best found?

    python benchmarks/fits.py FOLDER... [--output fits.jsonl] [--since 2005] [--jobs 2] [--sample 300]

A file of a ticker that an earlier folder has is left out. Fits are written ticker by ticker: an interrupted run goes
on where it was. A fit fails where its parameters are not finite, no start converges, or its mean lies outside the
returns. Then a random sample of the fits is begun again from 20 random points, by SciPy alone: none should end higher.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np

from stockcast.errors import DataError, StockcastError
from stockcast.models import likelihood
from stockcast.models.baselines import ALL_BASELINES, garch
from stockcast.models.likelihood import Maximum
from stockcast.prices import csvfile
from stockcast.windows.features import Features, features
from stockcast.windows.splits import MIN_TRAIN, MIN_VALIDATION, first_origin

FITTED = ("random-walk-t", "mean", "ar1", "ewma-t", "har-t", "garch-t", "gjr-garch-t", "fhs-garch")
SUFFIXES = (".csv", ".csv.gz", ".parquet")
LOOKBACK, RANDOM_STARTS, TOLERANCE = 60, 20, 0.5

Row = dict[str, Any]


def main() -> None:
    """Fit, print the table, try random starts."""
    arguments = _arguments()
    rows = _rows(arguments.output)
    known = {row["ticker"] for row in rows}
    files = {ticker: path for ticker, path in _files(arguments.folders).items() if ticker not in known}
    with ProcessPoolExecutor(arguments.jobs) as pool, arguments.output.open("a") as output:
        tasks = [pool.submit(partial(_fits, since=arguments.since), path) for path in files.values()]
        for task in as_completed(tasks):
            for row in task.result():
                rows.append(row)
                output.write(json.dumps(row) + "\n")
            output.flush()
    _print_table(rows)
    if arguments.sample:
        done = [row for row in rows if not row["error"]]
        draw = np.random.default_rng(arguments.seed)
        chosen = [done[k] for k in draw.choice(len(done), min(arguments.sample, len(done)), replace=False)]
        paths = _files(arguments.folders)
        with ProcessPoolExecutor(arguments.jobs) as pool:
            gains = list(pool.map(_gain, chosen, [paths[row["ticker"]] for row in chosen]))
        _print_gains(chosen, gains)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, default=Path("fits.jsonl"))
    parser.add_argument("--since", type=int, default=2005)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _files(folders: list[Path]) -> dict[str, Path]:
    """One file for each ticker, those of earlier folders first."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.name.endswith(SUFFIXES):
                found.setdefault(path.name.partition(".csv")[0].removesuffix(".parquet"), path)
    return found


def _rows(output: Path) -> list[Row]:
    if not output.exists():
        return []
    return [json.loads(line) for line in output.read_text().splitlines()]


def _fits(path: Path, since: int) -> list[Row]:
    """A row for each January and baseline; one with the reason where the file cannot be read."""
    ticker = next(iter(_files_of(path)))
    try:
        f = features(csvfile.read(str(path)))
    except StockcastError as error:
        return [{"ticker": ticker, "baseline": None, "error": f"not read: {error.message}"}]
    return [_fit(f, ticker, stop, name) for stop in _stops(f, since) for name in FITTED]


def _files_of(path: Path) -> dict[str, Path]:
    return {path.name.partition(".csv")[0].removesuffix(".parquet"): path}


def _stops(f: Features, since: int) -> Iterator[int]:
    """The last target of every year before the years from `since` on, where there are enough sessions to learn from."""
    years = f.session_returns.dates.astype("datetime64[Y]").astype(int) + 1970
    for year in range(since, int(years[-1]) + 1):
        stop = int(np.searchsorted(years, year)) - 1
        if stop - first_origin(LOOKBACK) >= MIN_TRAIN + MIN_VALIDATION:
            yield stop


def _fit(f: Features, ticker: str, stop: int, name: str) -> Row:
    r_T = f.session_returns.r_T[: stop + 1]
    row: Row = {
        "ticker": ticker,
        "baseline": name,
        "stop": stop,
        "cutoff": str(f.session_returns.dates[stop]),
        "still": round(float(np.mean(r_T == 0)), 4),
        "error": "",
    }
    began = process_time()
    with recorded() as maxima:
        try:
            found = ALL_BASELINES[name].fit(f, first_origin(LOOKBACK), stop)
        except DataError as error:
            return row | {"error": error.message}
    row |= {"seconds": round(process_time() - began, 4), "on_bound": _bounds_met(maxima)}
    numbers = [np.atleast_1d(value) for value in asdict(found).values()]  # type: ignore[call-overload]
    if not all(np.isfinite(value).all() for value in numbers):
        return row | {"error": "not finite"}
    mean = _mean(asdict(found))  # type: ignore[call-overload]
    if not float(r_T.min()) <= mean <= float(r_T.max()):
        return row | {"error": f"mean return {mean:g}"}
    return row


def _mean(parameters: Row) -> float:
    """Mean log return of a baseline's parameters; of GARCH they are in percent."""
    if "omega" in parameters:
        return float(parameters["mu"]) / garch.PERCENT
    if "phi" in parameters:
        return float(parameters["constant"] / (1 - parameters["phi"]))
    return float(parameters.get("mu", 0.0))


@contextmanager
def recorded() -> Iterator[list[tuple[Maximum, Any, Any]]]:
    """The maxima found meanwhile, with the loss and the bounds of each."""
    maxima: list[tuple[Maximum, Any, Any]] = []
    search = likelihood.maximum

    def keeping(loss: Any, starts: Any, bounds_P2: Any, who: str) -> Maximum:
        found = search(loss, starts, bounds_P2, who)
        maxima.append((found, loss, bounds_P2))
        return found

    with ExitStack() as stack:
        for module in (likelihood, garch):
            stack.enter_context(patch.object(module, "maximum", keeping))
        yield maxima


def _bounds_met(maxima: list[tuple[Maximum, Any, Any]]) -> list[str]:
    """Parameters of the last fit that ended on a bound: by name where the likelihood names them, else by position."""
    found, loss, _ = maxima[-1]
    names = getattr(loss, "names", None) or (*map(str, range(len(found.x_P) - 1)), "nu")
    return [name for name, on in zip(names, found.bound_P, strict=True) if on]


def _gain(row: Row, path: Path) -> float:
    """Nats by which the best of the random starts is above the fit."""
    from scipy.optimize import minimize

    f = features(csvfile.read(str(path)))
    with recorded() as maxima:
        ALL_BASELINES[row["baseline"]].fit(f, first_origin(LOOKBACK), row["stop"])
    found, loss, bounds_P2 = maxima[-1]
    draw = np.random.default_rng([row["stop"], len(row["ticker"]), FITTED.index(row["baseline"])])
    count = len(likelihood.trading(f.session_returns.r_T[: row["stop"] + 1]))
    best = math.inf
    for _ in range(RANDOM_STARTS):
        start_P = draw.uniform(bounds_P2[:, 0], bounds_P2[:, 1])
        with np.errstate(all="ignore"):
            end = minimize(loss, start_P, jac=True, method="L-BFGS-B", bounds=bounds_P2, options={"maxiter": 2000})
        best = min(best, float(end.fun)) if math.isfinite(end.fun) else best
    return (found.loss - best) * count


def _print_table(rows: list[Row]) -> None:
    unread = [row for row in rows if row["baseline"] is None]
    for row in unread:
        print(f"left out: {row['ticker']}: {row['error']}")
    fits = [row for row in rows if row["baseline"] is not None]
    tickers = len({row["ticker"] for row in fits})
    print(f"\n{len(fits):,} fits of {tickers} tickers\n")
    print(f"{'baseline':14} {'fits':>7} {'failed':>7} {'on a bound':>11} {'ms':>7}   parameters on a bound")
    for name in FITTED:
        own = [row for row in fits if row["baseline"] == name]
        failed = [row for row in own if row["error"]]
        met = Counter(parameter for row in own for parameter in row.get("on_bound", ()))
        bound = sum(bool(row.get("on_bound")) for row in own)
        cost = 1000 * float(np.median([row.get("seconds", math.nan) for row in own])) if own else math.nan
        listed = ", ".join(f"{parameter} {count}" for parameter, count in met.most_common())
        print(f"{name:14} {len(own):7,} {len(failed):7,} {bound:11,} {cost:7.0f}   {listed}")
    failures = [row for row in fits if row["error"]]
    print(f"\nfailed: {len(failures)} of {len(fits):,} ({10_000 * len(failures) / max(1, len(fits)):.2f} in 10,000)")
    for row in failures:
        print(f"  {row['ticker']} {row['cutoff']} {row['baseline']}: {row['error']} (unmoved: {row['still']:.0%})")


def _print_gains(rows: list[Row], gains: list[float]) -> None:
    beaten = sum(gain > TOLERANCE for gain in gains)
    print(f"\nsample of {len(gains)}: {beaten} beaten by a random start by more than {TOLERANCE} nats")
    print(f"largest gain {max(gains):.4f} nats")
    for row, gain in sorted(zip(rows, gains, strict=True), key=lambda pair: -pair[1])[:5]:
        print(f"  {row['ticker']} {row['cutoff']} {row['baseline']}: {gain:.4f} nats")


if __name__ == "__main__":
    main()
