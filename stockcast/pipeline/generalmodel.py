"""Making the general model: one pool, cut at the end of several years, a network for each of them.

    python -m stockcast.pipeline.generalmodel FOLDER... [--seeds N] [--into FOLDER]

reads every price file of the folders and writes the vintages that are shipped with the package.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast.config import TrainConfig
from stockcast.config.models import POOL_NETWORK, POOL_TRAINING
from stockcast.errors import DataError, StockcastError
from stockcast.evaluation.verdict import pooled_verdict, strongest_of
from stockcast.forecasting import TrainedModel
from stockcast.models.cells import LayerWeights, NetworkWeights
from stockcast.models.simulation import Shocks
from stockcast.pipeline.initial import Scratch
from stockcast.pipeline.judging import pooled, skill_table
from stockcast.pipeline.pools import Pool
from stockcast.pipeline.source import calendar_over
from stockcast.pipeline.trainer import Trainer
from stockcast.prices import csvfile
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import Floats, History
from stockcast.progress import Progress, Silent
from stockcast.storage import modelfile, trainedmodel
from stockcast.storage.modelfile import ModelFile
from stockcast.storage.trainedmodel import GENERAL_FOLDER, Vintage, save_index
from stockcast.windows.splits import MIN_TRAIN, PoolSplit

if TYPE_CHECKING:
    from stockcast.models.ensemble import Ensemble

_SUFFIXES = (".csv", ".csv.gz", ".parquet")


_NETWORK = replace(POOL_NETWORK, hidden_size=24)
_TRAINING = replace(POOL_TRAINING, seeds=3)


@dataclass(frozen=True)
class Recipe:
    """How the general model is made.

    cutoffs: ends of the vintages; one more knows everything. published: the vintage whose figures are published, judged
    by what came after it. choosing: how long before its cutoff a vintage chooses its steps on.
    """

    config: TrainConfig = field(default_factory=lambda: TrainConfig(_NETWORK, _TRAINING))
    cutoffs: tuple[date, ...] = tuple(date(year, 12, 31) for year in (2006, 2009, 2012, 2015, 2018))
    published: date = date(2015, 12, 31)
    choosing: timedelta = timedelta(days=730)


def make_general_model(
    histories: Sequence[History], folder: Path, recipe: Recipe, progress: Progress
) -> tuple[Vintage, ...]:  # fmt: skip
    """Train every vintage on what lies before its cutoff and write them into `folder`, with their index.

    Raises DataError where a cutoff leaves nothing to learn from, StorageError.
    """
    newest = max(history.last for history in histories)
    figures = {closes: _skill(histories, closes, recipe, progress) for closes in (False, True)}
    made = []
    for cutoff in (*(day for day in recipe.cutoffs if day < newest), newest):
        for closes in (False, True):
            name = f"{'all' if cutoff == newest else cutoff.year}{'-closes' if closes else ''}"
            model = _vintage(_known(histories, cutoff, closes), name, recipe, figures[closes], progress)
            modelfile.save_model(folder, _light(trainedmodel.to_file(model)))
            made.append(Vintage(name, model.scored.cutoff, closes))
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
    sessions = np.unique(np.concatenate([member.own.session_returns.dates for member in pool.members]))
    split = PoolSplit(sessions, cutoff - recipe.choosing, cutoff + timedelta(days=1))
    config = replace(recipe.config, exchange=pool.calendar.exchange)
    return Trainer(replace(pool, market=None), True, split, config, home, Silent(), Scratch())


def _vintage(
    histories: Sequence[History], name: str, recipe: Recipe, figures: dict[str, Any], progress: Progress
) -> TrainedModel:
    """One vintage: its steps chosen on its last two years, then everything again with them."""
    newest = max(history.last for history in histories)
    trainer = _trainer(histories, recipe, newest, Path(tempfile.gettempdir()))
    progress.stage(f"general model, vintage {name}", 1)
    learned = trainer.learn(market=False)
    fit = trainer.final(learned, market=False)
    fit = replace(fit, ensemble=_halved(fit.ensemble), shocks=Shocks(fit.shocks.values_M4[::4]))
    progress.advance(1)
    stocks = sum(len(trainer.parts_of(member).whole) >= MIN_TRAIN for member in trainer.pool.members)
    return TrainedModel(
        name=name,
        ticker=f"{stocks} stocks",
        model_id="",
        config=trainer.config,
        fits={"scored": fit},
        served_by=trainer.config.network.cell,
        sentence=_sentence(stocks, fit.cutoff, figures),
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
            "skill": figures,
        },
    )


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

    w = ensemble.weights
    layers = tuple(LayerWeights(*(half(array) for array in vars(layer).values())) for layer in w.layers)
    weights = NetworkWeights(w.cell, layers, half(w.readout_SHD), half(w.readout_bias_SH), half(w.skip_SHF))
    return replace(ensemble, weights=weights)


def _light(file: ModelFile) -> ModelFile:
    """Weights and shocks as halves: the weights have no more digits, and shocks need none."""
    tensors = {name: a.astype(np.float16) if a.dtype == np.float32 else a for name, a in file.tensors.items()}
    return replace(file, tensors=tensors)


def _skill(histories: Sequence[History], closes: bool, recipe: Recipe, progress: Progress) -> dict[str, Any]:
    """How the published vintage did on the sessions after it, beside baselines that were fitted up to its cutoff."""
    progress.stage(f"skill of the vintage {recipe.published.year}", 1)
    until = _known(histories, recipe.published, closes)
    every = _known(histories, max(history.last for history in histories), closes)
    with tempfile.TemporaryDirectory() as home:
        trainer = _trainer(until, recipe, recipe.published, Path(home))
        network = _halved(trainer.final(trainer.learn(market=False), market=False).ensemble)
        results, _ = _trainer(every, recipe, recipe.published, Path(home)).scored(network)
    cell, summary = network.config.cell, pooled(results)
    table, strongest = skill_table(summary), strongest_of(results)
    verdict = pooled_verdict(cell, results, summary.pooled, strongest, cell)
    progress.advance(1)
    return {
        "vintage": network.cutoff.isoformat(),
        "stocks": len(results),
        "first": table.first.isoformat(),
        "last": table.last.isoformat(),
        "sentence": verdict.sentence,
        "coverage_90": verdict.coverage_90,
        "over": {
            c.baseline: {"gain": c.crps_skill, "p": c.dm_p, "better": c.better, "of": c.tickers}
            for c in summary.pooled
            if c.horizon == 1
        },
    }


def _sentence(stocks: int, cutoff: date, figures: dict[str, Any]) -> str:
    """What a forecast of the general model says of itself."""
    over = figures["over"]
    har, garch = (
        f"by {100 * over[name]['gain']:.1f} % (on {over[name]['better']} of {over[name]['of']})"
        for name in ("har-t", "garch-t")
    )
    return (
        f"General model, taught by {stocks} stocks up to {cutoff} and never by this ticker alone. On "
        f"{figures['stocks']} stocks from {figures['first']} to {figures['last']} its vintage of {figures['vintage']} "
        f"was better than HAR-t {har} and than GARCH {garch}. Nothing is known of its skill on this ticker: --check "
        "tests it."
    )


class StageLog(Silent):
    """Says on stdout which stage has begun."""

    def stage(self, name: str, total: int, targets: int = 0) -> None:  # noqa: ARG002 - as every progress
        """A stage begins."""
        print(name, flush=True)


def main() -> None:
    """The command line of `make general-model`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=_TRAINING.seeds)
    parser.add_argument("--into", type=Path, default=GENERAL_FOLDER)
    arguments = parser.parse_args()
    histories: dict[str, History] = {}
    for path in sorted(path for folder in arguments.folders for path in folder.iterdir()):
        if path.name.endswith(_SUFFIXES):
            try:
                history = csvfile.read(str(path), ReadOptions())
            except StockcastError as error:
                print(f"left out: {error.message}")
                continue
            histories[history.ticker] = history
    if not histories:
        raise DataError("no prices in these folders", "name folders of price files")
    if arguments.into.is_dir():
        shutil.rmtree(arguments.into)
    config = TrainConfig(_NETWORK, replace(_TRAINING, seeds=arguments.seeds))
    made = make_general_model(list(histories.values()), arguments.into, Recipe(config), StageLog())
    for vintage in made:
        size = sum(path.stat().st_size for path in (arguments.into / vintage.name).iterdir())
        print(f"{vintage.name:12} up to {vintage.cutoff}  {size / 1024:5.0f} KiB")


if __name__ == "__main__":
    main()
