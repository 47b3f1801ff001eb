"""Forecasts as text: a table of prices, then what the backtest allows to be said about them."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from stockcast.forecasts import told_by
from stockcast.report.tables import Column, Table, count, number, percent, price, price_range
from stockcast.report.text import Block, Heading, Page, heights, newest, render_all, widths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from stockcast.forecasts import Forecast, ForecastEvent

_PICTURE_RANK = 3
_FAN = ("0.05", "0.25", "0.5", "0.75", "0.95")
_MOST, _ENOUGH, _LEAST = 24, 12, 6  # characters for the closes


def interval_90(forecast: Forecast) -> tuple[float, float]:
    """The central 90 % interval, in price."""
    return forecast.quantiles["0.05"], forecast.quantiles["0.95"]


_WHO: tuple[Column[Forecast], ...] = (
    Column("ticker", lambda f: f.ticker, align="left"),
    Column("origin", lambda f: f.origin, rank=6, align="left"),
)
_PRICES: tuple[Column[Forecast], ...] = (
    Column("target", lambda f: f.target_session, align="left"),
    Column("last close", lambda f: f.last_close, price, rank=2),
    Column("median", lambda f: f.median, price),
    Column("mean", lambda f: f.mean, price, rank=4),
    Column("50 % interval", lambda f: (f.quantiles["0.25"], f.quantiles["0.75"]), price_range, rank=1),
    Column("90 % interval", interval_90, price_range),
    Column("P(up)", lambda f: f.p_up, percent),
)
_SERVED: tuple[Column[Forecast], ...] = (Column("served by", lambda f: f.served_by, rank=5, align="left"),)


def forecasts_text(forecasts: Sequence[Forecast], page: Page) -> str:
    """What `predict` shows: one row per source and step; below, each ticker's model, data age and verdict."""
    groups: dict[tuple[str, str, str], list[Forecast]] = {}
    for forecast in forecasts:
        groups.setdefault(_key(forecast), []).append(forecast)
    rows = _pictured((*_WHO, *_PRICES, *_SERVED), forecasts, page)
    return render_all([[rows], *(_footnote(members) for members in groups.values())], page)


def next_forecast(forecasts: Sequence[Forecast], page: Page) -> Table[Forecast]:
    """The small table at the end of a training: one row per step, without the columns that the header repeats."""
    return _pictured(_PRICES, forecasts, page)


def age(sessions: int) -> str:
    """How far the newest bar is behind its exchange, in words."""
    return "the newest session" if sessions == 0 else f"{count(sessions, 'session')} old"


def events_words(forecasts: Sequence[Forecast], who: str = "") -> list[str]:
    """A sentence for each step whose target session reacts to a report; who: its subject, where there is no heading."""
    return [event_words(f.event, f.target_session, f.served_by, who) for f in forecasts if f.event is not None]


def event_words(event: ForecastEvent, target: date, forecaster: str, who: str = "") -> str:
    """When the company reports, who told that, and what the forecaster's interval makes of it."""
    day = f"{_HOURS[event.when]} {event.day} ({told_by(event.source, event.as_of)})"
    likely = ""
    if len(event.sessions) > 1:
        likely = f"{target} reacts to it with {percent(event.probability, 0)} probability, and "
    if event.width_factor == 1.0:
        width = f"the interval for {target} knows nothing of it, since {forecaster} looks at no dates of reports"
    else:
        digits = 1 if event.width_factor >= _ONE_DIGIT else 2
        wide = f"{number(event.width_factor, digits)} times as wide as without that date"
        width = f"{'its interval' if likely else f'the interval for {target}'} is {wide}"
    return f"{f'{who} reports' if who else 'Reports'} {day}: {likely}{width}."


_HOURS = {"bmo": "before the open of", "amc": "after the close of", "unknown": "at an unknown hour of"}
_ONE_DIGIT = 1.5


