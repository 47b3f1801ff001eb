"""A trained model as a manifest and tensors, and back: what a model folder holds, one of the user's or one shipped.

The manifest is for people too: settings, dates, parameters and results in plain JSON. What it says of covariates has
two parts: what they are, which belongs to the model and its id, and where they were found, which may be another place
on another day.

The general model comes with the package: networks that many stocks have taught, one set for each vintage. A vintage has
learnt from nothing after its cutoff. There is one that reads whole bars and one that reads closes only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from stockcast.config import NetworkConfig, ReadOptions, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import GENERAL, SCRATCH
from stockcast.config.policy import PolicyConfig
from stockcast.errors import ModelError, StockcastError
from stockcast.forecasting import FITS, Fit, KeptPolicy, TrainedModel
from stockcast.models.baselines import ALL_BASELINES, Baseline
from stockcast.models.cells import GATES, LayerWeights, NetworkWeights
from stockcast.models.ensemble import Ensemble, Standardiser
from stockcast.models.eventlayer import EventLayer
from stockcast.models.har import HarScale
from stockcast.models.likelihood import Length
from stockcast.models.simulation import Shocks
from stockcast.prices.history import History
from stockcast.prices.hours import Closing, TradingHours
from stockcast.prices.sessions import SessionCalendar
from stockcast.storage.codec import (
    MisfitError,
    Tensors,
    decode,
    encode,
    from_tensors,
    parse_json,
    sha256,
    tensor,
    to_tensors,
)
from stockcast.storage.files import write_atomic
from stockcast.storage.modelfile import FORMAT, MANIFEST, ModelFile, load_model, model_id
from stockcast.storage.readings import encoded
from stockcast.versions import machine, versions
from stockcast.windows.covariates import CovariatesRecord, SeriesRecord
from stockcast.windows.market import MARKET_NAMES, Market
from stockcast.windows.seasonality import day_numbers

if TYPE_CHECKING:
    from stockcast.models.policy import Policy

GENERAL_FOLDER = Path(__file__).parents[1] / "general"
GENERAL_INDEX = "index.json"

PLACES = "covariate_sources"
"""The key of what is no part of a model's id: where its covariates were found."""

_COVARIATES, _POLICY = "covariates", "policy"
_IDENTIFIED = ("config", "served_by", "features", "scored", "served", "pool", _COVARIATES, _POLICY)
"""What the id is made from, beside the weights."""

_HEADS = 3

_EARLIER = (
    "it was saved by an earlier version, and only its settings, parameters and weights could be checked, not its "
    "calendar, its currency and its verdict; training it again protects them, too"
)


@dataclass(frozen=True)
class FitRecord:
    """What is plain of a fit. cutoff: last session that it has seen. baselines: parameters by name. layer: what the
    network makes of the dates of reports; None where none were known in training.
    """

    cutoff: date
    base_scale: HarScale
    baselines: Mapping[str, Any]
    layer: EventLayer | None = None


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
class _Series:
    name: str
    exchange: str
    sha256: str


@dataclass(frozen=True)
class _Covariates:
    """What covariates are: names, exchanges, hashes of their bars and of the known dates."""

    series: tuple[_Series, ...]
    known_ahead: str | None


@dataclass(frozen=True)
class _Place:
    source: str
    hours: TradingHours | None


@dataclass(frozen=True)
class _Places:
    """Where covariates were found, and the trading hours that were known then."""

    series: tuple[_Place, ...]
    known_ahead: str | None
    exchange: str
    hours: TradingHours | None


@dataclass(frozen=True)
class PolicyRecord:
    """What is plain of a policy. cutoffs: the last session that each of its fits has seen."""

    config: PolicyConfig
    sentence: str
    network: NetworkConfig
    features: tuple[str, ...]
    cutoffs: Mapping[str, date]


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
    covariates: _Covariates | None = None
    covariate_sources: _Places | None = None
    policy: PolicyRecord | None = None
    reading: ReadOptions = field(default_factory=ReadOptions)
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Vintage:
    """One set of networks. name: of its folder; cutoff: last session that taught or chose anything; closes: it reads
    closes only.
    """

    name: str
    cutoff: date
    closes: bool


@dataclass(frozen=True)
class _Index:
    """The list of vintages. sha256: of the list, since a cutoff there decides what a forecast may have seen."""

    sha256: str
    vintages: tuple[Vintage, ...]


