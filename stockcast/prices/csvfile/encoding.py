"""Encoding: bytes that are not UTF-8 become text, in the encoding in which the header has words that are known.

A text in the wrong encoding looks like one in a foreign language. So nothing is guessed from how often letters occur
while there are words to go by: those of the header, those that the user named, and the signs behind the numbers of
Chinese, Japanese and Korean dates and sums.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from stockcast.errors import DataError
from stockcast.prices.csvfile.words import DATE_NAMES, PRICE_NAMES, TICKER_NAMES, header_key, known_words

_ENCODINGS = {
    "utf-8": "UTF-8",
    "gb18030": "GB18030",
    "cp950": "Big5",
    "big5hkscs": "Big5-HKSCS",
    "cp932": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "cp949": "cp949",
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "cp1257": "Windows-1257",
    "cp1258": "Windows-1258",
    "cp874": "Windows-874",
    "koi8-r": "KOI8-R",
    "cp866": "cp866",
    "cp437": "cp437",
    "cp850": "cp850",
    "mac-roman": "Mac Roman",
    "latin-1": "Latin-1",
}
"""By Python's name, what users call it; earlier ones win where a file reads alike in several."""

_WIDE = {
    # UTF-32's mark begins with that of UTF-16.
    "utf-32-le": ("UTF-32", b"\xff\xfe\0\0"),
    "utf-32-be": ("UTF-32", b"\0\0\xfe\xff"),
    "utf-16-le": ("UTF-16", b"\xff\xfe"),
    "utf-16-be": ("UTF-16", b"\xfe\xff"),
}

_SAMPLE_LINES = 20
_SAMPLE_BYTES = 1 << 16
_LEAST_TO_DETECT = 24
"""Bytes beyond ASCII. Of fewer, the detector says Korean of Chinese and Japanese names."""

_CELL_END = re.compile("[,;\t|\n]")
_UNIT = re.compile(
    "\\d\\s?[\u5e74\u6708\u65e5\ub144\uc6d4\uc77c\uc6d0\u5143\u5186\u842c\u4e07\u5104\u4ebf\u80a1\u682a\uc8fc]"
)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")
# Letters with accents among plain ones, and signs of currency, blanks, dashes and quotes on their own.
_WESTERN = re.compile(
    rb"(?<![\x80-\xff])(?:(?<=[A-Za-z])[\xc0-\xff]{1,2}|[\xc0-\xff]{1,2}(?=[A-Za-z])|[\x80\x91-\x97\xa0-\xb0\xb4\xb7]{1,2})"
    rb"(?![\x80-\xff])"
)


def decoded(data: bytes, label: str, wanted: Sequence[str] = ()) -> tuple[str, str]:
    r"""The text of bytes that are not UTF-8 throughout, and the name of its encoding.

    What has no meaning in the encoding stands in the text as its escape, such as \xb9: never as other letters.

    Args:
        data: All bytes of the file.
        label: What messages call the file.
        wanted: Names of columns that the user gave.

    Raises:
        DataError: For bytes that are no text, and where nothing tells the encoding of the header.
    """
    data = _without_padding(data)
    wide = _wide(data)
    if wide is not None and "\0" not in wide[0]:
        return wide
    if wide is not None or _CONTROLS.search(data):
        raise DataError(f"{label} is not a price file: its bytes are not text", "Give CSV or Parquet.")
    sample = _first_lines(data)
    codec = (
        _by_words(sample, {*TICKER_NAMES, *map(header_key, wanted)})
        or _damaged_utf8(data)
        or _western(data)
        or _detected(data)
    )
    if codec is not None:
        return data.decode(codec, "backslashreplace"), _ENCODINGS[codec]
    if not sample.isascii() and not _tells_without(sample):
        raise DataError(f"{label} is not UTF-8, and nothing tells in which encoding it is", "Save it as UTF-8.")
    return data.decode("ascii", "backslashreplace"), "unknown"


