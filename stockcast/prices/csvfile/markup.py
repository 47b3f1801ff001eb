"""Markup: JSON that holds prices becomes delimited text; documents of HTML and XML are called what they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone, tzinfo
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from stockcast.errors import DataError
from stockcast.limits import JSON, PRICES, size
from stockcast.prices.csvfile.cells import FileText, too_large
from stockcast.prices.csvfile.formats import SAVE, Table, cell_text, csv_text
from stockcast.prices.csvfile.words import DATE_NAMES, PRICE_NAMES, keys_of

_EXCERPT = 2000
_LONGEST_ERROR = 2000
"""Characters of a provider's answer that says why there are no prices."""
_FEW_ROWS = 5
"""Of a table that names neither dates nor prices; in fewer, anything could be meant."""
_DEEPEST = 8
_QUOTE = ("open", "high", "low", "close", "volume")
_LISTING = ("exchangeName", "exchangeTimezoneName", "instrumentType")
_AGAIN = "Download the prices again."


def markup_text(text: str, label: str, encoding: str) -> FileText | None:
    """The table in JSON: a chart of Yahoo's, and records or columns as pandas and other providers write them.

    Args:
        text: What begins as JSON or HTML does.
        label: What messages call the file.
        encoding: Of the file, in words.

    Returns:
        The table as text; None where the text is no JSON and no document, or as short as an error's answer.

    Raises:
        DataError: For a document, for JSON without a table or with several, and for more of it than is read.
    """
    if text.lstrip()[0] == "<":
        _refuse_documents(text, label)
        return None
    if len(text) > JSON:
        raise too_large(label, f"is JSON of more than {size(JSON)}, the most that is read")
    document = _parsed(text)
    charts = list(_charts(document))
    if len(charts) == 1:
        return _chart_text(charts[0], label, encoding)
    tables = charts or _best(list(_tables(document)))
    if len(tables) == 1:
        return FileText(csv_text([[cell_text(cell) for cell in row] for row in tables[0]]), encoding, "JSON")
    if tables:
        raise DataError(f"{label} is JSON, not CSV, and has {len(tables)} tables", SAVE)
    if document is not None and (not document or len(text) > _LONGEST_ERROR):
        raise DataError(f"{label} is JSON, not CSV, and no table of prices is found in it", SAVE)
    return None


def _refuse_documents(text: str, label: str) -> None:
    """Brokers save tables of HTML and XML under names of Excel; pages without a table are answers to an error."""
    if len(re.findall(r"<tr\b", text[:PRICES], re.IGNORECASE)) > _FEW_ROWS:
        raise DataError(f"{label} is a table in HTML, not CSV", f"Open it in a spreadsheet. {SAVE}")
    if re.search(r"<(?:\w+:)?Workbook\b", text[:_EXCERPT]):
        raise DataError(f"{label} is a workbook in XML, not CSV", f"Open it in a spreadsheet. {SAVE}")


def _parsed(text: str) -> Any:
    """The document, or the list of those that stand one a line; None where it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError):
        return None


def _tables(node: Any, depth: int = 0) -> Iterator[Table]:
    """What in a document is a table, the header first, wherever it stands."""
    found = _table(node)
    telling = {*PRICE_NAMES, *DATE_NAMES} if isinstance(node, list) else PRICE_NAMES
    if found is not None and (len(found) > _FEW_ROWS or _names(telling, found[0])):
        yield found
    elif depth < _DEEPEST and isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node[:_FEW_ROWS]:
            yield from _tables(inner, depth + 1)


def _best(tables: list[Table]) -> list[Table]:
    """Those that name a close, where any does."""
    return [table for table in tables if _names(PRICE_NAMES, table[0])] or tables


def _table(node: Any) -> Table | None:
    if isinstance(node, list) and len(node) > 0:
        if all(isinstance(row, dict) and row for row in node):
            return _records(node)
        if all(isinstance(row, list) and len(row) > 1 and all(map(_is_cell, row)) for row in node):
            return list(node)
    if isinstance(node, dict):
        names, data = node.get("columns", node.get("column_names")), node.get("data")
        if isinstance(names, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
            titles = [str(name.get("name")) if isinstance(name, dict) else str(name) for name in names]
            return _indexed(titles, data, node.get("index"))
        inner = list(node.values())
        if inner and all(isinstance(value, dict) and value and all(map(_is_cell, value.values())) for value in inner):
            of_rows = _names(PRICE_NAMES, inner[0]) and not _names(PRICE_NAMES, node)
            return _indexed_records(node) if of_rows else _columns_of_dicts(node)
        columns = {name: cells for name, cells in node.items() if isinstance(cells, list) and all(map(_is_cell, cells))}
        if len(columns) > 1 and len(set(map(len, columns.values()))) == 1:
            return [list(columns), *map(list, zip(*columns.values(), strict=True))]
    return None


def _is_cell(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _names(words: Iterable[str], header: Iterable[Any]) -> bool:
    return not {*words}.isdisjoint(keys_of(map(str, header)))


def _records(records: Sequence[Mapping[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for record in records for name, cell in record.items() if _is_cell(cell)))
    return [names, *([record.get(name) for name in names] for record in records)]


def _indexed_records(records: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row for each key, as pandas writes with orient="index"."""
    names, *rows = _records(list(records.values()))
    return _indexed(names, rows, list(records))


