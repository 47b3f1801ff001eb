"""Rows: which rows of a file are no bars, such as dividends, summaries and a header that comes again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.csvfile.cells import FileTable
from stockcast.prices.csvfile.dates import looks_like_date
from stockcast.prices.csvfile.numbers import NumberColumn
from stockcast.prices.csvfile.words import header_key

HEADER, EVENT, REMARK, ZEROS, CUT = (
    "of the header again",
    "of dividends or splits",
    "of summaries or remarks",
    "of zeros",
    "cut off at the end of the file",
)
"""Why a row is no bar."""

_MOST_UNDATED = 0.05
"""Share of rows without a date that may be left out; more mean that the column of dates is another."""
_NAMED = 3
_EDGE = 3
"""Rows at the head and the end of a table, where summaries stand."""

# fmt: off
_EVENT = re.compile(
    r"divid|split|dividend|utdelning|utbytte|udbytte|osinko|dywidend|temett|capital gain|spin-?off|rights issue|bonus|"
    r"desdobramento|división|division|divisão|股利|派息|拆分|股票分割|grupamento|fraccionamiento|fractionnement|frazionamento|배당|분할|配当|分割|股息|分红|拆股|除权|除息|дивиденд|сплит",
    re.IGNORECASE,
)
_CLOSED = re.compile(
    r"holiday|closed|no trad|not trad|suspend|halt|feiertag|ausgesetzt|geschlossen|férié|fermé|suspendu|feriado|"
    r"festivo|cerrado|fechado|sospes|chiuso|休日|休場|休市|停牌|휴장|거래정지|выходной",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"\W*(?:average|avg|mean|median|total|sum|min|max|minimum|maximum|highest|lowest|high|low|count|stdev|std|change|"
    r"difference|source|note|notes|summary|data|last updated|updated|as of|copyright|©|mittelwert|durchschnitt|summe|"
    r"gesamt|quelle|stand|moyenne|total|promedio|media|suma|fuente|fonte|média|合計|平均|最高|最低|합계|평균|итого|среднее)"
    r"\b",
    re.IGNORECASE,
)
# fmt: on
_BETWEEN = re.compile(r"\s(?:-|–|—|to|bis|al?|à)\s|[~→]", re.IGNORECASE)  # noqa: RUF001 - all dashes
_DIGIT, _LETTER = re.compile(r"\d"), re.compile(r"[^\W\d_]")

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class OtherRows:
    """Rows of a file that are no bars.

    Attributes:
        reason: Why.
        rows: Which ones, counted from 1, header included.
    """

    reason: str
    rows: tuple[int, ...]

    def __str__(self) -> str:
        named = ", ".join(map(str, self.rows[:_NAMED]))
        more = f" and {len(self.rows) - _NAMED} more" if len(self.rows) > _NAMED else ""
        return f"{len(self.rows)} {self.reason} (row{'s' if len(self.rows) > 1 else ''} {named}{more})"


def told(left_out: Sequence[OtherRows]) -> str:
    """One sentence on all the rows that were left out."""
    count = sum(len(some.rows) for some in left_out)
    what = "1 row that is no bar was" if count == 1 else f"{count} rows that are no bars were"
    return f"{what} left out: {', '.join(map(str, left_out))}."


def no_bars(table: FileTable, date_at: int, numbers: Mapping[str, NumberColumn]) -> dict[int, str]:
    """The rows of a table that are no bars: their positions, each with its reason. Dates are not read yet.

    Args:
        table: The rows.
        date_at: The position of the column of dates.
        numbers: What is read of its columns, by what they are; the close comes first.
    """
    prices = [column for name, column in numbers.items() if name not in ("volume", "splits")]
    blank: Mask = np.all([np.isnan(column.values) for column in prices], axis=0)
    found = _of_blanks(table, blank) | _by_dates(table, date_at, blank) | _by_words(prices)
    if len(table) - 1 not in found and _ends_within(table, numbers):
        found[len(table) - 1] = CUT
    return found


def grouped(table: FileTable, found: Mapping[int, str]) -> tuple[OtherRows, ...]:
    """What is found, by reasons."""
    reasons = dict.fromkeys(found[at] for at in sorted(found))
    rows = table.rows.tolist()
    return tuple(OtherRows(why, tuple(rows[at] for at in sorted(found) if found[at] == why)) for why in reasons)


def all_zero(prices: Sequence[NumberColumn]) -> Mask:
    """The rows whose prices are all 0, as some providers fill the days on which a company is halted."""
    zero: Mask = prices[0].values == 0
    for column in prices[1:]:
        zero &= (column.values == 0) | np.isnan(column.values)
    return zero if 2 * zero.sum() <= len(zero) else np.zeros(len(zero), dtype=bool)


def _by_words(prices: Sequence[NumberColumn]) -> dict[int, str]:
    """Rows in which words stand where prices should."""
    unreadable = [column.unreadable for column in prices if column.unreadable is not None]
    found: dict[int, str] = {}
    if not unreadable:
        return found
    for at in np.flatnonzero(np.any(unreadable, axis=0)).tolist():
        reason = _reason(prices, at)
        if reason is not None:
            found[at] = reason
    # Most rows are what the column is: where these are words, the column is none of prices.
    return found if 2 * sum(why == REMARK for why in found.values()) <= len(prices[0].values) else {}


def _reason(prices: Sequence[NumberColumn], at: int) -> str | None:
    words = [(c.column.name, c.column.cells[at]) for c in prices if c.unreadable is not None and c.unreadable[at]]
    if any(header_key(name) == header_key(cell) for name, cell in words):
        return HEADER
    if any(_EVENT.search(cell) for _, cell in words):
        return EVENT
    known = sum(not np.isnan(column.values[at]) for column in prices)
    if np.isnan(prices[0].values[at]) and known <= (len(prices) - 1) // 2:
        several = len(prices) > 1
        return REMARK if several or any(_CLOSED.search(cell) for _, cell in words) else None
    return None


def _of_blanks(table: FileTable, blank: Mask) -> dict[int, str]:
    """Rows without a price that say why in another column."""
    found: dict[int, str] = {}
    for at in np.flatnonzero(blank).tolist():
        words = " ".join(cells[at] for cells in table.columns if not isinstance(cells, np.ndarray))
        if _EVENT.search(words) or _CLOSED.search(words):
            found[at] = EVENT if _EVENT.search(words) else REMARK
    return found


def _by_dates(table: FileTable, date_at: int, blank: Mask) -> dict[int, str]:
    """Rows without a date: the cell is blank or has no digit, or it is prose."""
    cells = table.columns[date_at]
    if isinstance(cells, np.ndarray):
        return {}
    edges = {*range(_EDGE), *range(len(cells) - _EDGE, len(cells))}
    found = {at: REMARK for at, cell in enumerate(cells) if _is_undated(cell, blank[at] or at in edges)}
    few = len(found) <= max(_NAMED, _MOST_UNDATED * len(cells)) and 2 * len(found) <= len(cells)
    return found if few else {}


def _is_undated(cell: str, doubtful: bool) -> bool:
    """Whether a cell has no digit or begins as summaries do, or where it is doubtful has letters and is no date."""
    if not _DIGIT.search(cell) or _SUMMARY.match(cell):
        return True
    return doubtful and not looks_like_date(cell) and (_LETTER.search(cell) is not None or _is_span(cell))


def _is_span(cell: str) -> bool:
    """Whether there are two dates in a cell."""
    parts = _BETWEEN.split(cell)
    return len(parts) == 2 and all(looks_like_date(part.strip()) for part in parts)


def _ends_within(table: FileTable, numbers: Mapping[str, NumberColumn]) -> bool:
    """Whether the last row was cut off: in the middle, or in the middle of its last cell."""
    if table.unended is None or table.rows[-1] != table.unended:
        return False
    if table.cut:
        return True
    last = table.columns[-1]
    found = [name for name, column in numbers.items() if column.column.cells is last]
    return bool(found) and len(table) > _NAMED and _cell_is_cut(found[0], numbers)


def _cell_is_cut(name: str, numbers: Mapping[str, NumberColumn]) -> bool:
    """Whether the last cell of a column lacks its end: a unit, decimals, or digits without which it is impossible."""
    column = numbers[name]
    if column.unreadable is not None and column.unreadable[-1]:
        return True
    *before, last = (str(cell).strip() for cell in column.column.cells)
    others = [cell for cell in before if cell]
    if not last:
        return len(others) == len(before)
    if not others or np.isnan(column.values[-1]):
        return False
    if _decimals(last) < min(map(_decimals, others)):
        return True
    return len(last) < min(map(len, others)) and not _is_possible(name, numbers)


def _decimals(cell: str) -> int:
    """Characters after the last mark of a number."""
    return len(cell) - 1 - max(cell.rfind("."), cell.rfind(",")) if "." in cell or "," in cell else 0


_PLAUSIBLE, _ROUNDING = 1.2, 1.005


def _is_possible(name: str, numbers: Mapping[str, NumberColumn]) -> bool:
    """Whether the last value of a column may be what it is, beside the others of its row or of the row before."""
    values = numbers[name].values
    if name == "volume":
        return bool(values[-1] * 10 >= np.nanmin(values[:-1]))
    high, low = (numbers[side].values[-1] if side in numbers and side != name else np.nan for side in ("high", "low"))
    if name in ("close", "open") and high >= low:
        return bool(low / _ROUNDING <= values[-1] <= high * _ROUNDING)
    return bool(values[-2] / _PLAUSIBLE <= values[-1] <= values[-2] * _PLAUSIBLE)


def kept_of(table: FileTable, found: Mapping[int, Any]) -> NDArray[np.intp]:
    """The positions of the other rows."""
    kept = np.ones(len(table), dtype=bool)
    kept[list(found)] = False
    return np.flatnonzero(kept)