def to_file(model: TrainedModel) -> ModelFile:
    """The model's folder content; `model_id` is the hash of settings, parameters and weights."""
    tensors: Tensors = {}
    covariates, places = _covariates_to_json(model.covariates)
    records = {name: _plain(fit_record(fit, name, tensors)) for name, fit in model.fits.items()}
    kept, wanted = model.policy, model.config.policy
    policy = {} if kept is None else {_POLICY: encode(policy_record(kept, wanted, tensors))}
    body: dict[str, Any] = {
        "config": encode(_Config(**{field.name: getattr(model.config, field.name) for field in fields(_Config)})),
        "served_by": model.served_by,
        "features": list(model.scored.ensemble.standardiser.names),
        "scored": records["scored"],
        "served": records.get("served"),
        **_pool_to_json(model, records, tensors),
        **covariates,
        **policy,
    }
    manifest = {
        "name": model.name,
        "ticker": model.ticker,
        "model_id": model_id(body, tensors),
        "currency": model.currency,
        "verdict": model.sentence,
        **body,
        **places,
        **encoded(model.reading),
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


def fit_record(fit: Fit, place: str, tensors: Tensors) -> FitRecord:
    """Take a fit apart.

    Weights were trained in single precision and shocks are rounded to it on creation: nothing is lost.

    Args:
        fit: The fit.
        place: What the names of its arrays begin with.
        tensors: Where they go.

    Returns:
        What is plain of it.
    """
    ensemble = fit.ensemble
    _keep_network(ensemble, place, tensors)
    tensors[f"{place}.shocks"] = np.ascontiguousarray(fit.shocks.values_M4, np.float32)
    return FitRecord(fit.cutoff, ensemble.base, fit.baselines, ensemble.layer)


def _plain(record: FitRecord) -> dict[str, Any]:
    """A record as the manifest has it: without a layer where there is none, as before there were any."""
    plain: dict[str, Any] = encode(record)
    if record.layer is None:
        del plain["layer"]
    return plain


def fit_of(
    record: FitRecord,
    place: str,
    network: NetworkConfig,
    features: tuple[str, ...],
    tensors: Mapping[str, NDArray[Any]],
) -> Fit:
    """Put together the fit that `fit_record` took apart.

    Args:
        record: What is plain of it.
        place: What the names of its arrays begin with.
        network: The network, which says what shapes they have.
        features: Names of its columns.
        tensors: Arrays by name.

    Raises:
        MisfitError: Where something is missing, has another shape than the network asks for, or is no parameter.
    """
    weights, standardiser = _network_of(place, network, features, _HEADS, tensors)
    shocks_M4 = tensor(tensors, f"{place}.shocks", (None, 4))
    if not len(shocks_M4):
        raise MisfitError(f"{place}.shocks", "is empty")
    ensemble = Ensemble(network, record.base_scale, standardiser, weights, record.cutoff, record.layer)
    return Fit(ensemble, _baselines(record.baselines, f"{place}.baselines"), Shocks(shocks_M4))


def policy_record(policy: KeptPolicy, config: PolicyConfig, tensors: Tensors) -> PolicyRecord:
    """Take a policy apart, as `fit_record` does a fit. config: what it learnt."""
    for name, fit in policy.fits.items():
        _keep_network(fit, f"{_POLICY}.{name}", tensors)
        tensors[f"{_POLICY}.{name}.feedback"] = np.ascontiguousarray(fit.feedback_S, np.float32)
    scored, cutoffs = policy.fits["scored"], {name: fit.cutoff for name, fit in policy.fits.items()}
    return PolicyRecord(config, policy.sentence, scored.config, scored.standardiser.names, cutoffs)


def policy_of(record: PolicyRecord, tensors: Mapping[str, NDArray[Any]]) -> KeptPolicy:
    """Put together the policy that `policy_record` took apart. Raises MisfitError."""
    from stockcast.models.policy import Policy  # not at the top: most models have none

    fits = {}
    for name, cutoff in record.cutoffs.items():
        place, long_only = f"{_POLICY}.{name}", record.config.long_only
        weights, standardiser = _network_of(place, record.network, record.features, 1, tensors)
        feedback_S = tensor(tensors, f"{place}.feedback", (len(weights.readout_SHD),))
        fits[name] = Policy(record.network, standardiser, weights, feedback_S, long_only, cutoff)
    return KeptPolicy(record.sentence, fits)


def _keep_network(network: Ensemble | Policy, place: str, tensors: Tensors) -> None:
    tensors |= to_tensors(network.weights, place, np.float32)
    tensors[f"{place}.centre"] = network.standardiser.centre_F
    tensors[f"{place}.spread"] = network.standardiser.spread_F


def _network_of(
    place: str, network: NetworkConfig, features: tuple[str, ...], heads: int, tensors: Mapping[str, NDArray[Any]]
) -> tuple[NetworkWeights, Standardiser]:
    sizes = {"G": GATES[network.cell], "D": network.hidden_size, "H": heads, "F": len(features)}
    sizes["S"] = len(tensor(tensors, f"{place}.readout_bias_SH", (None, heads)))
    layers = tuple(
        from_tensors(LayerWeights, tensors, f"{place}.layers.{k}", sizes | {"I": sizes["D" if k else "F"]}, {})
        for k in range(network.layers)
    )
    weights = from_tensors(NetworkWeights, tensors, place, sizes, {"cell": network.cell, "layers": layers})
    centre_F, spread_F = (tensor(tensors, f"{place}.{name}", (sizes["F"],)) for name in ("centre", "spread"))
    if not (spread_F > 0).all():
        raise MisfitError(f"{place}.spread", "holds numbers that are not above 0")
    return weights, Standardiser(features, centre_F, spread_F)


def vintages(folder: Path | None = None) -> tuple[Vintage, ...]:
    """What is shipped, oldest first. Raises ModelError where the index cannot be read."""
    try:
        index = decode(_Index, parse_json(((folder or GENERAL_FOLDER) / GENERAL_INDEX).read_bytes()))
        if index.sha256 != sha256(encode(index.vintages)):
            raise MisfitError(GENERAL_INDEX, "is not as it was written")
    except (OSError, ValueError) as error:
        raise _damaged(str(error)) from error
    return tuple(sorted(index.vintages, key=lambda vintage: (vintage.cutoff, vintage.closes)))


def general_model(until: date, history: History, folder: Path | None = None) -> TrainedModel:
    """The newest vintage whose cutoff is not after `until`, of the kind that reads what the history has.

    Raises ModelError where every vintage has seen later sessions, or one is damaged.
    """
    closes = history.open is None or history.high is None or history.low is None
    every = [vintage for vintage in vintages(folder) if vintage.closes == closes]
    known = [vintage for vintage in every if vintage.cutoff <= until]
    if not known:
        oldest = min((vintage.cutoff for vintage in every), default=None)
        raise ModelError(
            f"every vintage of the general model was trained on sessions after {until}",
            f"the oldest ends on {oldest}: choose a later date, or train on the ticker itself",
        )
    return _vintage(folder or GENERAL_FOLDER, known[-1])


def general_calendar(until: date, folder: Path | None = None) -> SessionCalendar:
    """The sessions that the vintage for this date knows, read without its networks. Raises ModelError."""
    every = vintages(folder)
    vintage = next((one for one in reversed(every) if one.cutoff <= until), every[0])
    try:
        manifest = parse_json(((folder or GENERAL_FOLDER) / vintage.name / MANIFEST).read_bytes())
        return decode(_Dated, manifest, others=True).calendar
    except (OSError, ValueError) as error:
        raise _damaged(str(error)) from error


def is_shipped() -> bool:
    """Whether this installation has the general model."""
    return (GENERAL_FOLDER / GENERAL_INDEX).is_file()


def save_index(folder: Path, shipped: Sequence[Vintage]) -> None:
    """Write the list of vintages. Raises StorageError."""
    listed = encode(tuple(shipped))
    write_atomic(folder / GENERAL_INDEX, json.dumps({"sha256": sha256(listed), "vintages": listed}, indent=1) + "\n")


def _model(m: _Manifest, file: ModelFile) -> TrainedModel:
    config = TrainConfig(**vars(m.config), policy=PolicyConfig() if m.policy is None else m.policy.config)
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
        covariates=_covariates(m.covariates, m.covariate_sources),
        reading=m.reading,
        notes=() if file.format == FORMAT else (_EARLIER,),
        policy=None if m.policy is None else policy_of(m.policy, file.tensors),
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


def _baselines(known: Mapping[str, Any], place: str) -> dict[str, Baseline]:
    unknown = [name for name in known if name not in ALL_BASELINES]
    if unknown:
        raise MisfitError(f"{place}.{unknown[0]}", "is a baseline that this version does not know")
    return {name: decode(ALL_BASELINES[name], parameters, f"{place}.{name}") for name, parameters in known.items()}


def _require_own_id(known: str, file: ModelFile) -> None:
    body = {key: file.manifest[key] for key in _IDENTIFIED if key in file.manifest}
    found = model_id(body, file.tensors)
    if found != known:
        raise MisfitError("model_id", f"is {known}, and that of its settings, parameters and weights is {found}")


def _market_tensors(market: Market) -> Tensors:
    """The market as arrays that keep every bit: days since 1970, and the rest as it is."""
    arrays = {"days": day_numbers(market.dates_D), "values": market.values_DM, "shock": market.shock_D}
    return {f"market.{name}": array for name, array in arrays.items()}


def _market(tensors: Mapping[str, NDArray[Any]]) -> Market | None:
    """The market that `_market_tensors` took apart. Raises MisfitError where it is anything else."""
    if not any(place.startswith("market.") for place in tensors):
        return None
    values_DM = tensor(tensors, "market.values", (None, len(MARKET_NAMES)))
    shock_D = tensor(tensors, "market.shock", (len(values_DM),))
    days = tensors.get("market.days")
    if days is None or days.dtype.kind != "i" or days.shape != shock_D.shape or (np.diff(days) <= 0).any():
        raise MisfitError("market.days", f"are not {len(shock_D)} increasing whole numbers")
    return Market(days.astype("datetime64[D]"), values_DM, shock_D)


def _pool_to_json(model: TrainedModel, records: Mapping[str, Any], tensors: Tensors) -> dict[str, Any]:
    """What a pool has; nothing for a model of one ticker that did not begin with a pool's market."""
    if not model.members:
        return {}
    pool: dict[str, Any] = {"members": list(model.members), "sentences": dict(model.sentences)}
    if model.market is not None:
        tensors |= _market_tensors(model.market)
    if "alone_scored" in records:
        pool["alone_features"] = list(model.fits["alone_scored"].ensemble.standardiser.names)
        pool |= {name: records.get(name) for name in ("alone_scored", "alone_served")}
    return {"pool": pool}


def _covariates_to_json(record: CovariatesRecord | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What covariates are, and where they were found, each under its key; nothing without any."""
    if record is None:
        return {}, {}
    place, digest = record.known_ahead or (None, None)
    found = _Covariates(tuple(_Series(c.name, c.closing.exchange, c.sha256) for c in record.series), digest)
    series = tuple(_Place(c.source, c.closing.hours) for c in record.series)
    places = _Places(series, place, record.closing.exchange, record.closing.hours)
    return {_COVARIATES: encode(found)}, {PLACES: encode(places)}


def _covariates(found: _Covariates | None, places: _Places | None) -> CovariatesRecord | None:
    """The record in a manifest. Raises MisfitError where its two parts do not belong together."""
    if found is None and places is None:
        return None
    if found is None or places is None:
        raise MisfitError(_COVARIATES if found is None else PLACES, "is missing")
    if len(found.series) != len(places.series) or (found.known_ahead is None) is not (places.known_ahead is None):
        raise MisfitError(PLACES, f"is not where the {_COVARIATES} were found")
    series = tuple(
        SeriesRecord(one.name, place.source, Closing(one.exchange, place.hours), one.sha256)
        for one, place in zip(found.series, places.series, strict=True)
    )
    known = None
    if found.known_ahead is not None and places.known_ahead is not None:
        known = places.known_ahead, found.known_ahead
    return CovariatesRecord(Closing(places.exchange, places.hours), series, known)


@dataclass(frozen=True)
class _Dated:
    """Of a manifest what says of which days its model is."""

    calendar: SessionCalendar


def _vintage(folder: Path, vintage: Vintage) -> TrainedModel:
    """The networks that the index speaks of. Raises ModelError where the folder has others: they may know more."""
    try:
        file = load_model(folder, vintage.name)
        model = from_file(file, shipped=True)
    except ModelError as error:
        raise _damaged(error.message) from error
    if (file.manifest["name"], model.served.cutoff) != (vintage.name, vintage.cutoff):
        found = f"{file.manifest['name']} up to {model.served.cutoff}"
        raise _damaged(f"{GENERAL_INDEX} names {vintage.name} up to {vintage.cutoff}, and its folder has {found}")
    return replace(model, name=GENERAL)


def _damaged(reason: str) -> ModelError:
    return ModelError(f"the general model is damaged: {reason}", "install stockcast again")
