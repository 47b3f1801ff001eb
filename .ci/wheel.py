"""Whether a wheel that is installed in this Python's environment is whole: python .ci/wheel.py WHEEL

Holds its files against the checkout's and its metadata against README and LICENSE, then trains, forecasts with the
general model and asks for a diagnosis, in a folder of its own with a home of its own, as somebody would who has nothing
but the wheel.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from email import message_from_bytes
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMAND = Path(sys.executable).with_name("stockcast")


def check_contents(wheel: Path) -> None:
    """Every tracked file of the package is in the wheel, and nothing else; so are README and licence."""
    listed = subprocess.run(["git", "ls-files", "stockcast"], cwd=ROOT, capture_output=True, text=True, check=True)
    expected = {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        [place] = {name.split("/")[0] for name in names if name.split("/")[0].endswith(".dist-info")}
        metadata = message_from_bytes(archive.read(f"{place}/METADATA"))
        licence = archive.read(f"{place}/licenses/LICENSE")
    packed = {name for name in names if not name.startswith(f"{place}/")}
    assert packed == expected, f"missing: {sorted(expected - packed)}; not tracked: {sorted(packed - expected)}"
    assert licence == (ROOT / "LICENSE").read_bytes()
    body = metadata.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()
    assert metadata["Description-Content-Type"] == "text/markdown"


def stockcast(folder: Path, *words: str | Path) -> str:
    """What the installed command answers in that folder. Raises CalledProcessError where it ends with an error."""
    private = {"PYTHONPATH", "PYTHONHOME", "STOCKCAST_HOME", "STOCKCAST_NOW"}
    environment = {name: value for name, value in os.environ.items() if name not in private}
    environment["HOME"] = str(folder)
    done = subprocess.run([COMMAND, *words], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def check_use() -> None:
    """The installed command trains, forecasts a series that no model was trained on, and finds its set-up in order."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        code = "import stockcast; print(stockcast.__file__)"
        place = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
        assert place.stdout.startswith(sys.prefix), f"{place.stdout.strip()} is used, not the wheel"
        print(stockcast(folder, "train", ROOT / "data" / "GSPC.csv"))
        answer = json.loads(stockcast(folder, "predict", ROOT / "data" / "IXIC.csv", "--json"))
        assert answer["ok"], answer
        print(stockcast(folder, "predict", ROOT / "data" / "IXIC.csv"))
        print(stockcast(folder, "doctor", "--offline"))


if __name__ == "__main__":
    check_contents(Path(sys.argv[1]))
    check_use()
    print(f"{sys.argv[1]} is whole and works")
