"""`stockcast report`: one page, written where it was asked for, its verdict on stdout."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from stockcast.config.models import BacktestConfig, FoldConfig
from stockcast.pipeline import report as real_report
from stockcast.prices.csvfile import ReadOptions
from stockcast.progress import Silent
from tests import synthetic
from tests.cli.conftest import Run
from tests.pipeline.walks import CONFIG, HISTORY


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_verdict_is_on_stdout_and_the_page_beside_it_under_the_tickers_name(run: Run, tmp_path: Path) -> None:
    outcome = run("report", "good")
    assert outcome.code == 0
    assert outcome.out.startswith("Intervals: ")
    assert (tmp_path / "good.html").read_text().startswith("<!DOCTYPE html>")
    assert "saved good.html" in outcome.err


def test_the_page_and_its_plots_go_where_they_are_asked_for(run: Run, tmp_path: Path) -> None:
    outcome = run("report", "good", "--output", "page.html", "--plots", "pictures", "--json")
    assert outcome.code == 0
    files = outcome.json["data"]["files"]
    assert files[0] == "page.html"
    assert "pictures/price-and-fan.png" in files
    assert all((tmp_path / name).read_bytes()[:4] == b"\x89PNG" for name in files[1:])


def test_json_names_the_verdict_the_forecast_and_the_files(run: Run) -> None:
    document = run("report", "good", "--json").json
    assert (document["schema"], document["ok"]) == ("stockcast.report/1", True)
    data = document["data"]
    assert data["ticker"] == "good"
    assert data["files"] == ["good.html"]
    assert data["verdict"]["sentence"]
    assert data["forecasts"][0]["horizon"] == 1
    assert {"0.05", "0.5", "0.95"} <= set(data["forecasts"][0]["quantiles"])


def test_every_option_of_the_walk_arrives(run: Run) -> None:
    words = ["--validate-from", "2013-01-02", "--test-from", "2015-01-02", "--refit-every", "63", "--horizon", "5"]
    words += ["--cell", "gru", "--exchange", "XLON", "--warm-start", "--init", "scratch"]
    assert run("report", "good", *words).code == 0
    source, config, read = run.last("report").values("source", "config", "read")
    assert (source, read.exchange) == ("good", "XLON")
    assert config == BacktestConfig(
        cells=("gru",),
        folds=FoldConfig(date(2015, 1, 2), 63, validate_from=date(2013, 1, 2)),
        horizon=5,
        warm_start=True,
        init="scratch",
    )


@pytest.mark.parametrize(
    ("source", "words", "code", "says"),
    [
        ("bad", [], 4, "bad has 3 sessions"),
        ("good", ["--output", "full.html"], 1, "No space left on device"),
        ("good", ["--output", "/no/such/page.html"], 2, "folder /no/such of --output"),
        ("good", ["--plots", "taken"], 2, "--plots taken is no folder"),
        ("stop", [], 130, "interrupted"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(
    run: Run, tmp_path: Path, source: str, words: list[str], code: int, says: str
) -> None:
    (tmp_path / "taken").write_text("")
    outcome = run("report", source, *words)
    assert outcome.code == code
    assert says in outcome.err
    assert not (tmp_path / f"{source}.html").exists()


def test_a_report_is_the_backtest_of_the_same_settings_and_takes_up_its_folds(tmp_path: Path) -> None:
    path = str(synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY))
    first = real_report(path, ReadOptions(), CONFIG, tmp_path, Silent())
    assert not any(fold.resumed for fold in first.result.folds)
    again = real_report(path, ReadOptions(), CONFIG, tmp_path, Silent())
    assert all(fold.resumed for fold in again.result.folds)
    assert again.fan == first.fan
    assert first.dates[-1] == HISTORY.last
    assert first.closes[-1] == HISTORY.close[-1]
    assert [step.target_session > HISTORY.last for step in first.fan] == [True]
    assert list(first.fan[0].quantiles.values()) == sorted(first.fan[0].quantiles.values())
