"""Model files: one folder per model, replaced as a whole, never pickled.

    MODELS/NAME/manifest.json         configuration and everything else that is not an array
    MODELS/NAME/weights.safetensors   the arrays
    MODELS/.NAME.lock                 held by the one writer; readers need no lock
    MODELS/.NAME.new-<hex>            being written or being deleted: nobody reads it
    MODELS/.NAME.old                  the model, whole, while its successor is renamed into its place

Whenever a writer dies, NAME or .NAME.old is a whole model; the next writer, or command, puts the folder in order.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast import limits
from stockcast.errors import ConfigError, LockedError, ModelError
from stockcast.storage.codec import canonical, parse_json, sha256
from stockcast.storage.files import file_lock, is_own, private_folder, storage_error, sync_folder, write_synced

FORMAT = "stockcast.model/2"
EARLIER = "stockcast.model/1"
"""Without a hash over the manifest, of which the id protects what it is made from."""

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"

LOCK_WAIT = 10.0  # seconds

_FORMAT_KEY = "format"
_HASH_KEY = "weights_sha256"
_WHOLE_KEY = "manifest_sha256"

# Leaves room for the prefix and suffix of the longest hidden name in the 255 bytes of a file name.
_LONGEST_NAME = 200

_LEFTOVER = re.compile(r"\.(.+)\.(?:old|new-[0-9a-f]{16})", re.DOTALL)

_RETRY_FOR, _RETRY_EVERY = 2.0, 0.01  # seconds


@dataclass(frozen=True)
class ModelSummary:
    """A saved model, as `models list` and `models show` know it; `damage` says why it cannot be used."""

    name: str
    path: Path
    manifest: dict[str, Any] = field(default_factory=dict)
    damage: str | None = None


@dataclass(frozen=True)
class ModelFile:
    """A model as it is stored: `manifest` is JSON, `tensors` the arrays by name.

    The manifest's keys "format", "weights_sha256" and "manifest_sha256" belong to the file format: `save_model`
    sets them, `load_model` takes them out again. format: of the folder that it was read from.
    """

    name: str
    manifest: dict[str, Any]
    tensors: dict[str, NDArray[Any]]
    format: str = FORMAT


def save_model(models_dir: Path, model: ModelFile, wait: float = LOCK_WAIT) -> Path:
    """Store a model in the place of the one of that name.

    Whatever stops this, the model that was there before can still be loaded.

    Args:
        models_dir: The folder of all models.
        model: What to store.
        wait: Seconds to wait for another writer of that name.

    Returns:
        The model's folder.

    Raises:
        ConfigError: For a name that cannot be one.
        LockedError: Where another run has held the lock for longer than the wait.
        StorageError: Where the system refuses.
        TypeError: For a manifest that is not JSON, and for arrays of objects.
        ValueError: For a manifest with a number that is none.
    """
    require_usable_name(model.name)
    weights = _weights_bytes(model.tensors)
    manifest = _manifest_bytes(model.manifest, weights)
    current = models_dir / model.name
    try:
        private_folder(models_dir)
        with _locked(models_dir, model.name, wait):
            _put_in_order(models_dir, model.name)
            try:
                fresh = _doomed(models_dir, model.name)
                private_folder(fresh, synced=False)
                write_synced(fresh / WEIGHTS, weights)
                write_synced(fresh / MANIFEST, manifest)
                sync_folder(fresh)
                if os.path.lexists(current):
                    os.rename(current, _old(models_dir, model.name))
                os.rename(fresh, current)
                sync_folder(models_dir)
            finally:
                # NAME or .NAME.old is a whole model here. What fails now is left to the next writer.
                with suppress(OSError):
                    _put_in_order(models_dir, model.name)
    except OSError as error:
        raise storage_error(current, error) from error
    return current


def model_exists(models_dir: Path, name: str) -> bool:
    """Whether there is a model of that name, be it damaged."""
    return any(os.path.lexists(folder) for folder in _folders(models_dir, name))


def load_model(models_dir: Path, name: str) -> ModelFile:
    """Read a model, whole: as it was before a concurrent `save_model` or as it is after. Takes no lock.

    Raises:
        ModelError: Where it is missing, damaged or from another version.
        StorageError: Where it may not be read.
    """
    _require_name(name)
    deadline = time.monotonic() + _RETRY_FOR
    earlier = None
    while True:
        try:
            return _read(models_dir, name)
        except ModelError:
            state = [_stamp(folder) for folder in _folders(models_dir, name)]
            # A second failure with nothing moving since the first: no writer is to blame.
            if state == earlier or time.monotonic() > deadline:
                raise
            earlier = state
        time.sleep(_RETRY_EVERY)


def load_manifest(models_dir: Path, name: str) -> dict[str, Any]:
    """Read what is said of a model, and not its weights.

    Raises:
        ModelError: Where it is missing, damaged, being replaced or from another version.
        StorageError: Where it may not be read.
    """
    _require_name(name)
    folder = next((folder for folder in _folders(models_dir, name) if os.path.lexists(folder)), None)
    if folder is None:
        raise _missing(models_dir, name)
    return _parse_manifest(name, _file_bytes(name, folder / MANIFEST, limits.MANIFEST))


def model_names(models_dir: Path) -> tuple[str, ...]:
    """Names of the saved models, sorted; none where the folder does not exist. Raises StorageError."""
    try:
        entries = os.listdir(models_dir)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise storage_error(models_dir, error, "read") from error
    # A listing made during a swap may miss NAME and .NAME.old; the lock file never moves.
    names = {entry for entry in entries if not entry.startswith(".")}
    names |= {match[1] for entry in entries if (match := re.fullmatch(r"\.(.+)\.(?:old|lock)", entry, re.DOTALL))}
    return tuple(sorted(name for name in names if not _name_problem(name) and _is_saved(models_dir, name)))


def delete_model(models_dir: Path, name: str, wait: float = LOCK_WAIT) -> None:
    """Delete a model, damaged ones too.

    Raises:
        ModelError: Where there is none.
        LockedError: As `save_model` does.
        StorageError: Where the system refuses.
    """
    _require_name(name)
    if not model_exists(models_dir, name):
        raise _missing(models_dir, name)
    current = models_dir / name
    try:
        with _locked(models_dir, name, wait):
            _put_in_order(models_dir, name)
            if not os.path.lexists(current):
                raise _missing(models_dir, name)
            # Renamed first, so that half of it is never taken for a model.
            os.rename(current, _doomed(models_dir, name))
            sync_folder(models_dir)
            _put_in_order(models_dir, name)
    except OSError as error:
        raise storage_error(current, error, "remove") from error


def sweep_models(models_dir: Path) -> None:
    """Put in order what this user's processes left there when they were killed, where no living one holds the lock."""
    names: set[str] = set()
    with suppress(OSError, ValueError):
        found = [(match[1], match[0]) for entry in os.listdir(models_dir) if (match := _LEFTOVER.fullmatch(entry))]
        names = {name for name, entry in found if is_own(models_dir / entry)}
    for name in names:
        with suppress(LockedError, OSError), _locked(models_dir, name, 0.0):
            _put_in_order(models_dir, name)


