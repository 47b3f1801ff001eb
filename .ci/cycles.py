"""Files of the package that import each other in a circle, imports inside functions included: there may be none.

    python .ci/cycles.py

Imports for the type checker alone do not count: nothing is loaded for them. import-linter's contracts see floors and
siblings; a circle of files on one floor is seen here.
"""

from __future__ import annotations

import sys

import grimp


def cycles(graph: grimp.ImportGraph) -> list[list[str]]:
    """Every set of modules each of which imports, perhaps by others, every other one (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    waiting: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = lowest[module] = len(index)
        waiting.append(module)
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            if imported not in index:
                visit(imported)
            if imported in waiting:
                lowest[module] = min(lowest[module], lowest[imported])
        if lowest[module] == index[module]:
            members = waiting[waiting.index(module) :]
            del waiting[waiting.index(module) :]
            if len(members) > 1:
                found.append(sorted(members))

    for module in sorted(graph.modules):
        if module not in index:
            visit(module)
    return found


def main() -> int:
    """Say which files form circles; 1 where some do."""
    graph = grimp.build_graph("stockcast", exclude_type_checking_imports=True, cache_dir=None)
    found = cycles(graph)
    for members in found:
        print(f"these files import each other in a circle: {', '.join(members)}")
        for module in members:
            others = sorted(graph.find_modules_directly_imported_by(module) & {*members})
            print(f"  {module} imports {', '.join(others)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
