"""Every fenced block of the README and its like is known; commands and Python run, and print what is shown there."""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from stockcast.config import CELLS, NetworkConfig, TrainConfig, TrainingConfig
from stockcast.prices.csvfile import ReadOptions, read
from tests import synthetic
from tests.loopback.market import Market, listing_from
from tests.loopback.proxy import ConnectProxy
from tests.loopback.yahoo import LoopbackYahoo
from tests.processes import Process

ROOT = Path(__file__).parents[1]
README_PAGE = ROOT / "README.md"
README = README_PAGE.read_text()
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(page for folder in ("docs", "data", "benchmarks", "examples") for page in (ROOT / folder).rglob("*.md")),
    ]
)
"""Every page of the repository."""

QUICK = ["--seeds", "1", "--steps", "10", "--hidden-size", "4"]
FEW = ["--baseline", "ewma-t", "--baseline", "har-t"]
AUDIT = [*QUICK, "--lookback", "20", "--end", "2009-09-30"]
QUICKLY = {"train": QUICK, "backtest": QUICK + FEW, "report": QUICK + FEW, "audit": AUDIT}


KINDS = ("console", "python", "output", "crontab", "ini", "text")
"""What a fenced block may call itself: commands, Python, what the block before it prints, cron, systemd, a drawing."""
SET_UP = ("make", "pip", "python -m pip")
"""Commands that install or build: what they begin with. They are not run here."""


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, what it calls itself, and what is in it."""

    where: str
    kind: str
    text: str


@dataclass(frozen=True)
class Command:
    """A line after a prompt, and what the page shows beneath it."""

    where: str
    line: str
    shown: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line, comments=True)

    @property
    def is_set_up(self) -> bool:
        return self.line.startswith(SET_UP)


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in their order."""
    found, text = [], page.read_text()
    for match in re.finditer(r"^```(.*)\n((?:.*\n)*?)^```$", text, re.MULTILINE):
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(f"{page.relative_to(ROOT)}:{line}", match[1], match[2]))
    return found


def commands(page: Path) -> list[Command]:
    """The commands in a page's console blocks, in their order."""
    found = []
    for block in blocks(page):
        if block.kind == "console":
            parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
            assert not parts[0], f"{block.where} does not begin with a prompt"
            found += [Command(block.where, *(part.split("\n", 1))) for part in parts[1:]]
    return found


def lacking(shown: str, printed: str) -> set[str]:
    """Words of what a page shows that are not in what was printed. Of JSON, its keys."""
    if shown.lstrip().startswith("{"):
        return set(re.findall(r'"(\w+)":', shown)) - set(re.findall(r'"(\w+)":', printed))
    return words_of(shown) - words_of(printed)


def words_of(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[^\W\d_][\w-]{2,}", text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is_and_every_command_is_known(page: Path) -> None:
    fences = [line for line in page.read_text().splitlines() if line.lstrip().startswith(("```", "~~~"))]
    assert len(fences) == 2 * len(blocks(page)), "a fence that these tests do not read"
    for block in blocks(page):
        assert block.kind in KINDS, f"{block.where} says {block.kind!r}, which is none of {KINDS}"
    for command in commands(page):
        assert command.is_set_up or command.line.startswith("stockcast "), command


DAYS, MISSED = 3, 1
"""Sessions on which the live record of the README's ledger grows, and the one of them without a forecast."""


class Live:
    """A loopback Yahoo that knows the README's tickers, and its clock."""

    def __init__(self, folder: Path) -> None:
        self.history = synthetic.history(700 + DAYS)
        self.sessions = self.history.dates[-1 - DAYS :].astype(object).tolist()
        self.market = Market(
            [listing_from(self.history, name) for name in ("AAPL", "MSFT", "^GSPC", "^IXIC")], self.now
        )
        self.folder = folder

    @property
    def now(self) -> datetime:
        """After the close."""
        return datetime.combine(self.sessions[0], time(22, 0), UTC)

    def next_day(self) -> None:
        del self.sessions[0]
        self.market.now = self.now


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[Live, dict[str, str]]]:
    """The provider, and the environment that leads there."""
    there = Live(tmp_path)
    with LoopbackYahoo(there.market) as yahoo, ConnectProxy(yahoo) as proxy:
        yield there, {**os.environ, **proxy.environment(tmp_path / "cache")}


def newest(source: Path, target: Path, sessions: int) -> None:
    """The price files of a folder, cut to their last sessions."""
    target.mkdir()
    for path in source.glob("*.csv"):
        header, *rows = path.read_text().splitlines(keepends=True)
        (target / path.name).write_text("".join([header, *rows[-sessions:]]))


