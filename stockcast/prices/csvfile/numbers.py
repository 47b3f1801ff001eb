"""Numbers: columns of cells become floats, whatever currency, grouping and decimal sign they are written with.

The cells of a column are written alike, so that it has few shapes: what is left of a cell when each digit becomes a 0.
What a number is, is settled on shapes; which sign is the decimal one, by all columns of the file together.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.csvfile.cells import Cells, FileColumn
from stockcast.prices.history import Floats

Mask = NDArray[np.bool_]

_NUMBER_HINT = "Correct or delete that row, or leave it out with --start or --end."
_COLUMN_HINT = "Choose another column with --close-column."

_NO_VALUE = re.compile(
    "na|nan|null|none|nil|nat|nd|sd|ka|nv|x|n|void|missing|undefined|unknown|inf|infinity|nanind|err000|nodata|"
    "notavailable|notapplicable|tba|tbd|loading"
)
"""Cells that say that there is no value: their letters in lower case. Those of spreadsheets begin with #."""
_NO_LETTER = re.compile(r"[\W_]+")

_MULTIPLES = {
    1e3: "k tsd thousand тыс 千 천",
    1e4: "万 萬 만",
    1e5: "l lakh lakhs lac lacs",
    1e6: "m mm mn mln mio mill million millions millionen millones млн 百万",
    1e7: "cr crore crores 千万",
    1e8: "億 亿 억",
    1e9: "b bn bln billion billions mrd mld mia milliard milliards milliarden miliardi млрд",
    1e12: "t tn trn trillion trillions трлн 兆 조",
}
_FACTORS = {word: factor for factor, words in _MULTIPLES.items() for word in words.split()}
_MULTIPLE = re.compile(rf"\s*({'|'.join(sorted(_FACTORS, key=len, reverse=True))})(.*)", re.IGNORECASE | re.DOTALL)

_THOUSAND = 1e3
_SIGNS = frozenset("$€£¥₹₩%")
"""Units that some cells of a column may lack."""
_WHOLE = frozenset(["₩", "원", "krw", "won", "円", "jpy", "yen", "₫", "đ", "vnd", "rp", "idr", "ft", "huf", "clp"])
"""Units of which nobody quotes a part."""
_LONGEST_UNIT = 12

# In a shape, 0 is any digit and \0 a lone zero before a mark, which no thousands follow.
_LONE_ZERO = re.compile(r"(?<![0-9])0(?=[.,][0-9])")
_SHAPE = str.maketrans("123456789", "000000000")
_NUMBER = re.compile(
    r"([^0\0]*?)((?:(?<![^\W\d_])[.,])?[0\0](?:[0\0.,'_ ]*0)?(?:[.,](?=\s*[-)]?\s*\Z))?(?:e[+-]?0+)?)([^0\0]*)",
    re.IGNORECASE,
)
_GROUPS, _POWER = r"0{1,3}(?:[ '_]000)+|[0\0]*", r"(?:e[+-]?0+)?"
_POINT = re.compile(rf"(?:0{{1,3}}(?:,000)+|0{{1,2}}(?:,00)+,000|{_GROUPS})(?:\.0*)?{_POWER}", re.IGNORECASE)
_COMMA = re.compile(rf"(?:0{{1,3}}(?:\.000)+|{_GROUPS})(?:,0*)?{_POWER}", re.IGNORECASE)
_TO_POINT = str.maketrans("", "", ",' _")
_TO_COMMA = str.maketrans(",", ".", ".' _")
_EITHER_WAY = re.compile(r"[1-9]\d{0,2}\.\d{3}", re.ASCII)

