"""Date formats: what `--date-format` says of a column, and which format would say it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, permutations

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.csvfile.cells import FileColumn
from stockcast.prices.csvfile.datereading import DateReading, not_ahead

LONGEST = 100
"""Letters of a date at most: browsers write the longest, with a zone in words."""

_DASHES = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212\u2019\u2018`", "------'''")
_PIECES = re.compile(r"\d+|[a-z]+|[^\da-z]", re.IGNORECASE | re.ASCII)
_DIRECTIVES = {
    "%b": "january february march april may june july august september october november december",
    "%a": "monday tuesday wednesday thursday friday saturday sunday",
    "%p": "am pm",
}
_BY_DAY = ("%Y-%j", "%Y/%j", "%Y.%j")
_CLOCKS = ("%H", "%I", "%c", "%X")
_FORMULA = re.compile(r'="(.*)"')


def plain_cell(cell: str) -> str:
    """A cell in ordinary letters and single blanks, without what keeps a spreadsheet from reading it as a date."""
    text = cell.strip()
    if not text.isascii():
        from unicodedata import normalize

        text = normalize("NFKC", text).translate(_DASHES)
    if "  " in text or "\t" in text or "\n" in text:
        text = " ".join(text.split())
    if text[:1] in {"'", '"', "="}:
        formula = _FORMULA.fullmatch(text)
        text = (formula[1] if formula else text).strip("'\"").strip()
    return text


def by_format(form: str, cells: Sequence[str]) -> DateReading:
    """The cells by a format as for strptime. Raises ValueError; its last argument is the cell's index."""
    found = [_moment(form, cell, index) for index, cell in enumerate(cells)]
    walls = np.array([moment.replace(tzinfo=None) for moment in found], dtype="datetime64[s]")
    days = walls.astype("datetime64[D]")
    times, days = walls - days, not_ahead(days) if "%y" in form else days
    offsets = [moment.strftime("%z") for moment in found]
    instants = None
    if all(offsets):
        ahead = [int((moment.utcoffset() or timedelta()).total_seconds()) for moment in found]
        instants = days.astype("datetime64[s]") + times - np.array(ahead).astype("timedelta64[s]")
    timed = instants is not None or any(directive in form for directive in _CLOCKS)
    offset = Counter(offsets).most_common(1)[0][0] or None
    return DateReading(days, form, times=times if timed else None, instants=instants, offset=offset)


def _moment(form: str, cell: str, index: int) -> datetime:
    try:
        return datetime.strptime(cell.strip(), form)  # noqa: DTZ007 - the day as it is written
    except (ValueError, LookupError, OverflowError, re.error) as error:
        try:
            return datetime.strptime(plain_cell(cell), form)  # noqa: DTZ007
        except (ValueError, LookupError, OverflowError, re.error):
            raise ValueError(str(error), index) from error


def format_of(column: FileColumn, reading: DateReading, at: NDArray[np.intp] | None = None) -> str | None:
    """What `--date-format` may say for a reading of the cells, or of those at some positions; None where nothing does.

    Readings that no format of strptime can say are said by their words.
    """
    if "%" not in reading.form:
        return reading.form
    positions = range(len(reading.days)) if at is None else at.tolist()
    cells, days = [written_cell(column, index) for index in positions], reading.days[list(positions)]
    for form in spellings(reading.form):
        try:
            found = by_format(form, cells)
        except ValueError:
            continue
        if np.array_equal(found.days, days):
            return form
    return None


def guessed(cells: Sequence[str]) -> list[DateReading]:
    """The readings of cells in no known form by formats that the first one suggests and that read them all."""
    found: list[DateReading] = []
    if len(cells[0]) > LONGEST:
        return found
    for form in chain.from_iterable(map(spellings, _guesses(cells[0].strip()))):
        try:
            found.append(by_format(form, cells))
        except ValueError:
            continue
    return found


def written_cell(column: FileColumn, index: int) -> str:
    """The cell at an index as text."""
    cell = column.cells[index]
    return cell if isinstance(cell, str) else f"{cell:.0f}" if isinstance(cell, np.floating) else str(cell)


def option(form: str) -> str:
    """The option that names a format, as it is to be typed."""
    typed = all(letter.isalnum() or letter in "%-/.:_+" for letter in form)
    return f"--date-format {form}" if typed else f'--date-format "{form}"'


def spelled(match: re.Match[str], directives: Mapping[str, str]) -> str:
    """The text of a match as a format: each group that has a directive is that, what stands between is itself."""
    form, at = "", 0
    spans = sorted((*match.span(group), directive) for group, directive in directives.items() if match[group])
    for start, end, directive in spans:
        form += match.string[at:start].replace("%", "%%") + directive
        at = end
    return form + match.string[at:].replace("%", "%%")


def spellings(form: str) -> Iterable[str]:
    """A format, and the same with names of months and weekdays written out or cut: May is either."""
    cut = form.replace("%B", "%b").replace("%A", "%a")
    return dict.fromkeys(
        (form, cut, cut.replace("%b", "%B"), cut.replace("%a", "%A"), cut.replace("%b", "%B").replace("%a", "%A"))
    )


def _guesses(cell: str) -> Iterator[str]:
    """Formats that may read a date in no known form, such as #2024:01:18#: its numbers in any order of day and month.

    A year of four digits or a month's name is in it; what is neither number nor name is taken as it stands.
    """
    yield from _BY_DAY
    pieces = _PIECES.findall(cell)
    numbers = [at for at, piece in enumerate(pieces) if piece.isdecimal()]
    words = [_directive(piece) for piece in pieces]
    parts = "dy" if "%b" in words else "dmy"
    dated = numbers[: len(parts)]
    if len(dated) < len(parts) or not ("%b" in words or any(len(pieces[at]) == 4 for at in dated)):
        return
    for at, directive in zip(numbers[len(parts) :], ("%H", "%M", "%S", "%f"), strict=False):
        words[at] = directive
    for order in permutations(parts):
        for at, part in zip(dated, order, strict=True):
            words[at] = "%Y" if part == "y" and len(pieces[at]) == 4 else f"%{part}"
        yield "".join(words)


def _directive(piece: str) -> str:
    """What a format says for a word: a month's or a weekday's name, a half of the day, or itself."""
    word = piece.lower()
    for directive, names in _DIRECTIVES.items():
        if any(word in (name, name[:3]) for name in names.split()):
            return directive
    return piece.replace("%", "%%")
