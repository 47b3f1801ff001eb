"""What the pages show, from real runs on shipped prices: the output of every command and script is put in its place.

    python docs/tools/outputs.py [PAGE ...]

Where a page shows a part, with lines of three dots for the rest, the same part is taken. The live record is replayed:
sixty sessions of late 2018, one of them missed, with a provider on this machine. It takes a quarter of an hour.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from docs.tools.pictures import COLUMNS, NOW  # noqa: E402 - found from wherever this is run
from stockcast.config import ReadOptions  # noqa: E402
from stockcast.prices.csvfile import read  # noqa: E402
from tests.loopback.market import Market, listing_from  # noqa: E402
from tests.loopback.proxy import ConnectProxy  # noqa: E402
from tests.loopback.yahoo import LoopbackYahoo  # noqa: E402

GAP = "..."
PAGES = ("README", "forecasting", "backtest", "audit", "explain", "covariates")
LIVE_PAGES = ("cron", "ledger")
SHIPPED_HOME = "~/.local/share/stockcast"
FIRST, LAST, MISSED = "2018-10-02", "2018-12-28", "2018-10-30"


def page_at(name: str) -> Path:
    """The file of a page."""
    return ROOT / "README.md" if name == "README" else ROOT / "docs" / f"{name}.md"


def run(words: list[str], home: Path, now: str, folder: Path = ROOT, **environment: str) -> str:
    """What a command prints. Raises CalledProcessError where it fails."""
    told = {**os.environ, "STOCKCAST_NOW": now, "COLUMNS": str(COLUMNS), "STOCKCAST_HOME": str(home), **environment}
    command = [sys.executable, "-m", "stockcast", *words]
    done = subprocess.run(command, cwd=folder, env=told, check=True, capture_output=True, text=True)
    return done.stdout.replace(str(home), SHIPPED_HOME).replace(str(folder), "~")


def part_of(printed: str, shown: str) -> str:
    """As much of what was printed as the page shows: the parts between its gaps, found by the words they begin with."""
    lines, parts = printed.splitlines(), [part.strip("\n").splitlines() for part in re.split(r"(?m)^\.\.\.$", shown)]
    if len(parts) == 1:
        return printed
    taken, at = [], 0
    for number, part in enumerate(parts):
        if not part:
            taken.append("")
            continue
        if number == len(parts) - 1 and len(parts) > 1 and shown.rstrip("\n").splitlines()[-1] != GAP:
            at = len(lines) - len(part)
        elif number:
            at = next(n for n in range(at, len(lines)) if _words(lines[n]) == _words(part[0]))
        taken.append("\n".join(lines[at : at + len(part)]) + "\n")
        at += len(part)
    return f"{GAP}\n".join(taken)


def _words(line: str) -> list[str]:
    return re.findall(r"[A-Za-z]+", line)[:3]


def commands_shown(text: str, home: Path, now: str, environment: dict[str, str]) -> str:
    """A page with what its commands print now: each is run, in their order, and what a page shows of one is renewed."""

    def block(match: re.Match[str]) -> str:
        renewed = []
        for part in re.split(r"(?m)^\$ ", match[2])[1:]:
            line, shown = part.split("\n", 1)
            words = line.split("#")[0].split()
            if words[0] == "stockcast" and words[1] != "run":
                to_file = ["--output", str(home / "page.html")] if words[1] == "report" else []
                printed = run([*words[1:], *to_file], home, now, **environment)
                print(line, flush=True)
                shown = part_of(printed, shown) if shown else ""
            renewed.append(f"$ {line}\n{shown}")
        return f"{match[1]}{''.join(renewed)}```"

    return re.sub(r"(?m)^(```console\n)((?:.*\n)*?)^```$", block, text)


def scripts_shown(text: str) -> str:
    """A page with what its Python prints now."""
    names: dict[str, object] = {}
    pieces = re.split(r"(?m)^```python\n((?:.*\n)*?)^```\n\n```output\n((?:.*\n)*?)^```$", text)
    for at in range(1, len(pieces), 3):
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(pieces[at], names)  # noqa: S102 - the page's own code
        pieces[at] = f"```python\n{pieces[at]}```\n\n```output\n{printed.getvalue()}```"
        pieces[at + 1] = ""
    return "".join(pieces)


def replay(home: Path) -> tuple[str, str, dict[str, str]]:
    """Sixty evenings of `stockcast run`. Returns what the last one prints, its time, and the way to its provider."""
    shipped = {"^GSPC": "GSPC", "^IXIC": "IXIC"}
    histories = {name: read(str(ROOT / "data" / f"{file}.csv"), ReadOptions()) for name, file in shipped.items()}
    days = [day for day in histories["^GSPC"].dates.astype(str).tolist() if FIRST <= day <= LAST]
    evenings = {
        day: datetime.combine(datetime.fromisoformat(day), time(17, 30), ZoneInfo("America/New_York")) for day in days
    }
    market = Market([listing_from(history, name) for name, history in histories.items()], evenings[days[0]])
    (home / "stockcast.toml").write_text('tickers = ["^GSPC", "^IXIC"]\n[limits]\npause = 0\n')
    with LoopbackYahoo(market) as yahoo, ConnectProxy(yahoo) as proxy:
        way = proxy.environment(home / "cache")
        for day, evening in evenings.items():
            if day != MISSED:
                market.now = evening
                printed = run(["run"], home, evening.isoformat(), folder=home, **way)
                print("run", day, flush=True)
    return printed, evenings[days[-1]].isoformat(), way


def main(names: list[str]) -> None:
    """Renew the pages that are named, or all."""
    for name in [name for name in PAGES if not names or name in names]:
        page = page_at(name)
        with tempfile.TemporaryDirectory() as home:
            page.write_text(commands_shown(page.read_text("utf-8"), Path(home), NOW, {}), "utf-8")
    if not names or set(names) & set(LIVE_PAGES):
        cron, ledger = map(page_at, LIVE_PAGES)
        with tempfile.TemporaryDirectory() as home:
            printed, now, way = replay(Path(home))
            renewed = re.sub(
                r"(?m)^(```output\n)(?:.*\n)*?^```$", lambda match: f"{match[1]}{printed}```", cron.read_text()
            )
            cron.write_text(renewed, "utf-8")
            ledger.write_text(commands_shown(ledger.read_text("utf-8"), Path(home), now, way), "utf-8")
    os.chdir(ROOT)
    for name in [name for name in ("README", "python") if not names or name in names]:
        page_at(name).write_text(scripts_shown(page_at(name).read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