# \x80 is the euro sign of a Windows file that was read as Latin-1; the last four are marks that nobody sees.
_SPELLINGS = str.maketrans("\x80´`‘’ʼ−–—٫٬", "€'''''---.,", "\u200b\u200e\u200f\ufeff")  # noqa: RUF001 - what is looked for
_FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")
_RATIO = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?::|/|-?\s*for\s*-?)\s*(\d+(?:\.\d+)?)\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class NumberColumn:
    """A column as numbers.

    Attributes:
        column: Its cells.
        values: A number for each cell, NaN where there is none.
        unreadable: Which cells are no numbers, without saying that they have none; None for none of them.
    """

    column: FileColumn
    values: Floats
    unreadable: Mask | None = None

    def take(self, kept: NDArray[Any], column: FileColumn) -> NumberColumn:
        """The cells at some positions, which are those of `column`."""
        unreadable = None if self.unreadable is None else self.unreadable[kept]
        return replace(self, column=column, values=self.values[kept], unreadable=unreadable)

    @property
    def lost(self) -> int:
        """How many cells are unreadable."""
        return 0 if self.unreadable is None else int(self.unreadable.sum())

    def refused(self) -> DataError:
        """The error for the first unreadable cell, by its row; more than half of them are a wrong column."""
        first, cells = int(np.argmax(np.asarray(self.unreadable))), len(self.values)
        if 2 * self.lost > cells > 2:
            return self.column.refused(first, f"is not a number, as in {self.lost} of {cells} rows", _COLUMN_HINT)
        return self.column.refused(first, "is not a number", _NUMBER_HINT)


def parse_numbers(
    prices: Sequence[FileColumn], volumes: Sequence[FileColumn], others: Sequence[FileColumn],
    decimal: str | None = None, semicolons: bool = False,
) -> list[NumberColumn]:  # fmt: skip
    """Columns of prices, then those of volumes, as numbers.

    What a whole column shares is dropped: a currency, a unit, thousands marks; words such as K, Mio or Lakh multiply.
    The decimal sign is the one that the prices show, else the other columns, else the volumes (1,234 shows neither;
    1,234.5 and 1,234,567 show a point, 0,25 a comma). Volumes are whole numbers where they may be.

    Args:
        prices: Columns of one file that have one decimal sign.
        volumes: Columns that count something, which may have a sign of their own.
        others: The columns of the file that are not wanted, but may show the sign.
        decimal: What the user says that the decimal sign is: "point" or "comma".
        semicolons: Whether cells are delimited by semicolons, as spreadsheets do where the comma is the decimal sign.

    Raises:
        DataError: Nothing shows what the decimal sign is, or it is not what the user says.
    """
    wanted = [*prices, *volumes]
    if decimal != "comma":
        plain = [_plain(column.cells) for column in wanted]
        if decimal == "point" or not _reads_either_way(prices):
            found = [NumberColumn(c, values) for c, values in zip(wanted, plain, strict=True) if values is not None]
            if len(found) == len(wanted):
                return found
    written = [_Written.of(column) for column in wanted]
    of_prices, of_volumes = written[: len(prices)], written[len(prices) :]
    comma = decimal == "comma"
    if decimal is None:
        comma = _comma_is_decimal(of_prices, of_volumes, lambda: map(_Written.of, others), semicolons)
    found = [one.numbers(comma) for one in of_prices]
    for one, column in zip(of_prices, found, strict=True):
        if decimal is not None and 2 * column.lost > len(column.values) and not one.numbers(not comma).lost:
            first = int(np.argmax(np.asarray(column.unreadable)))
            raise column.column.refused(first, f"has no decimal {decimal}", f"Leave --decimal {decimal} out.")
    return [*found, *(one.numbers(_counts_in_commas(one, comma)) for one in of_volumes)]


def ratios(numbers: NumberColumn) -> NumberColumn:
    """Splits, of which those that are written 2:1, 2/1 or 2 for 1 are no plain numbers."""
    cells, values, unreadable = numbers.column.cells, numbers.values.copy(), np.zeros(len(numbers.values), dtype=bool)
    for index in np.flatnonzero(numbers.unreadable).tolist() if numbers.unreadable is not None else []:
        found = _RATIO.fullmatch(cells[index])
        unreadable[index] = found is None or not float(found[2])
        if found is not None and float(found[2]):
            values[index] = float(found[1]) / float(found[2])
    return replace(numbers, values=values, unreadable=unreadable)


def _plain(cells: Cells) -> Floats | None:
    """The numbers of cells that have nothing but digits, a point and a sign, or no value; None for any others."""
    if isinstance(cells, np.ndarray):
        values = cells.astype(np.float64)
        return np.where(np.isinf(values), np.nan, values)
    try:
        values = np.array(list(map(float, cells)), dtype=np.float64)
    except ValueError:
        words = {cell for cell in set(cells) if not cell[-1:].isdigit() and _has_no_value(cell)}
        try:
            values = np.array([np.nan if cell in words else float(cell) for cell in cells], dtype=np.float64)
        except ValueError:
            return None
    for index in np.flatnonzero(np.isinf(values)).tolist():
        if _has_no_value(cells[index]):
            values[index] = np.nan
    return values


