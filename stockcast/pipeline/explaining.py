"""Explanations: which features and sessions moved a saved network's correction, and what its gates did.

Shapes: L sessions of the window, oldest first, F features, S members, D hidden units.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from stockcast.config import CovariatesConfig, PredictConfig
from stockcast.config.models import ExplainConfig
from stockcast.config.sources import WHERE_TRAINED
from stockcast.errors import ConfigError
from stockcast.explanation import (
    Attribution,
    BaseTerm,
    Explanation,
    FeatureEffect,
    GateReading,
    LagEffect,
    Subject,
    UnitReading,
    Width,
)
from stockcast.forecasting import View
from stockcast.forecasts import ForecastEvent
from stockcast.models.attribution import ATTRIBUTIONS, HEADS, READINGS, SIGNED, activations, corrections, direct
from stockcast.models.cells import Array
from stockcast.models.ensemble import LOCATION_UNIT, MAX_LN_SCALE
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.models import model_calendar, model_of
from stockcast.pipeline.source import PriceSource
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.sessions import SessionCalendar
from stockcast.progress import Progress
from stockcast.windows.features import BURN_IN, HAR_SPANS

_TERMS = (*(f"range_{span}" for span in HAR_SPANS), "leverage")


def explain(
    source: str, read: ReadOptions, config: ExplainConfig, home: Path, progress: Progress,
    fetch_session: FetchSession | None = None, covariates: CovariatesConfig = WHERE_TRAINED,
) -> Explanation:  # fmt: skip
    """Say why the network of a saved model corrects the base scale as it does.

    Args:
        source: A file or a ticker.
        read: What a file does not say of itself and its model does not remember, and the first and last bar to keep.
        config: The origin (the newest bar, or the last on or before `as_of`), the model (the ticker's unless named),
            the method, and which correction. The fit is the latest that saw nothing after the origin.
        home: The folder of models, prices and forecasts.
        progress: Who watches.
        fetch_session: How a ticker's prices are fetched; with the defaults unless given.
        covariates: Other places for the series that the model looks at.

    Returns:
        The width, the effects of features and sessions, and the gates.

    Raises:
        DataError: Where the source cannot be read, or lacks what the model looks at.
        ModelError: Where the model is missing or damaged.
        ConfigError: For a gate that the cell has not.
    """
    # Bars after the origin are cut before anything is checked: not even a repair may know them.
    prices = PriceSource.of(home, read, fetch_session).remembering(config.model).until(config.as_of)
    prices = prices.beside(lambda ticker, _last: model_calendar(home, config.model, ticker))
    series = prices.load(source, progress, fetch="missing")
    if prices.read.end is None:
        prices.require_fresh(series)
    series.tell(progress, detail=True)
    model = model_of(home, config.model or series.history.ticker, progress)
    if series.exchange == model.calendar.exchange and not series.is_stored:
        series = series.on(model.calendar)
    model = CovariateSource(covariates, prices, progress).again(model, series)
    view = View.of(model, series.history, PredictConfig(as_of=config.as_of, horizon=1))
    return explanation(view, config, series.calendar)


def explanation(view: View, config: ExplainConfig, calendar: SessionCalendar) -> Explanation:
    """What there is to say of a view's newest window. Raises ConfigError for a gate that the cell has not."""
    weights, lookback = view.fit.ensemble.weights, view.fit.ensemble.config.lookback
    if config.units is not None and config.units not in READINGS[weights.cell]:
        raise ConfigError(
            f"{config.units!r} is no gate of the {weights.cell} of model {view.model.name}",
            f"choose one of {', '.join(READINGS[weights.cell])}",
        )
    window_LF = np.ascontiguousarray(view.fit.ensemble.standardiser(view.f)[-lookback:])
    sessions = tuple(day.astype(object) for day in view.f.session_returns.dates[-lookback:])
    layers = activations(weights, window_LF)
    return Explanation(
        subject=_subject(view, calendar),
        width=_width(view, window_LF),
        attribution=_attribution(view, config, window_LF, sessions),
        gates=tuple(
            _reading(depth, name, values_SDL, sessions)
            for depth, layer in enumerate(layers, start=1)
            for name, values_SDL in layer.items()
        ),
        units=_units(layers, config.units),
        event=_event(view, calendar),
    )


def _event(view: View, calendar: SessionCalendar) -> ForecastEvent | None:
    ensemble, row = view.fit.ensemble, len(view.f) - 1
    targets = calendar.next_sessions(view.past.last, 1)
    return view.events(ensemble.weights.cell, (ensemble.forecast(view.f, row, row + 1),), targets)[0]


def _subject(view: View, calendar: SessionCalendar) -> Subject:
    model, weights = view.model, view.fit.ensemble.weights
    return Subject(
        ticker=view.past.ticker,
        model=model.name,
        model_id=model.model_id,
        cell=weights.cell,
        members=len(weights.readout_SHD),
        served_by=model.served_by,
        origin=view.past.last,
        target_session=calendar.next_sessions(view.past.last, 1)[0],
        cutoff=view.fit.cutoff,
    )


def _width(view: View, window_LF: Array) -> Width:
    ensemble, f = view.fit.ensemble, view.f
    ln_scale = float(corrections(ensemble.weights, window_LF[..., None], HEADS["scale"])[0])
    dist = ensemble.forecast(f, len(f) - 1, len(f))
    ln_scale_quiet = float(np.log(ensemble.forecast(view.without_dates, len(f) - 1, len(f)).scale[0]))
    ln_base = float(ensemble.base.log_scale(f, len(f) - 1, len(f))[0])
    terms = _terms(view)
    base_effect, network_effect = sum(term.effect for term in terms), ln_scale_quiet - ln_base
    event_effect = float(np.log(dist.scale[0])) - ln_scale_quiet
    moved = abs(base_effect) + abs(network_effect) + abs(event_effect) or 1.0
    return Width(
        usual=float(np.exp(ln_base - base_effect)),
        base=float(np.exp(ln_base)),
        scale=float(dist.scale[0]),
        base_effect=base_effect,
        network_effect=network_effect,
        event_effect=event_effect,
        base_share=abs(base_effect) / moved,
        network_share=abs(network_effect) / moved,
        event_share=abs(event_effect) / moved,
        limited=abs(ln_scale) > MAX_LN_SCALE,
        terms=terms,
    )


def _terms(view: View) -> tuple[BaseTerm, ...]:
    """Each term of the base scale against its mean over the sessions that the fit has learnt from."""
    f, weights = view.f, view.fit.ensemble.base.weights[1:]
    terms_TP = np.column_stack([f.har_TK, f.leverage_T])
    known = int(np.searchsorted(f.session_returns.dates, np.datetime64(view.fit.cutoff), "right"))
    # A history that begins after the cutoff has no such session: then all of it stands in.
    usual_P = terms_TP[BURN_IN : known if known > BURN_IN else None].mean(axis=0)
    return tuple(
        BaseTerm(name, float(value), float(usual), float(weight * (value - usual)))
        for name, weight, value, usual in zip(_TERMS, weights, terms_TP[-1], usual_P, strict=True)
    )


def _attribution(view: View, config: ExplainConfig, window_LF: Array, sessions: tuple[date, ...]) -> Attribution:
    ensemble, head = view.fit.ensemble, HEADS[config.target]
    unit = LOCATION_UNIT if config.target == "location" else 1.0
    both_LFN = np.stack([window_LF, np.zeros_like(window_LF)], axis=-1)
    correction, average = (float(unit * value) for value in corrections(ensemble.weights, both_LFN, head))
    effect_LF = unit * ATTRIBUTIONS[config.method](ensemble.weights, window_LF, head)
    return Attribution(
        method=config.method,
        target=config.target,
        correction=correction,
        average=average,
        direct=unit * direct(ensemble.weights, window_LF, head),
        remainder=correction - average - float(effect_LF.sum()),
        features=_features(ensemble.standardiser.names, window_LF, effect_LF),
        lags=_lags(sessions, effect_LF),
        names=ensemble.standardiser.names,
        sessions=sessions,
        effects=tuple(tuple(row) for row in effect_LF.tolist()),
    )


def _features(names: tuple[str, ...], window_LF: Array, effect_LF: Array) -> tuple[FeatureEffect, ...]:
    size_F = np.abs(effect_LF).sum(axis=0)
    total = float(size_F.sum()) or 1.0
    found = [
        FeatureEffect(name, float(value), float(effect), float(size), float(size) / total)
        for name, value, effect, size in zip(names, window_LF[-1], effect_LF.sum(axis=0), size_F, strict=True)
    ]
    return tuple(sorted(found, key=lambda feature: -feature.size))


def _lags(sessions: tuple[date, ...], effect_LF: Array) -> tuple[LagEffect, ...]:
    size_L = np.abs(effect_LF).sum(axis=1)
    total = float(size_L.sum()) or 1.0
    newest_first = zip(reversed(sessions), effect_LF.sum(axis=1)[::-1], size_L[::-1], strict=True)
    return tuple(
        LagEffect(lag, session, float(effect), float(size), float(size) / total)
        for lag, (session, effect, size) in enumerate(newest_first)
    )


def _reading(layer: int, name: str, values_SDL: Array, sessions: tuple[date, ...]) -> GateReading:
    mean_L = (np.abs(values_SDL) if name in SIGNED else values_SDL).mean(axis=(0, 1))
    return GateReading(
        layer=layer,
        name=name,
        size=name in SIGNED,
        values=tuple(mean_L.tolist()),
        mean=float(mean_L.mean()),
        lowest=sessions[int(mean_L.argmin())],
        highest=sessions[int(mean_L.argmax())],
    )


def _units(layers: tuple[dict[str, Array], ...], name: str | None) -> tuple[UnitReading, ...]:
    if name is None:
        return ()
    return tuple(
        UnitReading(depth, name, member, unit, tuple(values_L.tolist()))
        for depth, layer in enumerate(layers, start=1)
        for member, values_DL in enumerate(layer[name], start=1)
        for unit, values_L in enumerate(values_DL, start=1)
    )
