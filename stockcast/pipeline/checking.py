"""Checking: how price files are read, before anything is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stockcast.config.sources import ReadOptions
from stockcast.errors import DataError
from stockcast.pipeline.series import OpenedFile
from stockcast.pipeline.source import PriceSource, is_ticker
from stockcast.prices.adjustments import tick_at
from stockcast.prices.events import UNKNOWN
from stockcast.prices.exchanges import ZONES
from stockcast.prices.history import Caution, Dates, History, counted
from stockcast.prices.sessionfit import session_fit
from stockcast.results import CheckedFile, SomeDays, SomeRows

if TYPE_CHECKING:
    from stockcast.prices.csvfile import PriceFile

_NAMED = 20
"""Days and rows that are named; the others are counted."""


def check(source: str, read: ReadOptions) -> CheckedFile:
    """Say how a file of prices is read. Nothing is saved, and no model is asked for.

    Args:
        source: A file, or `-` for standard input.
        read: What the file does not say of itself.

    Returns:
        Its format, columns, dates and exchange, what is left out of it and what is repaired.

    Raises:
        DataError: It cannot be read, or its prices cannot be used.
        ConfigError: The exchange is unknown.
    """
    if is_ticker(source):
        raise DataError(f"{source} is a ticker, and check is for files", f"name a file, such as {source}.csv")
    door = PriceSource(read=read)
    opened = door.opened(source)
    series, file = door.with_events(door.listed(opened)), opened.file
    history, table = series.history, file.table
    fit = session_fit(history.dates, series.calendar)
    columns = file.layout.taken(table)
    date_column = columns.pop("date")
    return CheckedFile(
        source=source,
        ticker=history.ticker,
        form=table.form,
        encoding=table.encoding,
        delimiter=table.delimiter if table.form.startswith("CSV") else "",
        date_column=date_column,
        date_form=file.dates.form,
        date_example=file.dates.example,
        days=_days(opened),
        columns=columns,
        unread=tuple(name for name in table.names if name.strip() and name not in {date_column, *columns.values()}),
        exchange=series.exchange,
        exchange_reason="as --exchange says" if read.exchange else opened.listing.why or "as nothing says otherwise",
        bars=len(history),
        first=history.first,
        last=history.last,
        missing=_some_days(fit.missing),
        extra=_some_days(fit.extra),
        left_out=tuple(SomeRows(rows.reason, len(rows.rows), rows.rows[:_NAMED]) for rows in file.left_out),
        splits=_splits(file),
        tick=float(f"{tick_at(history, len(history) - 1):.6g}") or None,
        warnings=series.warnings,
        notes=(*(note for note in history.notes if not isinstance(note, Caution)), *_reports(history)),
        read_with=read.typed,
    )


def _days(opened: OpenedFile) -> str:
    """Of what days the bars are."""
    dates, listing = opened.dates, opened.listing
    if dates.instants is None:
        return "days as they are written" if dates.offset is None else f"days as they are written, at {dates.offset}"
    zone = ZONES.get(listing.calendar.exchange)
    if listing.strayed or zone is None:
        return f"days as they are written, at {dates.offset}"
    return f"moments, at {dates.offset}, of the days on the clock of {zone}"


def _reports(history: History) -> list[str]:
    """What the file of its reports has."""
    if history.events is None:
        return []
    dates = history.events.newest
    known = sum(when != UNKNOWN for when in dates.whens)
    return [
        f"{counted(len(dates), 'date')} of reports from {dates.days[0]} to {dates.days[-1]}, {known} with their hour"
    ]


def _some_days(days: Dates) -> SomeDays:
    return SomeDays(len(days), tuple(days[:_NAMED].astype(object).tolist()))


def _splits(file: PriceFile) -> dict[str, float]:
    """The splits that the file states, by session."""
    splits = file.raw.splits
    if splits is None:
        return {}
    at = np.flatnonzero((splits > 0) & (splits != 1) & np.isfinite(splits))
    return {str(file.raw.dates[row]): float(splits[row]) for row in at.tolist()}