def _columns_of_dicts(columns: Mapping[str, Mapping[str, Any]]) -> Table:
    """As pandas writes a frame unless it is told otherwise: of each column, cells by the keys of the rows."""
    keys = list(dict.fromkeys(key for cells in columns.values() for key in cells))
    return _indexed(list(columns), [[cells.get(key) for cells in columns.values()] for key in keys], keys)


def _indexed(names: list[str], rows: Sequence[list[Any]], index: Any) -> Table:
    """With the keys of the rows as their dates, unless a column names the dates: then these are numbers of rows."""
    if not isinstance(index, list) or len(index) != len(rows) or _names(DATE_NAMES, names):
        return [names, *rows]
    return [["Date", *names], *([key, *row] for key, row in zip(index, rows, strict=True))]


# Yahoo's chart


def _charts(node: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """What in a document is such a chart: alone, or with others in an answer of one kind or another."""
    if isinstance(node, dict) and isinstance(node.get("meta"), dict) and {"timestamp", "indicators"} & set(node):
        yield node
    elif depth < _DEEPEST and isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node[:_FEW_ROWS]:
            yield from _charts(inner, depth + 1)


def _chart_text(chart: Mapping[str, Any], label: str, encoding: str) -> FileText:
    """Its closes and volumes are adjusted for splits already; each bar is of the day on the clocks of its exchange."""
    from stockcast.prices.exchanges import listed_calendar

    meta = chart["meta"]
    columns = _chart_columns(chart, label)
    zone = _zone(meta)
    if zone is None:
        raise DataError(
            f"{label} is JSON, not CSV: a chart of Yahoo's that does not say the time zone of its exchange",
            "Save the prices as CSV with the days of the exchange, or the chart with all of its meta.",
        )
    try:
        columns["Date"] = [str(datetime.fromtimestamp(stamp, zone)) for stamp in columns["Date"]]
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise DataError(f"{label} is a chart of Yahoo's with a time that is none: {error}", _AGAIN) from error
    calendar = listed_calendar(*(str(meta.get(key) or "") for key in _LISTING))
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    text = csv_text([[cell_text(cell) for cell in row] for row in rows])
    return FileText(text, encoding, "JSON of Yahoo's chart", None if calendar.guessed else calendar.name)


def _chart_columns(chart: Mapping[str, Any], label: str) -> dict[str, list[Any]]:
    """The columns under Yahoo's names, the dates as stamps."""
    indicators = chart.get("indicators")
    quote, adjusted = (_first(indicators, name) for name in ("quote", "adjclose"))
    named = {"Date": chart.get("timestamp"), **{name.capitalize(): quote.get(name) for name in _QUOTE}}
    named["Adj Close"] = adjusted.get("adjclose")
    columns = {name: cells for name, cells in named.items() if isinstance(cells, list)}
    if not {"Date", "Close"} <= set(columns):
        raise DataError(f"{label} is a chart of Yahoo's without prices", _AGAIN)
    if len(set(map(len, columns.values()))) > 1 or not all(map(_is_cell, chain(*columns.values()))):
        raise DataError(f"{label} is a chart of Yahoo's with columns that do not belong together", _AGAIN)
    return columns


def _first(indicators: Any, name: str) -> Mapping[str, Any]:
    found = indicators.get(name) if isinstance(indicators, dict) else None
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}


def _zone(meta: Mapping[str, Any]) -> tzinfo | None:
    name, offset = meta.get("exchangeTimezoneName"), meta.get("gmtoffset")
    if isinstance(name, str):
        with suppress(KeyError, ValueError, OSError):
            return ZoneInfo(name)
    if isinstance(offset, int) and abs(offset) < 86_400:
        return timezone(timedelta(seconds=offset))
    return None
