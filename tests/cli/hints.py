"""What the program says that names an option: where it stands in the source, and for each a case that comes to it.

A case is a command line, what it says, and the same command as is advised, in whose braces stand the groups of what it
says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import stockcast

PACKAGE = Path(stockcast.__file__).parent
REACHED = 77
"""The exit code of a command that comes to a training, which is not done here."""

Patch = Callable[[pytest.MonkeyPatch], None]
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
_DEFINITIONS = frozenset({"setting", "Command", "Option", "argument", "add_argument"})
"""Calls whose words are help, which the command line reads and does not say."""


@dataclass(frozen=True)
class Case:
    """A command line that says something with an option in it.

    Attributes:
        hints: Pieces of literals of the package that it says, each after the name of its file.
        line: The command line.
        says: What it says, as a pattern; None for the first piece.
        follow: The command line that follows the advice.
        then: Its exit code.
        patch: What is otherwise in this process, for both.
        trains: Whether trainings are done.
    """

    hints: tuple[str, ...]
    line: str
    says: str | None
    follow: str
    then: int = 0
    patch: Patch | None = None
    trains: bool = False

    @property
    def name(self) -> str:
        """What the test of it is called."""
        return self.hints[0]

    @property
    def pieces(self) -> list[str]:
        """What it says, word for word."""
        return [hint.partition(": ")[2] for hint in self.hints]

    @property
    def pattern(self) -> str:
        """What it says, with what is taken from it."""
        return self.says or re.escape(self.pieces[0])


def said() -> Iterator[tuple[str, str, str]]:
    """Every literal of the package that names an option, definitions and docstrings aside: file, literal, option."""
    for file in sorted(PACKAGE.rglob("*.py")):
        place = file.relative_to(PACKAGE).as_posix()
        for literal in _literals(ast.parse(file.read_text("utf-8"))):
            yield from ((place, literal, option) for option in _OPTION.findall(literal))


def is_covered(place: str, literal: str, option: str, hint: str) -> bool:
    """Whether a hint is a piece of a literal with that option; an option alone is none of a longer one."""
    file, _, piece = hint.partition(": ")
    whole = piece == literal.strip() or (piece in literal and piece != option)
    return file == place and whole and option in _OPTION.findall(piece)


def _literals(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and _called(node) in _DEFINITIONS:
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from _literals(child)


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))
