"""Reproducing: a saved model trained again from its manifest and its prices, and compared byte by byte."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stockcast.config import CovariatesConfig
from stockcast.config.sources import FetchConfig
from stockcast.errors import DataError, ModelError, StockcastError
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PROVIDER, PriceSource, file_source, is_ticker
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.csvfile.content import STANDARD_INPUT, path_ticker
from stockcast.progress import Progress
from stockcast.results import Reproduction, TensorDifference
from stockcast.storage import modelfile, trainedmodel
from stockcast.storage.codec import MisfitError, decode
from stockcast.storage.files import temporary_folder
from stockcast.storage.readings import READING
from stockcast.storage.trainedmodel import PLACES
from stockcast.windows.covariates import GROUPS, Covariates, CovariatesRecord, groups_of

if TYPE_CHECKING:
    from stockcast.forecasting import TrainedModel
    from stockcast.storage.modelfile import ModelFile

_ELSEWHERE = frozenset({"name", "model_id", "created_at", "data", READING, "versions", "machine", "calendar", PLACES})
"""What a manifest says of the circumstances of a training: it may differ between two that gave the same model."""


def reproduce(home: Path, name: str, sources: Sequence[Path], read: ReadOptions, progress: Progress) -> Reproduction:
    """Train a saved model again and compare every tensor, every parameter and the id. Nothing is saved.

    Args:
        home: The folder of models, prices and forecasts.
        name: The model.
        sources: Files of its prices, or folders that hold them, in place of those that the manifest names; tickers come
            from the store.
        read: How files are to be read, where they were not read as the model remembers.
        progress: Who watches.

    Returns:
        Whether it is the same, and what differs.

    Raises:
        ModelError: Where the model is missing or damaged, does not say what it was trained on, or was initialised from
            networks that are others now.
        DataError: Where its prices are not to be had, or are others than those that it was trained on.
    """
    file = modelfile.load_model(home / "models", name)
    model = trainedmodel.from_file(file)
    for note in model.notes:
        progress.note(f"model {name}: {note}")
    prices = PriceSource(home, read.over(model.reading), FetchSession(FetchConfig(offline=True), many=False))
    found = _prices_of(file, prices.taken_for(model.config.exchange), sources)
    covariates = _covariates_of(model, found, prices, sources, progress)
    if model.is_pool:
        return compared(file, _pool(model, found, covariates, progress))
    return compared(file, _alone(file, model, found[0], home, covariates, progress))


def compared(saved: ModelFile, again: ModelFile) -> Reproduction:
    """Two trainings of one model: tensors by their bytes, manifests but for the circumstances."""
    names = sorted({*saved.tensors, *again.tensors})
    different = tuple(
        difference
        for name in names
        if (difference := _difference(name, saved.tensors.get(name), again.tensors.get(name))) is not None
    )
    ours, theirs = _plain(again.manifest), _plain(saved.manifest)
    parameters = tuple(
        place for key in dict.fromkeys([*theirs, *ours]) for place in _places(key, theirs.get(key), ours.get(key))
    )
    same_id = saved.manifest["model_id"] == again.manifest["model_id"]
    return Reproduction(
        model=saved.name,
        members=len(saved.manifest["data"]) if isinstance(saved.manifest.get("data"), list) else 1,
        model_id=saved.manifest["model_id"],
        again=again.manifest["model_id"],
        identical=same_id and not different and not parameters,
        tensors=len(names),
        different=different,
        parameters=parameters,
        versions=_changed("versions", saved, again),
        machine=_changed("machine", saved, again),
        device=saved.manifest["config"]["training"]["device"],
    )


@dataclass(frozen=True)
class _Data:
    """What a manifest says of the prices of a series."""

    ticker: str
    source: str
    first: date
    last: date
    sessions: int
    sha256: str


@dataclass(frozen=True)
class _Begun:
    """The networks that a training began with, by their ids."""

    young_id: str
    served_id: str

    @classmethod
    def of(cls, file: ModelFile) -> _Begun | None:
        """What a manifest says of them; None for a training from scratch. Raises ModelError."""
        told = file.manifest.get("init")
        try:
            return decode(cls, told, "init", others=True) if told else None
        except MisfitError as error:
            raise ModelError(f"model {file.name} cannot be read: {error}", "train it again") from error


def _prices_of(file: ModelFile, prices: PriceSource, sources: Sequence[Path]) -> list[PriceSeries]:
    """The prices of each series that a model was trained on, in the order of its manifest."""
    data = file.manifest.get("data")
    alone = {"ticker": file.manifest["ticker"], **(data if isinstance(data, dict) else {})}
    described = data if isinstance(data, list) else [alone]
    try:
        known = [decode(_Data, one, "data", others=True) for one in described]
    except MisfitError as error:
        raise ModelError(
            f"model {file.name} does not say what it was trained on: its manifest's {error}",
            "train it again with this version",
        ) from error
    return [_same_prices(one, prices, _place(one, sources, len(known))) for one in known]


def _same_prices(described: _Data, prices: PriceSource, source: str) -> PriceSeries:
    """The prices of one series. Raises DataError where they are others than those that it was trained on."""
    ticker, wanted, first, last = described.ticker, described.sha256, described.first, described.last
    place, read = source, replace(prices.read, ticker=ticker, start=first, end=last)
    if is_ticker(source):
        place, read = ticker, ReadOptions(start=first, end=last)
    try:
        series = replace(prices, read=read).load(place, fetch="never")
    except StockcastError as error:
        raise type(error)(
            f"the model was trained on {source}: {error.message}", "name its prices with --source"
        ) from error
    h = series.history
    if h.sha256() != wanted:
        raise DataError(
            f"the prices of {ticker} are not those that the model was trained on: {source} has {len(h)} sessions "
            f"from {h.first} to {h.last} with the hash {h.sha256()[:12]}, and there were {described.sessions} "
            f"from {first} to {last} with {wanted[:12]}",
            "name the file of that time with --source; a provider restates the past for dividends and splits",
        )
    return series


def _given(source: str, sources: Sequence[Path]) -> list[Path]:
    """The files that may stand in for a source: those that are given, and those of its name in given folders."""
    return [path / Path(source).name if os.path.isdir(path) else path for path in sources]


def _place(described: _Data, sources: Sequence[Path], series: int) -> str:
    """Where to read a series: the given file of its name, or that in a given folder; else where the manifest says."""
    source, ticker = described.source, described.ticker
    for path in _given(source, sources):
        if series == 1 or path_ticker(path.name) == ticker or path.name == Path(source).name:
            return file_source(path)
    if source == PROVIDER or not (is_ticker(source) or source == STANDARD_INPUT):
        return source
    raise DataError(
        f"the prices of {ticker} came from {source!r}, which cannot be read again", "name a file with --source"
    )


def _alone(
    file: ModelFile, model: TrainedModel, series: PriceSeries, home: Path, covariates: Covariates | None,
    progress: Progress,
) -> ModelFile:  # fmt: skip
    """A model of one series, trained again. Raises ModelError where the networks that it began with are others now."""
    from stockcast.pipeline.training import Candidate

    begun = _Begun.of(file)
    candidate = Candidate.of(series, model.config, home, model.name, progress, covariates)
    told = candidate.learned.init
    if begun is not None and told is not None and begun != _Begun(told.young_id, told.served_id):
        raise ModelError(
            f"model {model.name} began with the networks of {told.name} as they were then "
            f"({begun.young_id[:12]}), and they are others now ({told.young_id[:12]})",
            "it can be made again only from the networks that it began with",
        )
    return candidate.file


def _pool(
    model: TrainedModel, found: Sequence[PriceSeries], covariates: Covariates | None, progress: Progress
) -> ModelFile:
    """A model of many, trained again."""
    from stockcast.pipeline.pools import Pool, files_for
    from stockcast.pipeline.training import Candidate

    # Its own calendar, not one of today: the days to the next session are columns that it learnt from.
    histories = [one.history for one in found]
    with temporary_folder() as folder:
        pool = Pool.of(histories, model.calendar, covariates, files_for(folder, histories))
        pool = pool.without(GROUPS.keys() - groups_of(model.scored.ensemble.standardiser.names))
        return Candidate.of_pool(pool, model.config, folder, model.name, progress).file


def _covariates_of(
    model: TrainedModel, found: Sequence[PriceSeries], prices: PriceSource, sources: Sequence[Path], progress: Progress
) -> Covariates | None:  # fmt: skip
    """What the model looked at. Raises DataError where it is not to be had, or is not what it was."""
    record = model.covariates
    if record is None:
        return None
    places = [_instead(series.name, series.source, sources) for series in record.series]
    known = None if record.known_ahead is None else _instead("", record.known_ahead[0], sources)
    source = CovariateSource(CovariatesConfig(tuple(places), known), prices, progress, strict=False)
    if model.is_pool:
        covariate_series = source.again_by_pool(model, [one.history for one in found]).covariate_series
    else:
        covariate_series = source.again(model, found[0].at(model.config.exchange)).covariate_series
    assert covariate_series is not None  # noqa: S101 - the model has a record of it
    _refuse_others(record, CovariatesRecord.of(covariate_series))
    return covariate_series


def _instead(name: str, source: str, sources: Sequence[Path]) -> str:
    """Where to read what came from `source`: a given file of its name, or that in a given folder; else there."""
    if is_ticker(source):
        return source
    for path in _given(source, sources):
        if (path.name == Path(source).name or path_ticker(path.name) == name) and os.path.isfile(path):
            return file_source(path)
    return source


def _refuse_others(record: CovariatesRecord, found: CovariatesRecord) -> None:
    then = [(one.name, one.sha256) for one in record.series] + [("known dates", (record.known_ahead or ("", ""))[1])]
    now = [(one.name, one.sha256) for one in found.series] + [("known dates", (found.known_ahead or ("", ""))[1])]
    for (name, before), (_, after) in zip(then, now, strict=True):
        if before != after:
            raise DataError(
                f"{name} is not what the model was trained on: its hash is {after[:12]}, and was {before[:12]}",
                "name the file of that time with --source; a provider restates the past for dividends and splits",
            )


def _changed(part: str, saved: ModelFile, again: ModelFile) -> dict[str, tuple[str | None, str | None]]:
    """What a part of the manifests says of the circumstances, then and now, where that differs."""
    then, now = (manifest.get(part, {}) for manifest in (saved.manifest, again.manifest))
    return {key: (then.get(key), now.get(key)) for key in {**then, **now} if then.get(key) != now.get(key)}


def _plain(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """As it is after a way through a file, without the circumstances."""
    whole: dict[str, Any] = json.loads(json.dumps(manifest))
    return {key: value for key, value in whole.items() if key not in _ELSEWHERE}


def _places(place: str, then: Any, now: Any) -> Iterator[str]:
    """Where two trees of JSON differ, as keys joined by dots; a list is one place."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*then, *now]):
            yield from _places(f"{place}.{key}", then.get(key), now.get(key))
    elif then != now:
        yield place


def _difference(name: str, then: NDArray[Any] | None, now: NDArray[Any] | None) -> TensorDifference | None:
    """What differs between the bytes of two tensors; None where nothing does."""
    if then is None or now is None or then.shape != now.shape or then.dtype != now.dtype:
        return TensorDifference(name, max(0 if one is None else one.size for one in (then, now)))
    if then.tobytes() == now.tobytes():
        return None
    if then.dtype.kind != "f":
        return TensorDifference(name, then.size, int(np.count_nonzero(then != now)))
    apart = np.abs(then.astype(np.float64) - now.astype(np.float64))
    return TensorDifference(name, then.size, int(np.count_nonzero(then != now)), float(apart.max(initial=0.0)))
