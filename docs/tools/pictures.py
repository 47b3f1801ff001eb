"""The pictures of the README, from real output: the terminal by Rich, the report by a headless Chromium.

python docs/tools/pictures.py [terminal] [report]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
NOW = "2026-11-24T20:20:46+00:00"
"""What the clock says in pictures and examples: the age of prices is told by it."""

COLUMNS = 108
REPORT_SIZE = (1080, 1215)
BROWSER = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
BROWSER += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


def stockcast(words: list[str], home: str, **environment: str) -> str:
    """What a command prints, on the shipped prices. Raises CalledProcessError where it fails."""
    told = {**os.environ, "STOCKCAST_NOW": NOW, "COLUMNS": str(COLUMNS), "STOCKCAST_HOME": home, **environment}
    command = [sys.executable, "-m", "stockcast", *words]
    return subprocess.run(command, cwd=ROOT, env=told, check=True, capture_output=True, text=True).stdout


def terminal(home: str) -> None:
    """Draw `stockcast train` as SVG, without the web font that Rich's frame would load."""
    words = ["train", "data/GSPC.csv"]
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), color_system="truecolor")  # noqa: SIM115
    console.print(Text(f"$ stockcast {' '.join(words)}", style="bold"))
    told = stockcast(words, home, FORCE_COLOR="1").rstrip()
    console.print(Text.from_ansi(told.replace(home, "~/.local/share/stockcast")))
    frame = CONSOLE_SVG_FORMAT
    while "@font-face" in frame:
        start = frame.index("@font-face")
        frame = frame[:start] + frame[frame.index("}}", start) + 2 :]
    frame = frame.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace")
    svg = console.export_svg(title="stockcast", theme=DIMMED_MONOKAI, code_format=frame)
    (IMAGES / "terminal.svg").write_text(svg, "utf-8")


def report(home: str) -> None:
    """Photograph the top of the page that `stockcast report` writes."""
    page = Path(home) / "GSPC.html"
    stockcast(["report", "data/GSPC.csv", "--test-from", "2016-01-01", "--output", str(page)], home)
    size = "--window-size={},{}".format(*REPORT_SIZE)
    profile = f"--user-data-dir={home}/browser"
    browser = shutil.which("chromium") or "chromium"
    target = f"--screenshot={IMAGES / 'report.png'}"
    subprocess.run([browser, *BROWSER, size, profile, target, page.as_uri()], check=True, capture_output=True)


def main(names: list[str]) -> None:
    """Draw the pictures that are named, or all."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        for draw in (terminal, report):
            if not names or draw.__name__ in names:
                draw(home)


if __name__ == "__main__":
    main(sys.argv[1:])
