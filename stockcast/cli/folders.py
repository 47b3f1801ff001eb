"""Folders as sources: one stands for the price files in it."""

from __future__ import annotations

import os
from pathlib import Path

from stockcast.errors import DataError

SUFFIXES = (".csv", ".csv.gz", ".parquet")
"""Endings of the files that a folder stands for; others may lie in it."""

_FOLDERS_BY_NAME = (".", "..", "~")


def is_folder(word: str) -> bool:
    """Whether a word is a path that leads to a folder: `prices/` or `./prices`, but `prices` alone is a ticker."""
    from stockcast.prices.csvfile.source import looks_like_path

    return (
        word != "-" and (word in _FOLDERS_BY_NAME or looks_like_path(word)) and os.path.isdir(os.path.expanduser(word))
    )


def price_files(folder: str) -> list[str]:
    """The price files in a folder, sorted by name; hidden ones and folders within it are passed over.

    Raises DataError where there is none, or where the folder cannot be read.
    """
    place = Path(folder).expanduser()
    try:
        found = sorted(path for path in place.iterdir() if _is_price_file(path))
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be read: {error.strerror}", "check its permissions") from error
    if not found:
        raise DataError(
            f"the folder {folder} has no price files", f"name a folder with files that end in {', '.join(SUFFIXES)}"
        )
    return [os.path.join(place, path.name) for path in found]


def _is_price_file(path: Path) -> bool:
    return not path.name.startswith(".") and path.name.lower().endswith(SUFFIXES) and path.is_file()