def _pictured(columns: tuple[Column[Forecast], ...], forecasts: Sequence[Forecast], page: Page) -> Table[Forecast]:
    """The table; where there is room, each row ends with a drawing of the newest closes and of the forecast's fan."""
    table = Table(columns, tuple(forecasts))
    length = _length(table, page) if any(forecast.recent_closes for forecast in forecasts) else 0
    return Table((*columns, *_pictures(forecasts, length, page)), table.rows) if length else table


def _length(table: Table[Forecast], page: Page) -> int:
    """How many characters the page has for the closes, at most `_MOST`; 0 where they are too few to be worth it.

    Columns of higher rank than the drawing make room for it, one by one, until there are enough.
    """
    needed = list(zip(table.columns, widths(table.columns, table.cells), strict=True))
    room = 0
    for rank in sorted({_PICTURE_RANK, *(c.rank for c, _ in needed if c.rank > _PICTURE_RANK)}, reverse=True):
        kept = [width for column, width in needed if column.rank <= rank]
        room = page.width - sum(kept) - len(_FAN_TITLE) - len(kept) - 1
        if room >= _ENOUGH:
            break
    return min(room, _MOST) if room >= _LEAST else 0


_FAN_TITLE = "5-95 %"


def _pictures(forecasts: Sequence[Forecast], length: int, page: Page) -> tuple[Column[Forecast], ...]:
    """Each forecast's closes and fan, on one scale for all steps of a ticker; nothing where closes are not known."""

    def past(forecast: Forecast) -> list[float]:
        return newest(forecast.recent_closes, length)

    def fan(forecast: Forecast) -> list[float]:
        return [forecast.quantiles[level] for level in _FAN]

    scales: dict[tuple[str, str, str], list[float]] = {}
    for forecast in forecasts:
        scales.setdefault(_key(forecast), []).extend((*past(forecast), *fan(forecast)))

    def drawn(values: Callable[[Forecast], list[float]]) -> Callable[[Forecast], str]:
        def draw(forecast: Forecast) -> str:
            scale = scales[_key(forecast)]
            if not forecast.recent_closes or not all(map(isfinite, scale)):
                return ""
            return heights(values(forecast), min(scale), max(scale), page)

        return draw

    return (
        Column("closes", drawn(past), rank=_PICTURE_RANK, align="left", style="dim"),
        Column(_FAN_TITLE, drawn(fan), rank=_PICTURE_RANK, align="left", style="bold"),
    )


def _key(forecast: Forecast) -> tuple[str, str, str]:
    return forecast.ticker, forecast.model_id, forecast.origin.isoformat()


def _footnote(steps: Sequence[Forecast]) -> list[Block]:
    """What is true of all steps of a ticker, and to which of them a report matters."""
    first = steps[0]
    currency = f" {first.currency}" if first.currency else ""
    facts = (
        f"last close {price(first.last_close)}{currency} on {first.origin}, {age(first.data_age_sessions)}; "
        f"model {first.model} ({first.cell}), served by {first.served_by}"
    )
    words = *_calibration_words(first), *events_words(steps), first.verdict, *position_words(steps)
    return [Heading(first.ticker), facts, *words]


def position_words(steps: Sequence[Forecast]) -> list[str]:
    """What a policy holds until the next close, beside what its past allows to be said; nothing without a policy."""
    held = [step.policy for step in steps if step.policy is not None]
    position = "Position until the next close: {} of the capital. {}"
    return [position.format(percent(one.position, signed=True), one.sentence) for one in held]


def _calibration_words(forecast: Forecast) -> list[str]:
    """How the live record moved the interval, where it has one."""
    known = forecast.calibration
    if not known or not known["settled"]:
        return []
    change = float(known["factor"]) - 1.0
    moved = (
        "as wide as" if abs(change) < 0.0005 else f"{percent(abs(change))} {'wider' if change > 0 else 'narrower'} than"
    )
    return [f"intervals {moved} the model's own, by {count(int(known['settled']), 'settled live forecast')}"]
