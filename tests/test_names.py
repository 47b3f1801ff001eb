"""One name, one thing: no public class or function of the package is defined in two modules."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import stockcast

PACKAGE = Path(stockcast.__file__).parent

COMMANDS = frozenset(
    {"audit", "backtest", "check", "doctor", "explain", "fetch"}
    | {"predict", "report", "reproduce", "run", "score", "train", "tune"}
)
"""One meaning each: `cli` reads the words of the command, `pipeline` does the work, `api` does it for frames."""

ALLOWED: dict[str, str] = {
    "load": "of a source's prices: `PriceSource` for a path or ticker, `api` for a long frame",
    "main": "the entry point of a program",
}
"""Names that two modules may define, and why."""


def defined() -> dict[str, list[str]]:
    """Modules of each public class and function on the top level of a module."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                found[node.name].append(path.relative_to(PACKAGE).as_posix())
    return found


def test_no_public_name_has_two_homes() -> None:
    twice = {name: modules for name, modules in defined().items() if len(modules) > 1}
    assert {name: modules for name, modules in twice.items() if name not in ALLOWED and name not in COMMANDS} == {}


def test_a_commands_name_is_that_of_one_function_on_each_floor() -> None:
    names = defined()
    for name in COMMANDS:
        floors = [module.split("/")[0] for module in names[name]]
        assert len(set(floors)) == len(floors), names[name]


def test_what_is_allowed_is_needed() -> None:
    names = defined()
    assert [name for name in ALLOWED if len(names[name]) < 2] == []
