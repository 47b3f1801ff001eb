"""Fold files: what one stage of a backtest fitted and forecast, so that an interrupted one goes on where it was."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np

from stockcast import limits
from stockcast.config import NetworkConfig
from stockcast.errors import ConfigError, ModelError
from stockcast.forecasting import Fit
from stockcast.models.distribution import EMPIRICAL, STUDENT_T, Distribution, dist_array, dist_of
from stockcast.prices.history import Floats
from stockcast.storage.codec import Tensors, decode, encode
from stockcast.storage.files import private_folder, storage_error, write_atomic
from stockcast.storage.modelfile import model_id
from stockcast.storage.trainedmodel import FitRecord, fit_of, fit_record

_FORMAT = "stockcast.fold/5"
"""To be raised when the same settings and prices come to give other forecasts."""

# A torn archive, one of another kind (RuntimeError: it says that it is encrypted), one that asks for more memory than
# there is, or one whose arrays are no distributions and no fits; NumPy tokenizes a damaged header.
_UNREADABLE = (
    OSError, EOFError, BadZipFile, zlib.error, struct.error, RuntimeError, MemoryError, OverflowError, TokenError,
    ValueError, KeyError, TypeError, AttributeError, ModelError, ConfigError,
)  # fmt: skip

_EARLY, _HASH, _POSITIONS = "early", "sha256", "position:"
_LETTERS = {STUDENT_T: "t", EMPIRICAL: "e"}
_FAMILIES = {letter: family for family, letter in _LETTERS.items()}


@dataclass(frozen=True)
class FoldFile:
    """What a fold leaves behind.

    dists: of every competitor for the next session, at the fold's origins, by name. ahead: their distributions
    of two sessions ahead, three and so on, where they were asked for. early: distributions of networks at the origins
    of the validation part, from before that part was learnt from. fits: by cell, the network, with every baseline;
    pre_validation: the network before it learnt from the validation part, where a warm start may ask for it. positions:
    what each policy holds at the fold's origins. about: plain JSON.
    """

    dists: Mapping[str, Distribution]
    about: Mapping[str, Any]
    ahead: Mapping[str, tuple[Distribution, ...]] = field(default_factory=dict)
    early: Mapping[str, Distribution] = field(default_factory=dict)
    fits: Mapping[str, Fit] = field(default_factory=dict)
    pre_validation: Mapping[str, Fit] = field(default_factory=dict)
    positions: Mapping[str, Floats] = field(default_factory=dict)


def fold_key(described: Mapping[str, Any], *arrays: Any) -> str:
    """Name of a fold: the hash of all that its forecasts depend on. `described` is plain JSON."""
    digest = hashlib.sha256(json.dumps({"format": _FORMAT, **described}, sort_keys=True, allow_nan=False).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:24]


def save_fold(path: Path, fold: FoldFile) -> None:
    """Write a fold, whole or not at all. Raises StorageError."""
    arrays: Tensors = {"about": _text(fold.about)}
    for place, name, dist in _placed(fold):
        family, values = dist_array(dist)
        arrays[f"{_LETTERS[family]}@{place}:{name}"] = values
    for group, fits in (("fits", fold.fits), ("young", fold.pre_validation)):
        arrays[group] = _text({cell: _fit_of_fold(fit, f"{group}:{cell}", arrays) for cell, fit in fits.items()})
    arrays |= {f"{_POSITIONS}{name}": held for name, held in fold.positions.items()}
    buffer = io.BytesIO()
    # Simulated distributions are many numbers in single precision: half of their bits are zero.
    write = np.savez_compressed if fold.ahead else np.savez
    arrays[_HASH] = np.frombuffer(model_id({}, arrays).encode(), np.uint8)
    write(buffer, **arrays)  # type: ignore[arg-type]  # its stub takes every keyword for its own flag
    try:
        private_folder(path.parent)
    except OSError as error:
        raise storage_error(path, error) from error
    write_atomic(path, buffer.getvalue(), private=True)


def load_fold(path: Path) -> FoldFile | None:
    """The fold in `path`; None where there is none, or none that can be read whole: it is made again then."""
    try:
        limits.require_file(path, limits.memory())
        # Opened here: NumPy leaves a torn archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if sum(entry.file_size for entry in archive.zip.infolist()) > limits.memory():
                return None
            arrays: Tensors = {name: archive[name] for name in archive.files}
        # The archive's own checksums do not tell of a header that asks for less than there is.
        if arrays.pop(_HASH).tobytes().decode() != model_id({}, arrays):
            return None
        about = json.loads(arrays["about"].tobytes())
        by_place: dict[str, dict[str, Distribution]] = {}
        for entry, values in arrays.items():
            kind, _, name = entry.partition(":")
            letter, _, place = kind.partition("@")
            if letter in _FAMILIES:
                by_place.setdefault(place, {})[name] = dist_of(_FAMILIES[letter], values)
        dists, early = by_place.pop("1"), by_place.pop(_EARLY, {})
        positions = {name.removeprefix(_POSITIONS): a for name, a in arrays.items() if name.startswith(_POSITIONS)}
        fits, pre_validation = (_fits(group, arrays) for group in ("fits", "young"))
        steps = [by_place[place] for place in sorted(by_place, key=int)]
        ahead = {name: tuple(dists_of[name] for dists_of in steps) for name in (steps[0] if steps else ())}
    except _UNREADABLE:
        return None
    with suppress(OSError):  # a fold that may only be read is as good
        os.utime(path)  # what is used is not the first to be pruned
    return FoldFile(dists, about, ahead, early, fits, pre_validation, positions) if isinstance(about, dict) else None


def prune_folds(folder: Path, keep: int) -> None:
    """Remove all but the `keep` folds of a folder that were used last. One that cannot be removed stays."""
    used: dict[Path, float] = {}
    for path in folder.glob("*.npz"):
        with suppress(OSError):  # another backtest prunes, too
            used[path] = path.stat().st_mtime
    for path in sorted(used, key=used.__getitem__, reverse=True)[keep:]:
        with suppress(OSError):
            path.unlink()


def _placed(fold: FoldFile) -> Iterator[tuple[str, str, Distribution]]:
    """Every distribution with the step that it is of, or "early", and its competitor."""
    for name, dist in fold.dists.items():
        yield "1", name, dist
    for name, dists in fold.ahead.items():
        for step, dist in enumerate(dists, start=2):
            yield str(step), name, dist
    for name, dist in fold.early.items():
        yield _EARLY, name, dist


@dataclass(frozen=True)
class _FoldFit:
    """What is plain of a fit, and what a model's manifest has elsewhere."""

    network: NetworkConfig
    features: tuple[str, ...]
    fit: FitRecord


def _fit_of_fold(fit: Fit, place: str, arrays: Tensors) -> _FoldFit:
    return _FoldFit(fit.ensemble.config, fit.ensemble.standardiser.names, fit_record(fit, place, arrays))


def _fits(group: str, arrays: Tensors) -> dict[str, Fit]:
    plain = {cell: decode(_FoldFit, made, cell) for cell, made in json.loads(arrays[group].tobytes()).items()}
    return {
        cell: fit_of(made.fit, f"{group}:{cell}", made.network, made.features, arrays) for cell, made in plain.items()
    }


def _text(value: Any) -> Any:
    return np.frombuffer(json.dumps(encode(value), allow_nan=False).encode(), np.uint8)
