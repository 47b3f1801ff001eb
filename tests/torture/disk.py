"""A disk that loses power: what may stand on it, by what a process had asked of the file system.

On the disk for certain is what a sync covered: of a file its bytes, of a folder the names in it. Of the rest any part
may be there. Bytes come by sectors, in any order, and where some are missing a file may be as long as it was to be,
with zeros in their place. Names come in any order, too, but for those that touch the same name; a rename is one step.
This is what POSIX lets a file system do, which is more than most of them do.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePosixPath

from tests.torture.recorder import Call

SECTOR = 512  # bytes, which are written whole or not at all

Tree = dict[str, bytes | None]
"""Contents by path; None for folders."""

WAYS = ("everything", "nothing", "names alone", "bytes alone", "some")
"""What of the unsynced is on the disk."""


@dataclass(frozen=True)
class _Change:
    """Bytes that are written at a place, or None: the file is cut to that size."""

    at: int
    data: bytes | None

    def on(self, content: bytearray) -> None:
        if self.data is None:
            del content[self.at :]
            content.extend(bytes(self.at - len(content)))
        else:
            content.extend(bytes(max(0, self.at - len(content))))
            content[self.at : self.at + len(self.data)] = self.data

    def by_sectors(self) -> Iterable[_Change]:
        if self.data is None:
            return [self]
        end = self.at + len(self.data)
        edges = [self.at, *range((self.at // SECTOR + 1) * SECTOR, end, SECTOR), end]
        return [_Change(a, self.data[a - self.at : b - self.at]) for a, b in pairwise(edges) if b > a]


@dataclass(eq=False)
class _File:
    now: bytearray
    synced: bytes = b""
    unsynced: list[_Change] = field(default_factory=list)

    def change(self, change: _Change) -> None:
        change.on(self.now)
        self.unsynced.append(change)

    def sync(self) -> None:
        self.synced = bytes(self.now)
        self.unsynced.clear()

    def after(self, draw: random.Random, kept: float) -> bytes:
        content = bytearray(self.synced)
        for change in self.unsynced:
            for part in change.by_sectors():
                if draw.random() < kept:
                    part.on(content)
        if len(content) < len(self.now) and draw.random() < 0.5:
            content.extend(bytes(len(self.now) - len(content)))
        return bytes(content)


@dataclass(eq=False)
class _Folder:
    now: dict[str, _Node] = field(default_factory=dict)
    synced: dict[str, _Node] = field(default_factory=dict)


_Node = _File | _Folder
_Naming = tuple[tuple[_Folder, str, _Node | None], ...]  # the names that one step changes


class Disk:
    """A disk on which calls happen one after the other."""

    def __init__(self, tree: Mapping[str, bytes | None]) -> None:
        """A disk that holds a tree for certain."""
        self._root = _Folder()
        self._open: dict[int, _Node] = {}
        self._unsynced: list[_Naming] = []
        for path, content in sorted(tree.items()):
            folder, name = self._place(path)
            node = _Folder() if content is None else _File(bytearray(content), content)
            folder.now[name] = folder.synced[name] = node

    def call(self, call: Call) -> None:
        """Let one call happen."""
        if call.name in ("told", "ended"):
            return
        if call.name == "open":
            self._open[call.handle] = self._opened(call.path)
        elif call.handle:
            self._on_file(self._open[call.handle], call)
        else:
            self._on_name(call)

    def _opened(self, path: str) -> _Node:
        if path in ("", "."):
            return self._root
        folder, name = self._place(path)
        if name not in folder.now:
            self._rename((folder, name, _File(bytearray())))
        return folder.now[name]

    def _on_file(self, node: _Node, call: Call) -> None:
        if isinstance(node, _Folder):
            assert call.name == "sync"
            self._sync(node)
        elif call.name == "sync":
            node.sync()
        else:
            at = len(node.now) if call.at is None else call.at
            node.change(_Change(at, call.data if call.name == "write" else None))

    def _on_name(self, call: Call) -> None:
        folder, name = self._place(call.path)
        if call.name == "mkdir":
            self._rename((folder, name, _Folder()))
        elif call.name in ("unlink", "rmdir"):
            self._rename((folder, name, None))
        else:
            target, new = self._place(call.to)
            gone: _Naming = ((folder, name, None),) if call.name == "rename" else ()
            self._rename(*gone, (target, new, folder.now[name]))

    def _place(self, path: str) -> tuple[_Folder, str]:
        *folders, name = PurePosixPath(path).parts
        found: _Node = self._root
        for part in folders:
            assert isinstance(found, _Folder)
            found = found.now[part]
        assert isinstance(found, _Folder)
        return found, name

    def _rename(self, *naming: tuple[_Folder, str, _Node | None]) -> None:
        _put(naming, lambda folder: folder.now)
        self._unsynced.append(naming)

    def _sync(self, folder: _Folder) -> None:
        # A rename from folder to folder is one entry of the journal, whichever of them is synced.
        due = [naming for naming in self._unsynced if any(place is folder for place, _, _ in naming)]
        for naming in due:
            _put(naming, lambda folder: folder.synced)
        self._unsynced = [naming for naming in self._unsynced if naming not in due]

    @property
    def tree(self) -> Tree:
        """What a process sees that reads now."""
        return _tree(self._root, lambda folder: folder.now, lambda file: bytes(file.now))

    def after_power_loss(self, way: str, draw: random.Random) -> Tree:
        """What may be found when the power is back.

        Args:
            way: One of `WAYS`.
            draw: What decides where there is a choice.
        """
        if way == "everything":
            return self.tree
        share = draw.choice((0.1, 0.5, 0.9))
        names = {"nothing": 0.0, "names alone": 1.0, "bytes alone": 0.0, "some": share}[way]
        kept = {"nothing": 0.0, "names alone": 0.0, "bytes alone": 1.0, "some": share}[way]
        drawn: dict[int, dict[str, _Node]] = {}

        def names_in(folder: _Folder) -> dict[str, _Node]:
            return drawn.setdefault(id(folder), dict(folder.synced))

        lost: set[tuple[int, str]] = set()
        for naming in self._unsynced:
            touched = {(id(folder), name) for folder, name, _ in naming}
            if touched & lost or draw.random() >= names:
                lost |= touched
            else:
                _put(naming, names_in)
        return _tree(self._root, names_in, lambda file: file.after(draw, kept))


def _put(naming: _Naming, entries: Callable[[_Folder], dict[str, _Node]]) -> None:
    for folder, name, node in naming:
        if node is None:
            entries(folder).pop(name, None)
        else:
            entries(folder)[name] = node


def _tree(
    root: _Folder, entries: Callable[[_Folder], dict[str, _Node]], content: Callable[[_File], bytes], at: str = ""
) -> Tree:
    found: Tree = {}
    for name, node in entries(root).items():
        path = f"{at}{name}"
        found[path] = content(node) if isinstance(node, _File) else None
        if isinstance(node, _Folder):
            found |= _tree(node, entries, content, f"{path}/")
    return found


def tree_of(folder: Path) -> Tree:
    """What lies in a folder, but for the memory that SQLite shares there: no power, no memory."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith("-shm")
    }


def put_on(folder: Path, tree: Mapping[str, bytes | None]) -> None:
    """Make a folder hold a tree."""
    for path, content in sorted(tree.items()):
        if content is None:
            (folder / path).mkdir(parents=True)
        else:
            (folder / path).write_bytes(content)
