"""Prices from Yahoo as a user meets them: a process of its own, nothing patched, a proxy before the loopback Yahoo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stockcast.prices.yahoo.session import Deadline
from tests.loopback.faults import RateLimited, Slow
from tests.loopback.proxy import ConnectProxy
from tests.loopback.yahoo import LoopbackYahoo

CHILD = """
import sys
from datetime import UTC, datetime
from stockcast.errors import StockcastError
from stockcast.prices.yahoo.client import ask_yahoo
from stockcast.prices.yahoo.session import Deadline
from stockcast.prices.yahoo.client import probe
now = datetime(2024, 6, 14, 22, 0, tzinfo=UTC)
seconds, what = float(sys.argv[1]), sys.argv[2]
print("begun", flush=True)
try:
    if what == "probe":
        print(probe(Deadline.after(seconds)).tzinfo)
    else:
        for ticker in what.split(","):
            answer = ask_yahoo(ticker, None, now, Deadline.after(seconds))
            print(ticker, len(answer), answer.dates[-1])
except StockcastError as error:
    print(type(error).__name__)
"""


def child(proxy: ConnectProxy, folder: Path, what: str, seconds: float = 30.0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(seconds), what],
        env=os.environ | proxy.environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def heard(process: subprocess.Popen[str]) -> tuple[list[str], str]:
    out, err = process.communicate(timeout=60)
    return out.splitlines()[1:], err


def test_a_process_of_its_own_asks_for_two_tickers(yahoo: LoopbackYahoo, tmp_path: Path) -> None:
    with ConnectProxy(yahoo) as proxy:
        assert heard(child(proxy, tmp_path, "AAPL,^GSPC")) == (["AAPL 10 2024-06-14", "^GSPC 10 2024-06-14"], "")
    asked = [path for path, _ in yahoo.requests]
    assert asked.count("/") == asked.count("/v1/test/getcrumb") == 1
    assert list(tmp_path.iterdir()) == []  # where yfinance would keep cookies, which it unpickles


def test_two_processes_ask_at_once(yahoo: LoopbackYahoo, tmp_path: Path) -> None:
    with ConnectProxy(yahoo) as proxy:
        both = [child(proxy, tmp_path, "AAPL"), child(proxy, tmp_path, "AAPL")]
        assert [heard(process) for process in both] == [(["AAPL 10 2024-06-14"], "")] * 2


def test_the_probe_tells_the_time_of_the_provider_or_what_keeps_it(yahoo: LoopbackYahoo, tmp_path: Path) -> None:
    with ConnectProxy(yahoo) as proxy:
        assert heard(child(proxy, tmp_path, "probe")) == (["UTC"], "")
        yahoo.script("^GSPC", [RateLimited()])
        assert heard(child(proxy, tmp_path, "probe")) == (["RateLimited"], "")


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one process alone")
def test_ctrl_c_is_heard_while_the_provider_is_silent(yahoo: LoopbackYahoo, tmp_path: Path) -> None:
    yahoo.script("AAPL", [Slow(3600)], sticky=True)
    with ConnectProxy(yahoo) as proxy:
        process = child(proxy, tmp_path, "AAPL", 3000.0)
        assert wait_for(lambda: any(path.startswith("/v8") for path, _ in yahoo.requests))
        process.send_signal(signal.SIGINT)
        _, err = heard(process)  # long before the limit of any request
        yahoo.closing.set()  # the proxy waits for its answers
    assert process.returncode == -signal.SIGINT
    assert err.rstrip().endswith("KeyboardInterrupt")


def wait_for(happened: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = Deadline.after(seconds)
    while not happened() and not end.expired:
        time.sleep(0.02)
    return happened()
