"""What the general model is worth where it was never trained: with the dates of reports, and on other markets.

    python benchmarks/events.py FOLDER --events FILE [--general FOLDER] [--cutoff 2015-12-31] [--test-from 2016-01-01]
        [--test-to 2021-04-30] [--hours-until 2019-07-31] [--output FILE] [--pool FOLDER...]
    python benchmarks/events.py FOLDER... [--general FOLDER] [--cutoff 2015-12-31] [--test-from 2016-01-01]
        [--test-to 2021-04-30]

For every price file: the vintage of the general model of `--cutoff`, as it is, with its event layer and without, beside
references that are fitted again every January. With `--pool` it is networks that look at the market, as `train --pool`
makes them of these folders: the two years before `--test-from` choose their steps.

Gains in CRPS, means over stocks; p-values one-sided, of the cross-section's mean loss by date, Newey-West with 10 lags.
Then how often the 90 % interval held the return on sessions that react to a report, apart where hours are known (up to
`--hours-until`) and where they are not, and what is left of the gain where no hour is told at all.

Without dates it is a row for each folder, and another for those of its series that trade on every day of the week: each
year of a file that has enough before it to fit the references on. Files without whole bars get networks of closes.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from stockcast.config import SplitConfig, TrainConfig
from stockcast.config.models import POOL_NETWORK, POOL_TRAINING
from stockcast.config.sources import holds_prices
from stockcast.errors import StockcastError
from stockcast.models.ensemble import Ensemble
from stockcast.pipeline.generalmodel import read_histories
from stockcast.pipeline.generalskill import RIVALS, WITH_DATES, Exam, Examined, figures_of
from stockcast.pipeline.pools import Pool
from stockcast.pipeline.series import calendar_over
from stockcast.pipeline.source import PriceSource
from stockcast.pipeline.trainer import Trainer
from stockcast.prices.events import UNKNOWN
from stockcast.prices.exchanges import ALWAYS
from stockcast.prices.history import History
from stockcast.prices.sessions import SessionCalendar
from stockcast.progress import Silent
from stockcast.storage import trainedmodel
from stockcast.windows.market import Market

DATED, PLAIN = "network with dates", "network"


def main() -> None:
    """Forecast every file, then print the tables."""
    arguments = _arguments()
    exams = _exams(arguments.test_from, arguments.test_to)
    if arguments.events is None:
        _print_markets(arguments.folders, exams, arguments.cutoff, arguments.general)
    else:
        _print_dates(arguments, exams)


def _print_dates(arguments: argparse.Namespace, exams: Sequence[Exam]) -> None:
    """What dates are worth, on the files of the folders that have any."""
    histories = [one for one in read_histories(arguments.folders, arguments.events) if one.events is not None]
    if arguments.pool:
        network, market, calendar = _pool(read_histories(arguments.pool, arguments.events), arguments.test_from)
    else:
        model = trainedmodel.general_model(arguments.cutoff, histories[0], arguments.general)
        network, market, calendar = model.scored.ensemble, None, model.calendar
    print(f"networks up to {network.cutoff}, {network.layer}")
    stocks, hidden = [], []
    for history in histories:
        one = _stock(network, history, calendar, exams, WITH_DATES, market)
        if one is None or not set(WITH_DATES) <= set(one.losses):
            print(f"left out: {history.ticker}")
            continue
        stocks.append(one)
        untold = _stock(network, _without_hours(history), calendar, exams, (), market)
        assert untold is not None
        hidden.append(untold)
    figures = figures_of(stocks)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(figures, indent=1) + "\n")
    _print_gains(figures)
    _print_coverage(stocks, hidden, np.datetime64(arguments.hours_until))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--events")
    parser.add_argument("--general", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--pool", type=Path, nargs="+")
    days = {"cutoff": "2015-12-31", "test-from": "2016-01-01", "test-to": "2021-04-30", "hours-until": "2019-07-31"}
    for name, usual in days.items():
        parser.add_argument(f"--{name}", type=date.fromisoformat, default=date.fromisoformat(usual))
    return parser.parse_args()


def _exams(first: date, last: date) -> list[Exam]:
    """One for each year, references fitted up to its beginning."""
    years = range(first.year, last.year + 1)
    return [Exam(date(year - 1, 12, 31), max(first, date(year, 1, 1)), min(last, date(year, 12, 31))) for year in years]


def _print_markets(folders: Sequence[Path], exams: Sequence[Exam], cutoff: date, general: Path | None) -> None:
    """A row for each market: gains over the references, on how many of its series, and how often the interval held."""
    for folder in folders:
        found: dict[str, list[Examined]] = {}
        for path in sorted(path for path in folder.iterdir() if holds_prices(path.name)):
            try:
                series = PriceSource().load(str(path))
                network = trainedmodel.general_model(cutoff, series.history, general).scored.ensemble
                years = [Examined.of(network, series.history, series.calendar, exam, RIVALS) for exam in exams]
            except StockcastError as error:
                print(f"left out: {error.message}")
                continue
            able = [one for one in years if one is not None and set(RIVALS) <= set(one.losses)]
            if able:
                market = f"{folder.name}{', every day' if series.exchange == ALWAYS else ''}"
                found.setdefault(market, []).append(Examined.together(able))
            else:
                print(f"left out: {path.name} has no year that can be judged")
        for market, some in found.items():
            figures = figures_of(some)
            cells = [
                f"{name} {100 * one['gain']:+.2f} % p {one['p']:.2g} {one['better']}/{one['of']}"
                for name, one in figures["over"].items()
            ]
            span, held = f"{figures['first']} to {figures['last']}", f"held {100 * figures['coverage_90']:.1f} %"
            print(f"{market:44}", span, *cells, held, sep="  ", flush=True)


def _pool(histories: Sequence[History], test_from: date) -> tuple[Ensemble, Market | None, SessionCalendar]:
    """Networks that many stocks have taught, with their event layer, and the market that they look at."""
    pool = Pool.of(histories, calendar_over(histories, None))
    split = SplitConfig(test_from.replace(year=test_from.year - 2), test_from)
    config = TrainConfig(POOL_NETWORK, replace(POOL_TRAINING, final_fit=False), split)
    with tempfile.TemporaryDirectory() as home:
        trainer = Trainer.of_pool(pool, config, Path(home), Silent())
        return trainer.learn(market=True).network, trainer.market, pool.calendar


def _stock(
    network: Ensemble, history: History, calendar: SessionCalendar, exams: Sequence[Exam], rivals: Sequence[str],
    market: Market | None = None,
) -> Examined | None:  # fmt: skip
    """All years of one stock, references fitted again before each; None where a year is missing."""
    parts = [Examined.of(network, history, calendar, exam, rivals, market) for exam in exams]
    whole = [part for part in parts if part is not None]
    return Examined.together(whole) if len(whole) == len(parts) else None


def _without_hours(history: History) -> History:
    """The same company, of whose reports nobody tells the hour."""
    events = history.events
    assert events is not None
    told = tuple(replace(one, whens=(UNKNOWN,) * len(one)) for one in events.snapshots)
    return replace(history, events=replace(events, snapshots=told))


def _print_gains(figures: dict[str, object]) -> None:
    print(f"{figures['stocks']} stocks, {figures['first']} to {figures['last']}")
    dated = figures["with_dates"]
    rows = {
        "without dates": dated["without"],
        "with dates": dated["over"],
        "with dates, sessions that react": dated["reacting"]["over"],
        "with dates, other sessions": dated["others"]["over"],
    } | {f"with dates, {year}": found["with_dates"] for year, found in figures["years"].items()}
    rivals = (*WITH_DATES, PLAIN)
    print(f"{'':32}" + "".join(f"{'over ' + ('itself without' if r == PLAIN else r):>28}" for r in rivals))
    for title, over in rows.items():
        cells = [over.get(rival) for rival in rivals]
        shown = [
            "" if c is None else f"{100 * c['gain']:+.3f} % p {c['p']:.2g} {c['better']:3d}/{c['of']}" for c in cells
        ]
        print(f"{title:32}" + "".join(f"{cell:>28}" for cell in shown))


def _print_coverage(stocks: Sequence[Examined], hidden: Sequence[Examined], until: np.datetime64) -> None:
    def pooled(some: Sequence[Examined], name: str, reacts: bool, known: bool | None) -> tuple[float, int]:
        chosen = [
            one.held[name][(one.reacts == reacts) & ((one.days <= until) == known if known is not None else True)]
            for one in some
        ]
        held = np.concatenate(chosen)
        return 100 * float(held.mean()), len(held)

    print("\n90 % interval held, with dates / without")
    for title, some, reacts, known in (
        (f"sessions that react, to {until}", stocks, True, True),
        (f"sessions that react, after {until}", stocks, True, False),
        ("other sessions", stocks, False, None),
        ("sessions that react (q >= 0.5), no hour told", hidden, True, None),
        ("other sessions, no hour told", hidden, False, None),
    ):
        (dated, count), (plain, _) = (pooled(some, name, reacts, known) for name in (DATED, PLAIN))
        print(f"{title:46} {dated:6.2f} / {plain:6.2f} %  ({count} sessions)")
    gains = [
        np.mean([1 - one.losses[DATED].mean() / one.losses[PLAIN].mean() for one in some]) for some in (stocks, hidden)
    ]
    print(f"gain over itself without dates: {100 * gains[0]:.3f} %, no hour told {100 * gains[1]:.3f} %")
    print(f"kept: {100 * gains[1] / gains[0]:.0f} %")


if __name__ == "__main__":
    main()