def test_the_commands_of_the_readme_run_in_their_order_and_print_what_it_shows(
    tmp_path: Path, live: tuple[Live, dict[str, str]]
) -> None:
    provider, environment = live
    newest(ROOT / "data", tmp_path / "data", 2200)
    (tmp_path / "prices").mkdir()
    synthetic.write_csv(tmp_path / "prices" / "AAPL.csv", synthetic.history(900))

    def run(words: list[str]) -> str:
        now = {"STOCKCAST_NOW": provider.now.isoformat()}
        process = Process([*words, "--home", tmp_path / "home"], tmp_path, {**environment, **now})
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, (words, err)
        return out

    unlike = []
    for command in commands(README_PAGE):
        if command.is_set_up:
            continue
        _, *words = command.words
        if words == ["run"]:
            train_quickly(tmp_path / "stockcast.toml")
        if words == ["score"]:
            for day in range(DAYS):
                provider.next_day()
                if day != MISSED:
                    recorded = run(["run"])
            live_output = next(one for one in blocks(README_PAGE) if one.kind == "output" and "recorded" in one.text)
            unlike.append((live_output.where, lacking(live_output.text, recorded), words_of(live_output.text)))
        out = run([*words, *QUICKLY.get(words[0], [])])
        assert out or "--write-config" in words
        unlike.append((command.line, lacking(command.shown, out), words_of(command.shown)))
    for where, words_lacking, shown in unlike:
        # Less training has other verdicts, and another network's features; headings, names and units are the same.
        assert len(words_lacking) <= 0.3 * len(shown), (where, sorted(words_lacking))
    assert any(len(shown) > 100 for _, _, shown in unlike)


def test_the_commands_of_the_other_pages_run(tmp_path: Path) -> None:
    (tmp_path / "FOLDER").mkdir()
    synthetic.write_csv(tmp_path / "FOLDER" / "ONE.csv", synthetic.history(900))
    there = [command for page in PAGES if page != README_PAGE for command in commands(page) if not command.is_set_up]
    assert there
    for command in there:
        _, *words = command.words
        words = [str(one) for word in words for one in (sorted(tmp_path.glob(word)) if "*" in word else [word])]
        words = ["2014-06-02" if word == "2016-01-01" else word for word in words]
        process = Process([*words, *QUICKLY[words[0]], "--home", tmp_path / "home"], tmp_path, os.environ)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, (command, err)
        assert out


def test_the_python_of_the_readme_runs_in_its_order_and_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    every = blocks(README_PAGE)
    scripts = [at for at, block in enumerate(every) if block.kind == "python"]
    assert len(scripts) >= 2
    for at in scripts:
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(every[at].text, every[at].where, "exec"), names)  # noqa: S102 - the README's own code
        assert every[at + 1].kind == "output", every[at].where
        shown = every[at + 1].text
        assert len(printed.getvalue().splitlines()) == len(shown.splitlines()), printed.getvalue()
        assert not lacking(shown, printed.getvalue()), printed.getvalue()
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_cron_and_systemd_call_is_a_command_with_options_that_there_are(tmp_path: Path) -> None:
    called = [
        line for block in blocks(README_PAGE) if block.kind in {"crontab", "ini"} for line in block.text.splitlines()
    ]
    lines = [line[line.index("stockcast ") :] for line in called if "stockcast " in line]
    assert len(lines) == 2
    process = Process(["run", "--help"], tmp_path, {**os.environ, "COLUMNS": "200"})
    out, _ = process.communicate(timeout=120)
    for line in lines:
        assert line.split()[:2] == ["stockcast", "run"]
        for option in re.findall(r" (--?[a-z][a-z-]*)", line):
            assert re.search(rf"(^|[\s,]){option}\b", out), option


def train_quickly(config: Path) -> None:
    config.write_text(config.read_text().replace("[model]", "[model]\nseeds = 1\nsteps = 10"))


def test_the_defaults_in_the_readme_are_the_programs() -> None:
    for text in (
        f"| {NetworkConfig().cell} |",
        f"| {NetworkConfig().lookback} |",
        f"| {TrainConfig().horizon} |",
        f"| {TrainingConfig().seeds}, {TrainingConfig().seed} |",
        f"| {TrainingConfig().supervision} |",
    ):
        assert text in README
    for cell in CELLS:
        assert cell.upper() in README or cell in README


def test_the_forecast_in_the_readme_is_of_the_shipped_prices() -> None:
    h = read(str(ROOT / "data" / "GSPC.csv"), ReadOptions())
    assert h.sha256() in README
    assert f"{h.close[-1]:,.2f}" in README


def test_the_map_names_every_package_and_module_of_the_street() -> None:
    for path in (ROOT / "stockcast").iterdir():
        if path.name.startswith(("_", "py.typed", ".")):
            continue
        shown = f"{path.name}/" if path.is_dir() else path.name
        assert shown in README, path.name