def _without_padding(data: bytes) -> bytes:
    """Without the zeros at the end that a torn write leaves; those of wide text stand between others."""
    bare = data.rstrip(b"\0")
    return data if b"\0" in bare else bare


def _wide(data: bytes) -> tuple[str, str] | None:
    """Text of two or four bytes a sign, with a mark at its beginning or without."""
    for codec, (name, mark) in _WIDE.items():
        if data.startswith(mark):
            return _whole(data[len(mark) :], codec), name
    if b"\0" not in data:
        return None
    for codec, (name, _) in _WIDE.items():
        text = _whole(data, codec)
        # Whatever the language of the header, most of a price file is numbers, some as wide as an ideogram.
        plain = sum(
            (sign.isascii() and (sign.isprintable() or sign in "\r\n\t")) or "\uff01" <= sign <= "\uff5e"
            for sign in text[:_SAMPLE_BYTES]
        )
        if plain > len(text[:_SAMPLE_BYTES]) / 2:
            return text, name
    return None


def _whole(data: bytes, codec: str) -> str:
    """Without a sign at the end of which a part is missing."""
    width = 4 if "32" in codec else 2
    return data[: len(data) - len(data) % width].decode(codec, "replace").rstrip("\0")


def _first_lines(data: bytes) -> bytes:
    lines = data[:_SAMPLE_BYTES].splitlines()
    if len(data) > _SAMPLE_BYTES and len(lines) > 1:
        del lines[-1]  # which may end amid a letter
    return b"\n".join(lines[:_SAMPLE_LINES])


def _damaged_utf8(data: bytes) -> str | None:
    """UTF-8 where all but a few of the letters beyond ASCII are: a row is damaged, or the last one cut off."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = len(text) - wrong - sum(map(len, re.findall(r"[\x00-\x7f]+", text)))
    return "utf-8" if right > 4 * wrong or not wrong else None


def _by_words(sample: bytes, besides: set[str]) -> str | None:
    """The encoding in which most cells of the first rows are known words or numbers with units; None for none.

    besides: keys of words that are known though they name neither dates nor prices.
    """
    best, most = None, 0
    for codec in _ENCODINGS:
        try:
            # A sign that stands in every row may be UTF-8 by chance, such as that of ten thousands in cp949.
            text = sample.decode(codec, "replace" if codec == "utf-8" else "strict")
        except UnicodeDecodeError:
            continue
        cells = [cell for cell in _CELL_END.split(text) if any(sign.isalpha() and not sign.isascii() for sign in cell)]
        known = known_words(cells) + sum(header_key(cell) in besides for cell in cells)
        known += sum(len(_UNIT.findall(cell)) for cell in cells)
        if known > most:
            best, most = codec, known
    return best


def _western(data: bytes) -> str | None:
    """Windows-1252 where what is beyond ASCII stands as in a language of Western Europe."""
    return None if _BEYOND_ASCII.search(_WESTERN.sub(b"", data)) else "cp1252"


def _detected(data: bytes) -> str | None:
    """What a detector says of the lines that are not ASCII."""
    lines = [line for line in data.splitlines() if not line.isascii()]
    sample = b"\n".join(dict.fromkeys(lines))[:_SAMPLE_BYTES]
    if sum(map(len, _BEYOND_ASCII.findall(sample))) < _LEAST_TO_DETECT:
        return None
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=[codec for codec in _ENCODINGS if codec != "latin-1"]).best()
    return None if best is None else next((codec for codec in _ENCODINGS if _same(codec, best.encoding)), None)


def _same(codec: str, other: str) -> bool:
    from codecs import lookup

    return lookup(codec).name == lookup(other).name


def _tells_without(sample: bytes) -> bool:
    """Whether plain words of the header name a date and a close."""
    words = {header_key(cell) for cell in _CELL_END.split(sample.decode("ascii", "backslashreplace"))}
    return not words.isdisjoint(DATE_NAMES) and not words.isdisjoint(PRICE_NAMES)
