"""Watch lists: text files of tickers, one a line or with commas between them; # begins a comment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from stockcast.errors import ConfigError

_TICKER = re.compile(r"[A-Z0-9^][A-Z0-9.^=&_-]{0,31}")
_FILES = (".CSV", ".CSV.GZ", ".PARQUET", ".TXT", ".TOML")


def ticker(word: str) -> str:
    """`word` as a ticker: in upper case. Raises ConfigError where it cannot be one."""
    name = word.strip().upper()
    if not _TICKER.fullmatch(name):
        raise ConfigError(f"{word!r} is no ticker", "write tickers as Yahoo does, such as AAPL, BRK-B or ^GSPC")
    if name.endswith(_FILES):
        raise ConfigError(f"{word!r} is a file, not a ticker", "give tickers; @FILE is a list of them")
    return name


def distinct(tickers: Iterable[str]) -> tuple[str, ...]:
    """The tickers in their order, each once."""
    return tuple(dict.fromkeys(tickers))


def read_watchlist(path: Path) -> tuple[str, ...]:
    """The tickers of the watch list at `path`: in upper case, in the file's order, each once.

    Raises ConfigError where the file cannot be read, names no ticker, or where a line holds something else.
    """
    found: list[str] = []
    for number, line in enumerate(read_text(path, "watch list").splitlines(), start=1):
        for word in filter(str.strip, line.partition("#")[0].split(",")):
            try:
                found.append(ticker(word.strip()))
            except ConfigError as error:
                raise ConfigError(
                    f"{path}, line {number}: {error.message}", "write one ticker a line, or commas between them"
                ) from error
    if not found:
        raise ConfigError(f"the watch list {path} names no ticker", "write one ticker a line")
    return distinct(found)


def load_tickers(word: str) -> list[str]:
    """The tickers that an argument stands for: those of the watch list FILE for @FILE, else the word as it is.

    Raises ConfigError as `read_watchlist` does, and for a lone @.
    """
    if not word.startswith("@"):
        return [word]
    if word == "@":
        raise ConfigError("@ names no file", "write @FILE, with one ticker a line in it")
    return list(read_watchlist(Path(word[1:]).expanduser()))


def read_text(path: Path, noun: str, missing: str = "check its name") -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    noun: what the file is. missing: the hint where it does not exist. Raises ConfigError where it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"there is no {noun} {path}", missing) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8 ({error.reason})", "save the file as UTF-8") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(f"cannot read the {noun} {path}: {reason}", "check the path and its permissions") from error
