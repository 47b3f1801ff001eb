"""Known vulnerabilities of what stockcast depends on, in this environment: told, a line each.

It fails only where pyproject.toml keeps every release out that mends one: all else is for others to mend, or is mended
by an installation anew. Where the service cannot be reached it says so, soon, and does not fail.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

LIMIT = 90  # s for all packages, where the service answers
ASK = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--timeout", "5"]


def judged(packages: list[dict[str, Any]], requirements: list[str]) -> Iterator[tuple[str, bool]]:
    """Each vulnerability in a line, and whether it is pyproject.toml that stands in the way of its mending.

    Args:
        packages: `dependencies` of pip-audit's JSON.
        requirements: What pyproject.toml demands.
    """
    demanded = {canonicalize_name(one.name): one for one in map(Requirement, requirements)}
    for package in packages:
        own = demanded.get(canonicalize_name(package["name"]))
        for found in package.get("vulns", ()):
            mending = sorted(map(Version, found["fix_versions"]))
            ours = own is not None and bool(mending) and not any(own.specifier.contains(one) for one in mending)
            what = "no release mends it" if not mending else f"mended in {', '.join(map(str, mending))}"
            if ours:
                what += f", which pyproject.toml keeps out: {own}"
            yield f"{package['name']} {package['version']}: {found['id']}: {what}", ours


def main() -> int:
    """Ask, tell, and return the exit code."""
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    known: list[dict[str, Any]] = []
    with suppress(subprocess.TimeoutExpired, ValueError, KeyError):
        asked = subprocess.run(ASK, capture_output=True, text=True, timeout=LIMIT, check=False)
        known = [one for one in json.loads(asked.stdout)["dependencies"] if "skip_reason" not in one]
    if not known:
        print("vulnerabilities: not known, the service cannot be reached")
        return 0
    lines = list(judged(known, requirements))
    print("\n".join([f"vulnerabilities: {len(lines)} known in {len(known)} packages", *(line for line, _ in lines)]))
    return int(any(ours for _, ours in lines))


if __name__ == "__main__":
    sys.exit(main())