def _reads_either_way(columns: Sequence[FileColumn]) -> bool:
    """Whether 39.100 is what every number with a point is like: thirty-nine, or with a decimal comma thousands."""
    marked = (cell for column in columns if not isinstance(column.cells, np.ndarray) for cell in column.cells)
    first = next((cell for cell in marked if "." in cell), None)
    return first is not None and all("." not in cell or _EITHER_WAY.fullmatch(cell) for cell in chain((first,), marked))


def _has_no_value(cell: str) -> bool:
    """Whether a cell says that there is no value; also by its shape."""
    if "#" in cell:
        return True
    letters = _NO_LETTER.sub("", cell).lower()
    return not letters or _NO_VALUE.fullmatch(letters) is not None


@dataclass(frozen=True)
class _Form:
    """What a shape is: a number from `start` to `stop`, with a unit around it, which is `factor` times what it says.

    point, comma: whether it is a number where that is the decimal sign. has_value: whether it may be one.
    """

    start: int = 0
    stop: int = 0
    unit: str = ""
    factor: float = 1.0
    core: str = ""
    point: bool = False
    comma: bool = False
    has_value: bool = True

    @property
    def by_comma(self) -> bool:
        """Whether it is a number either way, but not the same: thousands or decimals stand after its comma."""
        return self.point and self.comma and "," in self.core

    @property
    def by_point(self) -> bool:
        """The same of a point."""
        return self.point and self.comma and "." in self.core

    @property
    def in_whole(self) -> bool:
        """Whether it is an amount of a currency that has no parts."""
        return self.unit in _WHOLE


def _form(shape: str) -> _Form:
    if _has_no_value(shape):
        return _Form(has_value=False)
    found = _NUMBER.fullmatch(shape)
    if found is None:
        return _Form()
    before, core, after = found.groups()
    factor = -1.0 if _is_negative(before, core, after) else 1.0
    multiple = _MULTIPLE.fullmatch(after)
    if multiple is not None and not (multiple[1].isascii() and multiple[2][:1].isalpha()):
        factor, after = factor * _FACTORS[multiple[1].lower()], multiple[2]
    unit = "".join((before + after).split()).strip("+-().'\"=▲▼△▽↑↓").lower()
    if len(unit) > _LONGEST_UNIT or not all(map(_is_of_unit, unit)):
        return _Form()
    point, comma = _POINT.fullmatch(core) is not None, _COMMA.fullmatch(core) is not None
    return _Form(found.start(2), found.end(2), unit, factor, core, point, comma)


def _is_of_unit(character: str) -> bool:
    return character.isalpha() or character in "%*./" or unicodedata.category(character) in ("Sc", "Mn", "Mc")


def _is_negative(before: str, core: str, after: str) -> bool:
    """A minus before the number or after it, or parentheses around it; 100.- is a whole amount."""
    before, trailing = before.strip(), after.lstrip()[:1] == "-" and core[-1] not in ".,"
    return trailing or before[:1] == "-" or before[-1:] == "-" or ("(" in before and ")" in after)


@dataclass(frozen=True)
class _Written:
    """A column with the shapes of its cells; `forms` has what each of them is, `counts` how many cells have it."""

    column: FileColumn
    cells: Sequence[str]
    shapes: Sequence[str]
    forms: dict[str, _Form]
    counts: dict[str, int]

    @classmethod
    def of(cls, column: FileColumn) -> _Written:
        if isinstance(column.cells, np.ndarray):
            return cls(column, (), (), {}, {})
        cells = _spelled(column.cells)
        shapes = _LONE_ZERO.sub("\0", "\n".join(cells)).translate(_SHAPE).split("\n")
        counts = Counter(shapes)
        return cls(column, cells, shapes, {shape: _form(shape) for shape in counts}, counts)

    def count(self, telling: Callable[[_Form], bool]) -> int:
        """How many cells are of such a form."""
        return sum(self.counts[shape] for shape, form in self.forms.items() if telling(form))

    def numbers(self, comma: bool) -> NumberColumn:
        """The column, read with this decimal sign."""
        if isinstance(self.column.cells, np.ndarray):
            values = _plain(self.column.cells)
            return NumberColumn(self.column, np.full(len(self.column.cells), np.nan) if values is None else values)
        units = _shared_units(self)
        numbers = {
            shape for shape, form in self.forms.items() if (form.comma if comma else form.point) and form.unit in units
        }
        marks = _TO_COMMA if comma else _TO_POINT
        forms = [self.forms[shape] if shape in numbers else None for shape in self.shapes]
        cores = [
            "nan" if form is None else cell[form.start : form.stop]
            for cell, form in zip(self.cells, forms, strict=True)
        ]
        values = np.array(list(map(float, "\n".join(cores).translate(marks).split("\n"))), dtype=np.float64)
        if any(self.forms[shape].factor != 1.0 for shape in numbers):
            values *= [1.0 if form is None else form.factor for form in forms]
        texts = {shape for shape, form in self.forms.items() if form.has_value and shape not in numbers}
        unreadable = np.array([shape in texts for shape in self.shapes], dtype=bool) if texts else None
        return NumberColumn(self.column, values, unreadable)


