"""Why a model's network forecasts what it does, from one origin: frozen, for `report` to render."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stockcast.forecasts import ForecastEvent


@dataclass(frozen=True)
class FeatureEffect:
    """One feature over the whole window.

    value: at the origin, in standard deviations from the training mean. effect: its attributions summed over the lags.
    size: the sum of their absolute values. share: of all features' size.
    """

    name: str
    value: float
    effect: float
    size: float
    share: float


@dataclass(frozen=True)
class LagEffect:
    """One session of the window, `lag` sessions before the origin; effect, size and share as of a feature."""

    lag: int
    session: date
    effect: float
    size: float
    share: float


@dataclass(frozen=True)
class BaseTerm:
    """One term of the base scale.

    value: at the origin. usual: its mean up to the fit's cutoff. effect: what the difference does to ln scale.
    """

    name: str
    value: float
    usual: float
    effect: float


@dataclass(frozen=True)
class GateReading:
    """One gate or state of one layer over the window, oldest session first: mean over units and members.

    size: the mean is of absolute values, because the sign of a unit is arbitrary. lowest, highest: where the mean is.
    """

    layer: int
    name: str
    size: bool
    values: tuple[float, ...]
    mean: float
    lowest: date
    highest: date


@dataclass(frozen=True)
class UnitReading:
    """The same of one unit of one member, with its sign."""

    layer: int
    name: str
    member: int
    unit: int
    values: tuple[float, ...]


@dataclass(frozen=True)
class Subject:
    """Whose forecast is explained.

    members: networks of the ensemble. served_by: what `predict` shows; where it is a baseline, the network's
    correction is not in the forecast. cutoff: the last session that the explained fit has learnt from.
    """

    ticker: str
    model: str
    model_id: str
    cell: str
    members: int
    served_by: str
    origin: date
    target_session: date
    cutoff: date


@dataclass(frozen=True)
class Width:
    """Where the network's scale of the next log return comes from.

    usual: the base scale at the usual value of its terms; base: at today's; scale: with the network's correction, and
    with what the dates of reports say. base_effect: ln(base / usual). network_effect, event_effect: of the correction
    and of the dates, in ln(scale / base). base_share, network_share, event_share: of the sum of their absolute values.
    limited: the correction is at the bound that networks are held to.
    """

    usual: float
    base: float
    scale: float
    base_effect: float
    network_effect: float
    event_effect: float
    base_share: float
    network_share: float
    event_share: float
    limited: bool
    terms: tuple[BaseTerm, ...]


@dataclass(frozen=True)
class Attribution:
    """One correction of the network, shared out over features and sessions.

    correction: of the target: scale: to ln scale; location: to the centre, in base scales; nu: to ln(nu - 2.05).
    average: the network's correction for a window of training means. correction = average + sum of effects +
    remainder; of integrated gradients, the remainder is numerical. direct: what the linear skip makes of the
    origin's features, without the memory. features, lags: the largest size first, the newest session first.
    effects: a row for each of `sessions`, oldest first, a column for each of `names`.
    """

    method: str
    target: str
    correction: float
    average: float
    direct: float
    remainder: float
    features: tuple[FeatureEffect, ...]
    lags: tuple[LagEffect, ...]
    names: tuple[str, ...]
    sessions: tuple[date, ...]
    effects: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Explanation:
    """Why a model's network corrects the base scale as it does, from one origin, and what its gates did.

    units: the readings of one gate unit by unit, where they were asked for. event: the report that the target session
    reacts to, or may, and what the network makes of it; None where none is known.
    """

    subject: Subject
    width: Width
    attribution: Attribution
    gates: tuple[GateReading, ...]
    units: tuple[UnitReading, ...] = ()
    event: ForecastEvent | None = None
