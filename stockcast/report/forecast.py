"""Forecasts as text: a table of prices, then what the backtest allows to be said about them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from stockcast.report.drawing import heights, newest
from stockcast.report.figures import count, percent, price, price_range
from stockcast.report.page import Column, Page, heading, paragraph, render, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from stockcast.results.forecasts import Forecast

_WHO = (Column("ticker", right=False), Column("origin", rank=6, right=False))
_PRICES = (
    Column("target", right=False),
    Column("last close", rank=2),
    Column("median"),
    Column("mean", rank=4),
    Column("50 % interval", rank=1),
    Column("90 % interval"),
    Column("P(up)"),
)
_SERVED = (Column("served by", rank=5, right=False),)

_PICTURE_RANK = 3
_PICTURE = (Column("closes", rank=_PICTURE_RANK, right=False), Column("5-95 %", rank=_PICTURE_RANK, right=False))
_FAN = ("0.05", "0.25", "0.5", "0.75", "0.95")
_MOST, _ENOUGH, _LEAST = 24, 12, 6  # characters for the closes


@dataclass(frozen=True)
class _Group:
    """Forecasts of one ticker by one model from one origin."""

    ticker: str
    forecasts: tuple[Forecast, ...]


def forecasts_text(forecasts: Sequence[Forecast], page: Page) -> str:
    """What `predict` shows: one row per source and step; below, each ticker's model, data age and verdict."""
    rows = [[f.ticker, f.origin.isoformat(), *_price_cells(f), f.served_by] for f in forecasts]
    parts = [render([_pictured((*_WHO, *_PRICES, *_SERVED), rows, forecasts, page)], page)]
    parts += [_footnote(group, page) for group in _groups(forecasts)]
    return "\n".join(parts)


def next_forecast(forecasts: Sequence[Forecast], page: Page) -> Table:
    """The small table at the end of a training: one row per step, without the columns that the header repeats."""
    return _pictured(_PRICES, [_price_cells(forecast) for forecast in forecasts], forecasts, page)


def _pictured(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], forecasts: Sequence[Forecast], page: Page
) -> Table:
    """The table; where there is room, each row ends with a drawing of the newest closes and of the forecast's fan."""
    length = _length(columns, rows, page) if any(forecast.recent_closes for forecast in forecasts) else 0
    if not length:
        return table(columns, rows, page)
    pictures = _pictures(forecasts, length, page)
    drawn = table([*columns, *_PICTURE], [[*row, *picture] for row, picture in zip(rows, pictures, strict=True)], page)
    past, fan = drawn.columns[-len(_PICTURE) :]
    past.style, fan.style = "dim", "bold"
    return drawn


def _length(columns: Sequence[Column], rows: Sequence[Sequence[str]], page: Page) -> int:
    """How many characters the page has for the closes, at most `_MOST`; 0 where they are too few to be worth it.

    Columns of higher rank than the drawing make room for it, one by one, until there are enough.
    """
    from rich.cells import cell_len

    widths = [max(map(cell_len, (column.title, *cells))) for column, *cells in zip(columns, *rows, strict=True)]
    room = 0
    for rank in sorted({_PICTURE_RANK, *(c.rank for c in columns if c.rank > _PICTURE_RANK)}, reverse=True):
        kept = [width for column, width in zip(columns, widths, strict=True) if column.rank <= rank]
        room = page.width - sum(kept) - cell_len(_PICTURE[1].title) - len(kept) - 1
        if room >= _ENOUGH:
            break
    return min(room, _MOST) if room >= _LEAST else 0


def _pictures(forecasts: Sequence[Forecast], length: int, page: Page) -> list[tuple[str, str]]:
    """Each forecast's closes and fan, on one scale for all steps of a ticker; nothing where closes are not known."""
    pasts = [newest(forecast.recent_closes, length) for forecast in forecasts]
    fans = [[forecast.quantiles[level] for level in _FAN] for forecast in forecasts]
    scales: dict[tuple[str, str, str], list[float]] = {}
    for forecast, past, fan in zip(forecasts, pasts, fans, strict=True):
        scales.setdefault(_key(forecast), []).extend((*past, *fan))
    pictures = []
    for forecast, past, fan in zip(forecasts, pasts, fans, strict=True):
        scale = scales[_key(forecast)]
        drawable = past and all(map(isfinite, scale))
        low, high = min(scale), max(scale)
        pictures.append((heights(past, low, high, page), heights(fan, low, high, page)) if drawable else ("", ""))
    return pictures


def _price_cells(forecast: Forecast) -> list[str]:
    quantiles = forecast.quantiles
    return [
        forecast.target_session.isoformat(),
        price(forecast.last_close),
        price(forecast.median),
        price(forecast.mean),
        price_range(quantiles["0.25"], quantiles["0.75"]),
        price_range(quantiles["0.05"], quantiles["0.95"]),
        percent(forecast.p_up, 1),
    ]


def _groups(forecasts: Sequence[Forecast]) -> list[_Group]:
    found: dict[tuple[str, str, str], list[Forecast]] = {}
    for forecast in forecasts:
        found.setdefault(_key(forecast), []).append(forecast)
    return [_Group(members[0].ticker, tuple(members)) for members in found.values()]


def _key(forecast: Forecast) -> tuple[str, str, str]:
    return forecast.ticker, forecast.model_id, forecast.origin.isoformat()


def _footnote(group: _Group, page: Page) -> str:
    first = group.forecasts[0]
    currency = f" {first.currency}" if first.currency else ""
    facts = (
        f"last close {price(first.last_close)}{currency} on {first.origin}, {age(first.data_age_sessions)}; "
        f"model {first.model} ({first.cell}), served by {first.served_by}"
    )
    words = [facts, *_calibration_words(first), first.verdict]
    return render([heading(group.ticker), *(paragraph(sentence, page) for sentence in words)], page)


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


def age(sessions: int) -> str:
    """How far the newest bar is behind its exchange, in words."""
    return "the newest session" if sessions == 0 else f"{count(sessions, 'session')} old"