def model_id(config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> str:
    """Hash the content of a model. Neither the order of keys nor the layout of an array in memory changes it.

    Args:
        config: Settings and parameters, as JSON.
        tensors: Arrays by name.

    Returns:
        The first 16 hexadecimal digits of a SHA-256.

    Raises:
        TypeError: For a configuration that is not JSON, and for arrays of objects.
        ValueError: For a configuration with a number that is none.
    """
    digest = hashlib.sha256(canonical(dict(config)))
    for name in sorted(tensors):
        array = _plain(tensors[name])
        # The header holds the shape, hence the number of bytes after it: no two inputs run together alike.
        digest.update(canonical([name, array.dtype.str, list(array.shape)]))
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """The array contiguous and little-endian, as the file holds it."""
    if array.dtype.hasobject:
        raise TypeError("an array of objects cannot be stored without pickling it")
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _weights_bytes(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    from safetensors.numpy import save as serialise

    data: bytes = serialise({name: _plain(array) for name, array in tensors.items()})
    return data


def _manifest_bytes(manifest: Mapping[str, Any], weights: bytes) -> bytes:
    own = {_FORMAT_KEY: FORMAT, _HASH_KEY: hashlib.sha256(weights).hexdigest()}
    rest = {key: value for key, value in manifest.items() if key not in (*own, _WHOLE_KEY)}
    whole = {_WHOLE_KEY: sha256({**own, **rest})}
    return json.dumps({**own, **whole, **rest}, indent=1, allow_nan=False).encode()


def _name_problem(name: str) -> str:
    """Why `name` cannot be a folder of its own; empty where it can."""
    if not name:
        return "it is empty"
    if name.startswith("."):
        return "it starts with a dot"
    if "/" in name or "\\" in name:
        return "it contains a path separator"
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        return "it contains a control character"
    if len(name.encode()) > _LONGEST_NAME:
        return f"it is longer than {_LONGEST_NAME} bytes"
    return ""


def require_usable_name(name: str) -> None:
    """Raise ConfigError for a name that no model can be saved under: better before a training than after it."""
    problem = _name_problem(name)
    if problem:
        raise ConfigError(f"{name!r} cannot name a model: {problem}", "Choose another with --name.")


def _require_name(name: str) -> None:
    problem = _name_problem(name)
    if problem:
        raise ModelError(f"{name!r} cannot name a model: {problem}", "`stockcast models list` shows the names.")


def _folders(models_dir: Path, name: str) -> tuple[Path, ...]:
    """Where a model may be; NAME twice, since a swap may move it there from .NAME.old between the looks."""
    current = models_dir / name
    return current, _old(models_dir, name), current


def _old(models_dir: Path, name: str) -> Path:
    return models_dir / f".{name}.old"


def _doomed(models_dir: Path, name: str) -> Path:
    """A new path that the next writer deletes if it finds it."""
    return models_dir / f".{name}.new-{secrets.token_hex(8)}"


def _locked(models_dir: Path, name: str, wait: float) -> AbstractContextManager[None]:
    message = f"another run has been saving or removing the model {name} for {wait:g} s"
    return file_lock(models_dir / f".{name}.lock", wait, LockedError(message, "Try again when it is done."))


def _put_in_order(models_dir: Path, name: str) -> None:
    """Under the lock: undo or finish what a dead writer left."""
    current, old = models_dir / name, _old(models_dir, name)
    if os.path.lexists(old):
        os.rename(old, _doomed(models_dir, name) if os.path.lexists(current) else current)
    leftover = re.compile(re.escape(f".{name}.new-") + "[0-9a-f]{16}")
    for entry in os.listdir(models_dir):
        if leftover.fullmatch(entry):
            _delete(models_dir / entry)


def _delete(path: Path) -> None:
    if os.path.isdir(path) and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Identity and times of a folder: a swap changes that of NAME and of .NAME.old."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def _is_saved(models_dir: Path, name: str) -> bool:
    """Whether a model of that name, perhaps a damaged one, is there; other folders are none."""
    return any(os.path.exists(folder / file) for folder in _folders(models_dir, name) for file in (MANIFEST, WEIGHTS))


def _read(models_dir: Path, name: str) -> ModelFile:
    """One attempt; during a swap a file may be missing or belong to the other model: ModelError as for damage."""
    folder = next((folder for folder in _folders(models_dir, name) if os.path.lexists(folder)), None)
    if folder is None:
        raise _missing(models_dir, name)
    manifest = _parse_manifest(name, _file_bytes(name, folder / MANIFEST, limits.MANIFEST))
    version = manifest.pop(_FORMAT_KEY)
    weights = _file_bytes(name, folder / WEIGHTS, limits.WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != manifest.pop(_HASH_KEY, None):
        raise _damaged(name, f"{WEIGHTS} is not the file that {MANIFEST} describes")
    return ModelFile(name, manifest, _parse_weights(name, weights), version)


def _file_bytes(name: str, path: Path, most: int) -> bytes:
    try:
        return limits.file_bytes(path, most)
    except limits.Unfit as error:
        raise _damaged(name, f"{path.name} is {error}") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _damaged(name, f"{path.name} is missing") from error
    except OSError as error:
        raise storage_error(path, error, "read") from error


def _parse_manifest(name: str, data: bytes) -> dict[str, Any]:
    try:
        manifest = parse_json(data)
    except ValueError as error:
        raise _damaged(name, f"{MANIFEST} is not JSON ({error})") from error
    if not isinstance(manifest, dict) or _FORMAT_KEY not in manifest:
        raise _damaged(name, f"{MANIFEST} names no format")
    version = manifest[_FORMAT_KEY]
    if version not in (FORMAT, EARLIER):
        raise ModelError(
            f"the model {name} has the format {version!r}; this version of stockcast reads {FORMAT!r}",
            f"Train it again ({_command(name)}), or use the version of stockcast that saved it.",
        )
    if version == FORMAT and manifest.pop(_WHOLE_KEY, None) != sha256(manifest):
        raise _damaged(name, f"{MANIFEST} is not as it was written")
    return manifest


def _parse_weights(name: str, data: bytes) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load as read

    try:
        tensors: dict[str, NDArray[Any]] = read(data)
    except (SafetensorError, LookupError, TypeError, ValueError) as error:
        raise _damaged(name, f"{WEIGHTS} cannot be read ({error})") from error
    return tensors


def _command(name: str) -> str:
    return f"`stockcast train SOURCE --name {quote(name)}`"


def _damaged(name: str, reason: str) -> ModelError:
    return ModelError(f"the model {name} is damaged: {reason}", f"Train it again: {_command(name)}.")


def _missing(models_dir: Path, name: str) -> ModelError:
    models = model_names(models_dir)
    lowered = {model.lower(): model for model in models}
    near = [lowered[found] for found in get_close_matches(name.lower(), list(lowered), n=3, cutoff=0.5)]
    known = f" (near: {', '.join(near)})" if near else ""
    return ModelError(f"there is no model named {name}{known}", f"Train it: {_command(name)}.")