def _spelled(cells: Sequence[str]) -> Sequence[str]:
    """The cells with each digit, blank, dash and apostrophe written as on any keyboard."""
    text = "\n".join(cells)
    if text.count("\n") != len(cells) - 1:
        cells = [" ".join(cell.split()) for cell in cells]
        text = "\n".join(cells)
    if text.isascii():
        return cells
    text = unicodedata.normalize("NFKC", text.translate(_SPELLINGS)).translate(_SPELLINGS)
    return _FOREIGN_DIGIT.sub(lambda digit: str(unicodedata.digit(digit[0])), text).split("\n")


def _shared_units(written: _Written) -> set[str]:
    """What may stand around a number of this column: what does around most of them."""
    units: Counter[str] = Counter()
    for shape, form in written.forms.items():
        if form.point or form.comma:
            units[form.unit] += written.counts[shape]
    bare = units.pop("", 0)
    if not units:
        return {""}
    unit, count = units.most_common(1)[0]
    return {unit, ""} if unit in _SIGNS or count > bare else {""}


def _votes(columns: Iterable[_Written]) -> tuple[int, int]:
    """How many cells are numbers with a decimal point alone, and with a decimal comma alone."""
    points = commas = 0
    for column in columns:
        points += column.count(lambda form: form.point and not form.comma)
        commas += column.count(lambda form: form.comma and not form.point)
    return points, commas


def _comma_is_decimal(
    prices: Sequence[_Written], volumes: Sequence[_Written], others: Callable[[], Iterable[_Written]], semicolons: bool
) -> bool:
    """Whether the comma is the decimal sign of the prices. Raises DataError where nothing shows it."""
    points, commas = _votes(prices)
    if points != commas:
        return commas > points
    for columns in (others(), volumes):
        points, commas = _votes(columns)
        if points != commas:
            return commas > points
    for column in prices:
        if column.count(lambda form: form.in_whole and (form.by_comma or form.by_point)):
            return not column.count(lambda form: form.by_comma)
    if any(column.count(lambda form: form.by_comma) for column in prices):
        if semicolons or any(column.count(lambda form: form.by_point) for column in volumes):
            return True
        if any(column.count(lambda form: form.by_comma) for column in volumes):
            return False
        raise _asked(prices, lambda form: form.by_comma)
    if semicolons and any(column.count(lambda form: form.by_point) for column in prices):
        raise _asked(prices, lambda form: form.by_point)
    return False


def _asked(columns: Sequence[_Written], doubtful: Callable[[_Form], bool]) -> DataError:
    written = next(column for column in columns if column.count(doubtful))
    index = next(at for at, shape in enumerate(written.shapes) if doubtful(written.forms[shape]))
    point, comma = (written.numbers(comma).values[index] for comma in (False, True))
    return written.column.refused(
        index,
        f"reads both as {point:.10g} and as {comma:.10g}, and so does every other number of the file",
        f"Say which it is: --decimal comma ({comma:.10g}) or --decimal point ({point:.10g}).",
    )


def _counts_in_commas(volume: _Written, comma: bool) -> bool:
    """Whether the comma is the decimal sign of a column of volumes, where it is that of the prices or is not."""
    points, commas = _votes([volume])
    # Nobody counts thousands of millions: 5,988M has decimals.
    points += volume.count(lambda form: form.by_point and form.factor > _THOUSAND)
    commas += volume.count(lambda form: form.by_comma and form.factor > _THOUSAND)
    if points != commas:
        return commas > points
    return comma and not volume.count(lambda form: form.by_comma and form.factor == 1.0)
