"""What command lines say of a report: predict, explain and a replay, from a model that was trained with dates."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from stockcast import pipeline
from stockcast.config import NetworkConfig, TrainConfig, TrainingConfig
from stockcast.prices.csvfile import ReadOptions
from stockcast.progress import Silent
from tests import synthetic
from tests.processes import Completed, forked

REPORT = 850  # the newest bar, on the day of a report after the close
HISTORY = synthetic.reporting(synthetic.history(900))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with FAKE.csv, the dates of its reports, and a model of both."""
    folder = tmp_path_factory.mktemp("reporting")
    file = synthetic.write_csv(folder / "FAKE.csv", HISTORY.rows(0, REPORT + 1))
    assert HISTORY.events is not None
    dates = HISTORY.events.newest
    lines = [f"{day},{when}\n" for day, when in zip(dates.days, dates.whens, strict=True)]
    (folder / "dates.csv").write_text("date,when\n" + "".join(lines))
    config = TrainConfig(NetworkConfig(cell="rnn", hidden_size=2, lookback=20), TrainingConfig(seeds=1, steps=2))
    with synthetic.only_baselines("har-t", "har-t-events"):
        pipeline.train(str(file), ReadOptions(events=str(folder / "dates.csv")), config, folder, None, Silent())
    return folder


def stockcast(folder: Path, command: str, *words: str) -> Completed:
    return forked(command, "FAKE.csv", *words, "--home", folder, folder=folder).succeeded()


def test_a_forecast_tells_of_the_report_and_without_dates_of_none(folder: Path) -> None:
    (known,) = stockcast(folder, "predict", "--json").data
    event, day, target = known["event"], str(HISTORY.dates[REPORT]), known["target_session"]
    assert (event["kind"], event["day"], event["when"], event["sessions"]) == ("earnings", day, "amc", [target])
    assert (event["source"], event["as_of"], event["probability"]) == (str(folder / "dates.csv"), None, 1.0)
    assert event["width_factor"] > 1.2
    (without,) = stockcast(folder, "predict", "--no-events", "--json").data
    assert without["event"] is None
    assert without["scale"] < known["scale"]
    text = " ".join(stockcast(folder, "predict").out.split())
    said = f"Reports after the close of {day} (dates.csv): the interval for {target} is"
    assert f"{said} {event['width_factor']:.1f} times as wide as without that date." in text


def test_an_explanation_says_how_much_of_the_width_is_the_report(folder: Path) -> None:
    found = stockcast(folder, "explain", "--json").data
    width = found["width"]
    assert width["event_effect"] == pytest.approx(math.log(found["event"]["width_factor"]))
    assert width["event_share"] == pytest.approx(
        abs(width["event_effect"])
        / sum(abs(width[effect]) for effect in ("base_effect", "network_effect", "event_effect"))
    )


def test_a_replay_says_that_nobody_knows_how_the_dates_stood(folder: Path) -> None:
    day = str(HISTORY.dates[REPORT - 3])
    done = stockcast(folder, "predict", "--as-of", day, "--json")
    (forecast,) = done.data
    assert forecast["event"] is None
    assert "nobody says when the dates of reports were told (dates.csv)" in done.err
    assert f"how they stood before {forecast['target_session']} is not known" in done.err
    assert "how they stood" not in stockcast(folder, "predict").err
