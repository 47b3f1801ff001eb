"""Names: columns whose names hold a ticker beside what they are: XYZ.Close, Close_XYZ or ('Close', 'XYZ')."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from stockcast.prices.csvfile.cells import FileTable
from stockcast.prices.csvfile.header import without_counts
from stockcast.prices.csvfile.words import DATE_NAMES, PRICE_NAMES, UNITS, header_key, keys_of, names_field

# As Python writes a pair: quoted words, or bare ones such as numbers.
_PAIR = re.compile(r"""\(\s*('[^']*'|"[^"]*"|[^,'"()]*?)\s*,\s*('[^']*'|"[^"]*"|[^,'"()]*?)\s*,?\s*\)""")
_LONGEST = 200
_ASIDE = re.compile(r"([^()\[\]]+?)\s*[(\[]([^()\[\]]+)[)\]]\s*")
_SEPARATORS = re.compile(r"[\s_.|:;,/\\@>~-]+")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])")
_SHORTEST_NUMBER = 4

_NO_TICKERS = (
    " prev previous pre yesterday last next before after time date day daily week month year change chg pct percent "
    "interest int limit avg average mean adj adjusted unadj unadjusted raw bid ask mid first total base up down "
    "number count trades est return returns ret log ma sma ema wma lag lead diff delta shift scaled scaler norm actual "
    "normalized normalised std var target predicted prediction pred forecast future rolling min max median "
)
"""Words beside a field that make another field of it, with blanks around each."""

_Pair = tuple[str, str]


def with_tickers(table: FileTable) -> FileTable:
    """The table with fields and groups where its names hold tickers, else as it is.

    Names are told apart only where no column is plainly a close: the ticker of "close_time" is not "time".
    """
    if table.groups:
        return replace(table, fields=without_counts(table.names))
    levels = levels_of(table.names)
    if levels is None:
        return table
    return replace(table, fields=tuple(field for field, _ in levels), groups=tuple(ticker for _, ticker in levels))


def levels_of(names: Sequence[str]) -> list[tuple[str, str]] | None:
    """The field and the ticker of each name, the latter empty where it has none; None where no close has one."""
    return _pairs(names) or _joined(names)


def _pairs(names: Sequence[str]) -> list[_Pair] | None:
    """Fields and tickers of names that pandas writes for two levels, in either order."""
    matches = [_PAIR.fullmatch(name) if len(name) <= _LONGEST else None for name in names]
    if not any(matches):
        return None
    levels = [
        (name, "") if match is None else (match[1].strip("'\""), match[2].strip("'\""))
        for name, match in zip(names, matches, strict=True)
    ]
    firsts, seconds = (sum(map(names_field, keys_of(words))) for words in zip(*levels, strict=True))
    return [(second, first) if second else (first, "") for first, second in levels] if seconds > firsts else levels


def _joined(names: Sequence[str]) -> list[_Pair] | None:
    """Fields and tickers of names that hold both, where the tickers have a close."""
    keys = keys_of(names)
    closes = [name for name, key in zip(names, keys, strict=True) if key in PRICE_NAMES]
    if closes and len({*closes}) < 2:
        return None
    parted = [_aside(name) if closes else _parted(name) for name in names]
    fields = Counter(ticker for pair in parted if pair for ticker in [pair[1]])
    priced = {ticker for pair in parted if pair for field, ticker in [pair] if header_key(field) in PRICE_NAMES}
    others = [at for at, pair in enumerate(parted) if pair is None and keys[at] not in DATE_NAMES and names[at]]
    if closes:
        priced = priced if len(priced) == len(closes) else set()
    elif others:
        priced = {ticker for ticker in priced if fields[ticker] > 1 or ticker == ticker.upper()}
    if not priced:
        return None
    return [pair if pair and pair[1] in priced else (name, "") for name, pair in zip(names, parted, strict=True)]


def _parted(name: str) -> _Pair | None:
    """The longest field at one end of a name, and the ticker that is the rest of it."""
    if len(name) > _LONGEST:
        return None
    cuts = [(name[: at.start()], name[at.end() :], False) for at in _SEPARATORS.finditer(name)]
    cuts += [(name[: at.start()], name[at.end() :], True) for at in _CAPITAL.finditer(name)]
    found = [
        (field, ticker)
        for left, right, camel in cuts
        for field, ticker in ((left, right), (right, left))
        if names_field(header_key(field)) and _may_be_ticker(ticker) and not (camel and ticker != ticker.upper())
    ]
    aside = _aside(name)
    found += [aside] if aside else []
    if not found:
        return None
    field, ticker = max(found, key=lambda pair: len(header_key(pair[0])))
    return field.strip(), "" if header_key(ticker) in UNITS else ticker.strip()


def _aside(name: str) -> _Pair | None:
    """Close (XYZ) or Close [XYZ]: not the units of Close (USD)."""
    match = _ASIDE.fullmatch(name)
    if match is None or not names_field(header_key(match[1])) or not _may_be_ticker(match[2]):
        return None
    return match[1], "" if header_key(match[2]) in UNITS else match[2].strip()


def _may_be_ticker(word: str) -> bool:
    key = header_key(word)
    parts = [header_key(part) for part in _SEPARATORS.split(word)]
    if not key or names_field(key) or key in DATE_NAMES or any(f" {part} " in _NO_TICKERS for part in parts):
        return False
    return not key.isdigit() or len(key) >= _SHORTEST_NUMBER
