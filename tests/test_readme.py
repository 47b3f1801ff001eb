"""Every command that the README shows works as it stands there (set-up and cron apart), only on less."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
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
README = (ROOT / "README.md").read_text()

QUICK = ["--seeds", "1", "--steps", "10", "--hidden-size", "4"]
FEW = ["--baseline", "ewma-t", "--baseline", "har-t"]
QUICKLY = {"train": QUICK, "backtest": QUICK + FEW, "report": QUICK + FEW, "audit": [*QUICK, "--end", "2010-12-31"]}


def commands() -> list[list[str]]:
    """The words of each stockcast command in the README's console blocks."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ stockcast")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A loopback Yahoo that knows the README's tickers: the environment that leads there, after the newest close."""
    history = synthetic.history(700)
    now = datetime.combine(history.last, time(22, 0), UTC)
    market = Market([listing_from(history, name) for name in ("AAPL", "MSFT", "^GSPC")], now)
    with LoopbackYahoo(market) as yahoo, ConnectProxy(yahoo) as proxy:
        yield {**os.environ, **proxy.environment(tmp_path / "cache"), "STOCKCAST_NOW": now.isoformat()}


def test_the_commands_of_the_readme_run_in_their_order(tmp_path: Path, provider: dict[str, str]) -> None:
    shutil.copytree(ROOT / "data", tmp_path / "data")
    (tmp_path / "prices").mkdir()
    synthetic.write_csv(tmp_path / "prices" / "AAPL.csv", synthetic.history(900))
    assert len(commands()) >= 5
    for words in commands():
        if words == ["run"]:
            train_quickly(tmp_path / "stockcast.toml")
        process = Process([*words, *QUICKLY.get(words[0], []), "--home", tmp_path / "home"], tmp_path, provider)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, (words, err)
        assert out or "--write-config" in words


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
