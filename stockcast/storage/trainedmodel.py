"""A trained model as a manifest and tensors, and back: what a model folder holds.

The manifest is for people too: settings, dates, parameters and results in plain JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import SCRATCH
from stockcast.errors import ModelError, StockcastError
from stockcast.forecasting import FITS, Fit, TrainedModel
from stockcast.models.parameters import Length
from stockcast.prices.sessions import SessionCalendar
from stockcast.storage.codec import MisfitError, Tensors, decode, encode
from stockcast.storage.covariaterecord import BODY, Body, Places, body_of, places_of, record_from
from stockcast.storage.fits import FitRecord, fit_of, fit_record
from stockcast.storage.modelfile import FORMAT, ModelFile, model_id
from stockcast.versions import machine, versions
from stockcast.windows.market import Market

_IDENTIFIED = ("config", "served_by", "features", "scored", "served", "pool", BODY)
"""What the id is made from, beside the weights."""

_EARLIER = (
    "it was saved by an earlier version, and only its settings, parameters and weights could be checked, not its "
    "calendar, its currency and its verdict; training it again protects them, too"
)


@dataclass(frozen=True)
class _Config:
    """What is kept of a TrainConfig: covariates have a record of their own."""

    network: NetworkConfig
    training: TrainingConfig
    split: SplitConfig
    horizon: int
    exchange: str | None
    init: str | None = SCRATCH


@dataclass(frozen=True)
class _Pool:
    members: tuple[str, ...] = ()
    sentences: Mapping[str, str] = field(default_factory=dict)
    alone_features: tuple[str, ...] = ()
    alone_scored: FitRecord | None = None
    alone_served: FitRecord | None = None


@dataclass(frozen=True)
class _Manifest:
    """Everything in a manifest that a forecast depends on or is shown with; the rest is for its reader alone."""

    name: str
    ticker: str
    model_id: str
    currency: str | None
    verdict: str
    config: _Config
    served_by: str
    features: Annotated[tuple[str, ...], Length(1, 10_000)]
    scored: FitRecord
    served: FitRecord | None
    calendar: SessionCalendar
    pool: _Pool = field(default_factory=_Pool)
    covariates: Body | None = None
    covariate_sources: Places | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)


def to_file(model: TrainedModel) -> ModelFile:
    """The model's folder content; `model_id` is the hash of settings, parameters and weights."""
    tensors: Tensors = {}
    records = {name: encode(fit_record(fit, name, tensors)) for name, fit in model.fits.items()}
    body: dict[str, Any] = {
        "config": encode(_Config(**{field.name: getattr(model.config, field.name) for field in fields(_Config)})),
        "served_by": model.served_by,
        "features": list(model.scored.ensemble.standardiser.names),
        "scored": records["scored"],
        "served": records.get("served"),
        **_pool_to_json(model, records, tensors),
        **body_of(model.covariates),
    }
    manifest = {
        "name": model.name,
        "ticker": model.ticker,
        "model_id": model_id(body, tensors),
        "currency": model.currency,
        "verdict": model.sentence,
        **body,
        **places_of(model.covariates),
        "versions": versions(),
        "machine": machine(),
        "calendar": encode(model.calendar),
        **encode(model.summary, lossy=True),
    }
    return ModelFile(model.name, manifest, tensors)


def from_file(file: ModelFile, shipped: bool = False) -> TrainedModel:
    """The model of a folder. shipped: one that comes with the package, whose weights are halves.

    Raises ModelError where it lacks something, holds what this version does not know or what no training gave, or has
    an id that is not that of its settings, parameters and weights.
    """
    try:
        manifest = decode(_Manifest, file.manifest, others=True)
        if not shipped:  # the id of a shipped one was made from its weights before they were halved
            _require_own_id(manifest.model_id, file)
        return _model(manifest, file)
    except (MisfitError, StockcastError) as error:
        raise ModelError(f"model {file.name} cannot be read: {error}", "train it again") from error


def _model(m: _Manifest, file: ModelFile) -> TrainedModel:
    config = TrainConfig(**vars(m.config))
    return TrainedModel(
        name=file.name,
        ticker=m.ticker,
        model_id=m.model_id,
        config=config,
        fits=_fits(m, file),
        served_by=m.served_by,
        sentence=m.verdict,
        calendar=m.calendar,
        currency=m.currency,
        members=m.pool.members,
        sentences=m.pool.sentences,
        market=_market(file.tensors),
        covariates=record_from(m.covariates, m.covariate_sources),
        notes=() if file.format == FORMAT else (_EARLIER,),
    )


def _fits(m: _Manifest, file: ModelFile) -> dict[str, Fit]:
    """The fits that a folder has, by name, each with its own columns. Raises MisfitError."""
    found: dict[str, Fit] = {}
    for name, record in zip(FITS, (m.scored, m.served, m.pool.alone_scored, m.pool.alone_served), strict=True):
        if record is None:
            continue
        features = m.pool.alone_features if name.startswith("alone") else m.features
        fit = fit_of(record, name, m.config.network, features, file.tensors)
        if m.served_by not in {m.config.network.cell, *fit.baselines}:
            raise MisfitError("served_by", f"is {m.served_by!r}, which {name} does not have")
        scored = found.get(name.replace("served", "scored"), fit)
        if scored.cutoff > fit.cutoff:
            raise MisfitError(f"{name}.cutoff", f"is {fit.cutoff}, before {scored.cutoff} of the other")
        found[name] = fit
    return found


def _require_own_id(known: str, file: ModelFile) -> None:
    body = {key: file.manifest[key] for key in _IDENTIFIED if key in file.manifest}
    found = model_id(body, file.tensors)
    if found != known:
        raise MisfitError("model_id", f"is {known}, and that of its settings, parameters and weights is {found}")


def _market(tensors: Mapping[str, Any]) -> Market | None:
    arrays = {name: tensors[f"market.{name}"] for name in ("days", "values", "shock") if f"market.{name}" in tensors}
    return Market.from_arrays(arrays) if arrays else None


def _pool_to_json(model: TrainedModel, records: Mapping[str, Any], tensors: Tensors) -> dict[str, Any]:
    """What a pool has; nothing for a model of one ticker that did not begin with a pool's market."""
    if not model.members:
        return {}
    pool: dict[str, Any] = {"members": list(model.members), "sentences": dict(model.sentences)}
    if model.market is not None:
        tensors |= {f"market.{name}": values for name, values in model.market.arrays().items()}
    if "alone_scored" in records:
        pool["alone_features"] = list(model.fits["alone_scored"].ensemble.standardiser.names)
        pool |= {name: records.get(name) for name in ("alone_scored", "alone_served")}
    return {"pool": pool}
