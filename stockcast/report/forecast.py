"""Forecasts as text: a table of prices, then what the backtest allows to be said about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stockcast.report.figures import count, percent, price, price_range
from stockcast.report.page import Column, Page, heading, paragraph, render, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from stockcast.results.forecasts import Forecast

_WHO = (Column("ticker", right=False), Column("origin", rank=5, right=False))
_PRICES = (
    Column("target", right=False),
    Column("last close", rank=2),
    Column("median"),
    Column("mean", rank=3),
    Column("50 % interval", rank=1),
    Column("90 % interval"),
    Column("P(up)"),
)
_SERVED = (Column("served by", rank=4, right=False),)


@dataclass(frozen=True)
class _Group:
    """Forecasts of one ticker by one model from one origin."""

    ticker: str
    forecasts: tuple[Forecast, ...]


def forecasts_text(forecasts: Sequence[Forecast], page: Page) -> str:
    """What `predict` shows: one row per source and step; below, each ticker's model, data age and verdict."""
    rows = [[f.ticker, f.origin.isoformat(), *_price_cells(f), f.served_by] for f in forecasts]
    parts = [render([table([*_WHO, *_PRICES, *_SERVED], rows, page)], page)]
    parts += [_footnote(group, page) for group in _groups(forecasts)]
    return "\n".join(parts)


def next_forecast(forecasts: Sequence[Forecast], page: Page) -> Table:
    """The small table at the end of a training: one row per step, without the columns that the header repeats."""
    return table(_PRICES, [_price_cells(forecast) for forecast in forecasts], page)


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
        found.setdefault((forecast.ticker, forecast.model_id, forecast.origin.isoformat()), []).append(forecast)
    return [_Group(members[0].ticker, tuple(members)) for members in found.values()]


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
