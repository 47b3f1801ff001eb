"""Making the general model: one pool, cut at the end of several years, a network for each of them.

    python -m stockcast.pipeline.generalmodel FOLDER... [--events FILE] [--seeds N] [--into FOLDER] [--keep-networks]

reads every price file of the folders, and the dates of reports in the file of events, and writes the vintages that are
shipped with the package. With --keep-networks those that are there stay as they are, byte for byte: what they make of
dates, and what is said of them, is made anew.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast.config import TrainConfig
from stockcast.config.models import POOL_NETWORK, POOL_TRAINING
from stockcast.config.sources import holds_prices
from stockcast.errors import DataError, StockcastError
from stockcast.forecasting import TrainedModel, seen_by
from stockcast.models.problem import Series
from stockcast.models.simulation import Shocks
from stockcast.pipeline.generalskill import RIVALS, Exam, skill_of
from stockcast.pipeline.initial import Scratch, with_layer
from stockcast.pipeline.pools import Pool
from stockcast.pipeline.series import calendar_over
from stockcast.pipeline.trainer import Trainer
from stockcast.prices import csvfile
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.csvfile.eventdates import EventTable
from stockcast.prices.events import EventCalendar
from stockcast.prices.history import Floats, History
from stockcast.prices.sessions import SessionCalendar
from stockcast.progress import Progress, Silent
from stockcast.storage import modelfile, trainedmodel
from stockcast.storage.modelfile import ModelFile
from stockcast.storage.trainedmodel import GENERAL_FOLDER, Vintage, save_index
from stockcast.windows.events import features_with_events
from stockcast.windows.features import Features
from stockcast.windows.splits import MIN_TRAIN, Part, PoolSplit, first_origin

if TYPE_CHECKING:
    from stockcast.models.ensemble import Ensemble

_NETWORK = replace(POOL_NETWORK, hidden_size=24)
_TRAINING = replace(POOL_TRAINING, seeds=3)


@dataclass(frozen=True)
class Recipe:
    """How the general model is made.

    cutoffs: ends of the vintages; one more knows everything. exams: the vintages whose figures are published, each
    judged by what came after it. choosing: how long before its cutoff a vintage chooses its steps on.
    """

    config: TrainConfig = field(default_factory=lambda: TrainConfig(_NETWORK, _TRAINING))
    cutoffs: tuple[date, ...] = tuple(date(year, 12, 31) for year in (2006, 2009, 2012, 2015, 2018, 2020, 2023))
    exams: tuple[Exam, ...] = (
        Exam(date(2015, 12, 31), date(2016, 1, 1), date(2021, 4, 21)),
        Exam(date(2020, 12, 31), date(2021, 5, 1), date.max),
    )
    choosing: timedelta = timedelta(days=730)


def make_general_model(
    histories: Sequence[History], folder: Path, recipe: Recipe, progress: Progress, keep: bool = False
) -> tuple[Vintage, ...]:  # fmt: skip
    """Train every vintage on what lies before its cutoff and write them into `folder`, with their index.

    Args:
        histories: Prices, with the dates of reports where they are known.
        folder: Of the vintages.
        recipe: How they are made.
        progress: Who watches.
        keep: Networks that are in the folder stay as they are, byte for byte.

    Raises:
        DataError: Where a cutoff leaves nothing to learn from, or no stock has sessions for an exam.
        ModelError: Where networks that are to be kept cannot be read.
        StorageError: Where the folder cannot be written to.
    """
    newest = max(history.last for history in histories)
    made = []
    for closes in (False, True):
        models = {}
        for cutoff in (*(day for day in recipe.cutoffs if day < newest), newest):
            name = f"{'all' if cutoff == newest else cutoff.year}{'-closes' if closes else ''}"
            progress.stage(f"general model, vintage {name}", 1)
            known = _known(histories, cutoff, closes)
            there = keep and (folder / name).is_dir()
            models[cutoff] = _layered(_read(folder, name) if there else _vintage(known, name, recipe), known)
            progress.advance(1)
        every = _known(histories, newest, closes)
        skill = [_skill(models[exam.cutoff], every, exam, progress) for exam in recipe.exams if exam.cutoff in models]
        for model in models.values():
            modelfile.save_model(folder, _light(trainedmodel.to_file(_described(model, skill))))
            made.append(Vintage(model.name, model.scored.cutoff, closes))
    made.sort(key=lambda vintage: (vintage.cutoff, vintage.closes))
    save_index(folder, made)
    return tuple(made)


def _known(histories: Sequence[History], cutoff: date, closes: bool) -> list[History]:
    """What is known at the cutoff: whole bars, or closes only."""
    cut = [history.between(None, cutoff) for history in histories]
    if closes:
        cut = [replace(history, open=None, high=None, low=None, volume=None) for history in cut]
    return [history for history in cut if len(history) > 1]


def _trainer(histories: Sequence[History], recipe: Recipe, cutoff: date, home: Path) -> Trainer:
    """The training of a vintage: its last two years choose, and what comes after its cutoff is its test part."""
    pool = Pool.of(histories, calendar_over(histories, None))
    sessions = np.unique(np.concatenate([member.dates for member in pool.members]))
    split = PoolSplit(sessions, cutoff - recipe.choosing, cutoff + timedelta(days=1))
    config = replace(recipe.config, exchange=pool.calendar.exchange)
    return Trainer(replace(pool, market=None), True, split, config, home, Silent(), Scratch())


def _vintage(histories: Sequence[History], name: str, recipe: Recipe) -> TrainedModel:
    """One vintage: its steps chosen on its last two years, then everything again with them."""
    newest = max(history.last for history in histories)
    without = [replace(history, events=None) for history in histories]
    trainer = _trainer(without, recipe, newest, Path(tempfile.gettempdir()))
    learned = trainer.learn(market=False)
    fit = trainer.final(learned, market=False)
    fit = replace(fit, ensemble=_halved(fit.ensemble), shocks=Shocks(fit.shocks.values_M4[::4]))
    stocks = sum(len(trainer.parts_of(member).whole) >= MIN_TRAIN for member in trainer.pool.members)
    return TrainedModel(
        name=name,
        ticker=f"{stocks} stocks",
        model_id="",
        config=trainer.config,
        fits={"scored": fit},
        served_by=trainer.config.network.cell,
        sentence="",
        calendar=trainer.pool.calendar,
        summary={
            "data": {
                "stocks": stocks,
                "tickers": sorted(history.ticker for history in histories),
                "first": min(history.first for history in histories).isoformat(),
                "last": newest.isoformat(),
                "sha256": _together(histories),
            },
            "seeds": list(trainer.config.training.members),
            "steps": list(learned.chosen.steps),
        },
    )


def _read(folder: Path, name: str) -> TrainedModel:
    """A vintage that is there, with what its manifest says of its training."""
    file = modelfile.load_model(folder, name)
    model = trainedmodel.from_file(file, shipped=True)
    return replace(model, summary={key: file.manifest[key] for key in ("data", "seeds", "steps")})


def _layered(model: TrainedModel, histories: Sequence[History]) -> TrainedModel:
    """The vintage with what it makes of dates of reports, fitted on what was known at its cutoff."""
    fit, lookback = model.scored, model.config.network.lookback
    series = []
    for history in histories:
        part = Part(first_origin(lookback), len(history) - 2)  # the newest session with a target
        if history.events is not None and len(part) >= MIN_TRAIN:
            series.append(Series(partial(_seen, fit.ensemble, history, model.calendar), len(history) - 1, part))
    ensemble = replace(fit.ensemble, layer=None)
    return replace(model, fits={"scored": replace(fit, ensemble=with_layer(ensemble, series) if series else ensemble)})


def _seen(network: Ensemble, history: History, calendar: SessionCalendar) -> Features:
    """What the networks look at of a history, and what is known of its dates."""
    return seen_by(network, features_with_events(history), calendar)


def _together(histories: Sequence[History]) -> str:
    """One hash of all histories."""
    digest = hashlib.sha256()
    for history in sorted(histories, key=lambda history: history.ticker):
        digest.update(f"{history.ticker} {history.sha256()}".encode())
    return digest.hexdigest()


def _halved(ensemble: Ensemble) -> Ensemble:
    """The same with weights in half precision, so that what is shipped is what was judged."""

    def half(values: Floats) -> Floats:
        return values.astype(np.float16).astype(np.float64)

    return replace(ensemble, weights=ensemble.weights.each(half))


def _light(file: ModelFile) -> ModelFile:
    """Weights and shocks as halves: the weights have no more digits, and shocks need none."""
    tensors = {name: a.astype(np.float16) if a.dtype == np.float32 else a for name, a in file.tensors.items()}
    return replace(file, tensors=tensors)


def _skill(model: TrainedModel, histories: Sequence[History], exam: Exam, progress: Progress) -> dict[str, Any]:
    """The figures of an exam: of a vintage, on the sessions after it."""
    return skill_of(model.scored.ensemble, histories, model.calendar, exam, progress)


def _described(model: TrainedModel, skill: Sequence[dict[str, Any]]) -> TrainedModel:
    """The vintage with what is said of it: the figures of the exams, those of other vintages, too."""
    figures = {exam["vintage"][:4]: exam for exam in skill}
    taught = f"General model, taught by {model.ticker} up to {model.scored.cutoff} and never by this ticker alone."
    untold = "Nothing is known of its skill on this ticker: --check tests it."
    sentence = " ".join([taught, *map(_sentence, skill), untold])
    return replace(model, sentence=sentence, summary={**model.summary, "skill": figures})


def _sentence(figures: Mapping[str, Any]) -> str:
    """What an exam says, in a forecast of the general model."""
    har, garch = (
        f"by {100 * over['gain']:.1f} % (on {over['better']} of {over['of']})"
        for over in (figures["over"][name] for name in RIVALS)
    )
    said = (
        f"On {figures['stocks']} stocks from {figures['first']} to {figures['last']} its vintage of "
        f"{figures['vintage']} was better than HAR-t {har} and than GARCH {garch}"
    )
    if "with_dates" in figures:
        har, garch = (f"{100 * figures['with_dates']['over'][name]['gain']:.1f} %" for name in RIVALS)
        said += f"; given the dates of reports, by {har} and {garch}"
    return f"{said}."


class StageLog(Silent):
    """Says on stdout which stage has begun."""

    def stage(self, name: str, total: int, targets: int = 0) -> None:  # noqa: ARG002 - as every progress
        """A stage begins."""
        print(name, flush=True)


def main() -> None:
    """The command line of `make general-model`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--events", help="CSV of the dates of reports: ticker, date, when")
    parser.add_argument("--seeds", type=int, default=_TRAINING.seeds)
    parser.add_argument("--into", type=Path, default=GENERAL_FOLDER)
    parser.add_argument(
        "--keep-networks", action="store_true", help="those that are in the folder are not trained anew"
    )
    arguments = parser.parse_args()
    histories = read_histories(arguments.folders, arguments.events)
    if not arguments.keep_networks and arguments.into.is_dir():
        shutil.rmtree(arguments.into)
    recipe = Recipe(TrainConfig(_NETWORK, replace(_TRAINING, seeds=arguments.seeds)))
    made = make_general_model(histories, arguments.into, recipe, StageLog(), arguments.keep_networks)
    for vintage in made:
        size = sum(path.stat().st_size for path in (arguments.into / vintage.name).iterdir())
        print(f"{vintage.name:12} up to {vintage.cutoff}  {size / 1024:5.0f} KiB")


def read_histories(folders: Sequence[Path], events: str | None) -> list[History]:
    """Every series of the folders, the last one of a name, with the dates of its reports.

    Args:
        folders: Of price files; those that cannot be read are left out, and it is said why.
        events: A CSV of dates of reports.

    Raises:
        DataError: There is no series, or the dates cannot be read.
    """
    found: dict[str, History] = {}
    for path in (path for folder in folders for path in sorted(folder.iterdir()) if holds_prices(path.name)):
        try:
            history = csvfile.read(str(path), ReadOptions())
        except StockcastError as error:
            print(f"left out: {error.message}")
            continue
        found[history.ticker] = history
    if not found:
        raise DataError("no prices in these folders", "name folders of price files")
    histories = list(found.values())
    if events is None:
        return histories
    calendar, table = calendar_over(histories, None), EventTable.read(events)
    told = [table.of_ticker(history.ticker, calendar.exchange) for history in histories]
    return [
        replace(history, events=None if dates is None else EventCalendar.of([dates], calendar))
        for history, dates in zip(histories, told, strict=True)
    ]


if __name__ == "__main__":
    main()
