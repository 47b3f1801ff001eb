"""Damage by chance: bytes, text, trees of JSON and arrays that are nearly what they were."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBERS: tuple[Any, ...] = (
    0, -0.0, -1, 1, 1e-320, 1e-300, 1e300, -1e300, 1.7e308, 2**31, 2**63, 2**64, 10**40, float("nan"), float("inf"),
    float("-inf"), 0.1, 1e-9, 99999999999,
)  # fmt: skip
TEXTS = (
    "", " ", "0", "-0", "nan", "NaN", "inf", "-inf", "1e999", "1e-999", "null", "None", "N/A", "-", "--", "#N/A", "1,5",
    "1.234,56", "1,234.5", "(5)", "5-", "$5", "5 %", "1e5", "0x10", "1_000", "٣", "½", "²", "2021-02-30", "0000-00-00",
    "0001-01-01", "9999-12-31", "10000-01-01", "-2021-01-01", "31/12/2021", "12/31/21", "20210401",
    "1617235200", "1617235200000",
    "-1", "253402300800", "2021-04-01T00:00:00+25:00", "2021-04-01 24:00", "=1+1", '"', "'", "a\0b", "\ufeff", "\u202e",
    "é", "\ud800", "x" * 500, "9" * 400, "1." + "0" * 400, "true", "[]", "{}", "../../etc/passwd", "%s", "\\N",
)  # fmt: skip
LEAVES: tuple[Any, ...] = (*NUMBERS, *TEXTS, None, True, False, [], {}, [[]], {"": None}, [1, 2, 3], {"a": 1})


def bytes_of(draw: Random, content: bytes) -> bytes:
    """The content with a few bytes flipped, cut out, doubled or put in."""
    made = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 5, 20))):
        at, kind = draw.randrange(len(made) + 1), draw.randrange(6)
        stop = at + draw.choice((1, 1, 2, 4, 8, 64, 512))
        if kind == 0 and at < len(made):
            made[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del made[at:stop]
        elif kind == 2:
            made[at:at] = made[at:stop]
        elif kind == 3:
            made[at:at] = draw.randbytes(stop - at)
        elif kind == 4 and at < len(made):
            made[at] = draw.choice(b"\0\xff\x7f\x80\n\r,;\"'09-")
        elif draw.random() < 0.1:
            del made[at:]
    return bytes(made)


def text_of(draw: Random, content: str, delimiters: str = ",;\t|") -> str:
    """The text with a few cells, rows or signs that are others."""
    rows = content.split("\n")
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8))):
        at, kind = draw.randrange(len(rows)), draw.randrange(11)
        delimiter = next((sign for sign in delimiters if sign in rows[at]), ",")
        cells = rows[at].split(delimiter)
        cell = draw.randrange(len(cells))
        if kind <= 3:
            cells[cell] = draw.choice(TEXTS)
            rows[at] = delimiter.join(cells)
        elif kind == 4:
            cells[cell] = str(draw.choice(NUMBERS))
            rows[at] = delimiter.join(cells)
        elif kind == 5:
            rows[at] = rows[draw.randrange(len(rows))]
        elif kind == 6 and len(rows) > 1:
            del rows[at]
        elif kind == 7:
            rows.insert(at, draw.choice(("", rows[at], delimiter * len(cells), *TEXTS)))
        elif kind == 8:
            del cells[cell]
            rows[at] = delimiter.join(cells)
        elif kind == 9:
            cells.insert(cell, draw.choice(TEXTS))
            rows[at] = delimiter.join(cells)
        else:
            rows = _every_row(draw, rows, delimiter)
    return "\n".join(rows)


def _every_row(draw: Random, rows: list[str], delimiter: str) -> list[str]:
    """The rows, all of them changed in the same way."""
    kind, column = draw.randrange(5), draw.randrange(8)
    if kind == 0:
        return rows[::-1]
    if kind == 1:
        return [row.replace(delimiter, draw.choice(",;\t| ")) for row in rows]
    if kind == 2:
        draw.shuffle(rows)
        return rows
    if kind == 3:
        leaf = draw.choice(TEXTS)
        parts = [row.split(delimiter) for row in rows]
        return [delimiter.join([*cells[:column], leaf, *cells[column + 1 :]]) for cells in parts]
    parts = [row.split(delimiter) for row in rows]
    return [delimiter.join([*cells[:column], *cells[column + 1 :]]) for cells in parts]


def encoded(draw: Random, text: str) -> bytes:
    """The text in one of the encodings that files come in, and at times nearly."""
    name = draw.choice(("utf-8",) * 6 + ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1"))
    errors = "surrogatepass" if name.startswith("utf") else "replace"
    content = text.encode(name, errors)
    return bytes_of(draw, content) if draw.random() < 0.2 else content


def tree_of(draw: Random, tree: Any) -> Any:
    """The tree of JSON with a few members that are others, gone, or new."""
    made = copy.deepcopy(tree)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        made = _changed(draw, made)
    return made


def _changed(draw: Random, node: Any) -> Any:
    if not isinstance(node, dict | list) or not node or draw.random() < 0.1:
        return _near(draw, node)
    key = draw.choice(list(node)) if isinstance(node, dict) else draw.randrange(len(node))
    kind = draw.random()
    if kind < 0.08:
        del node[key]
    elif kind < 0.14:
        if isinstance(node, dict):
            node[draw.choice(TEXTS)] = node[key]
        else:
            node.insert(key, copy.deepcopy(node[key]))
    else:
        node[key] = _changed(draw, node[key])
    return node


def _near(draw: Random, leaf: Any) -> Any:
    """Another leaf: often one of the same type."""
    if draw.random() < 0.5:
        if isinstance(leaf, bool):
            return not leaf
        if isinstance(leaf, int | float):
            return draw.choice((*NUMBERS, -leaf, leaf + 1, leaf * 10, leaf / 3, str(leaf)))
        if isinstance(leaf, str):
            return draw.choice((*TEXTS, leaf[:-1], leaf + "x", leaf.upper(), leaf[::-1]))
    return copy.deepcopy(draw.choice(LEAVES))


def arrays_of(draw: Random, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays, of which one is gone or has other numbers, another shape, type or name."""
    made = dict(arrays)
    for _ in range(draw.choice((1, 1, 2))):
        name = draw.choice(list(made))
        array, kind = made[name].copy(), draw.randrange(8)
        if kind <= 2 and array.size and array.dtype.kind in "fiu":
            with np.errstate(all="ignore"):
                array.flat[draw.randrange(array.size)] = np.float64(
                    draw.choice([n for n in NUMBERS if array.dtype.kind == "f" or abs(n) < 2**31])
                ).astype(array.dtype)
            made[name] = array
        elif kind == 3:
            made[name] = array.reshape(draw.choice(((-1,), (1, *array.shape), array.shape[::-1])))
        elif kind == 4 and array.ndim:
            made[name] = array[: draw.randrange(len(array) + 1)]
        elif kind == 5:
            with np.errstate(all="ignore"):
                made[name] = array.astype(draw.choice(("<f2", "<f4", "<f8", "<i8", "<u1", "?", "<c16", ">f8")))
        elif kind == 6 and len(made) > 1:
            del made[name]
        else:
            made[draw.choice(list(made)) + draw.choice(("", "x", ".0"))] = array
    return made
