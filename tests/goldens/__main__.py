"""Play every scenario on two commits in one environment, and compare: `python -m tests.goldens BASE`.

`--store` writes the goldens of the suite instead. What was recorded stays in build/goldens/.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

from tests.goldens.comparing import differences
from tests.goldens.glossary import REDRAWN_FILES, REDRAWN_IN_HTML, WORDS
from tests.goldens.recording import Record, recorded
from tests.goldens.scenarios import SCENARIOS, from_nothing
from tests.goldens.stored import write
from tests.processes import ROOT

BUILT = ROOT / "build/goldens"


def main() -> int:
    """Compare with a commit, or store; the exit code is 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", nargs="?", help="the commit to compare with")
    parser.add_argument("--store", action="store_true", help="write the goldens of the suite")
    arguments = parser.parse_args()
    if arguments.store:
        write(dict(chain.from_iterable(recorded(scenario.in_suite(), from_nothing(ROOT)) for scenario in SCENARIOS)))
        return 0
    if arguments.base is None:
        parser.error("name the commit to compare with: make goldens BASE=COMMIT")
    tree = _checked_out(arguments.base)
    with ThreadPoolExecutor(2) as two:
        base, ours = two.map(_played, (tree, ROOT))
    _keep("base", base)
    _keep("ours", ours)
    return _compared(base, ours)


def _checked_out(commit: str) -> Path:
    """The package of a commit, in a folder of its own."""
    tree = BUILT / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit, "stockcast"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive, check=True)
    return tree


def _played(tree: Path) -> dict[str, Record]:
    return dict(chain.from_iterable(recorded(scenario, from_nothing(tree)) for scenario in SCENARIOS))


def _keep(name: str, records: dict[str, Record]) -> None:
    for step, record in records.items():
        file = BUILT / name / f"{step}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record, indent=1, ensure_ascii=False))


def _compared(base: dict[str, Record], ours: dict[str, Record]) -> int:
    print(f"{len(base)} command lines")
    bad = 0
    for name, record in base.items():
        found = list(differences(_still(record), _still(ours[name]), words=WORDS))
        bad += bool(found)
        for place, left, right in found[:10]:
            print(f"{name} {place}\n  - {str(left)[:1500]!r}\n  + {str(right)[:1500]!r}")
    print("all the same" if not bad else f"{bad} differ")
    return int(bool(bad))


def _still(value: Any) -> Any:
    """A record without the pictures in which words have changed."""
    if isinstance(value, dict):
        return {key: _still(one) for key, one in value.items() if not REDRAWN_FILES.search(key)}
    return REDRAWN_IN_HTML.sub("", value) if isinstance(value, str) else value


if __name__ == "__main__":
    sys.exit(main())
