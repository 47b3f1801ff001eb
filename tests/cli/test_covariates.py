"""`--with` and `--known-ahead`: what arrives in the pipeline, and what a whole command line makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockcast.config import CovariatesConfig
from stockcast.config.sources import without_exchange
from tests import synthetic
from tests.cli.conftest import Run
from tests.cli.test_coldstart import HEAVY
from tests.processes import cold, forked, packages_loaded

BOTH = ("--with", "^GSPC", "--with", "idx/VIX.csv@XCBF", "--known-ahead", "earnings.csv")
ASKED = CovariatesConfig(("^GSPC", "idx/VIX.csv@XCBF"), "earnings.csv")
QUICK = ("--seeds", "1", "--steps", "5", "--hidden-size", "4", "--no-final-fit")


def test_a_training_is_told_what_to_look_at_and_how_tickers_among_it_are_come_by(run: Run) -> None:
    assert run("train", "good.csv", "other", *BOTH, "--offline").code == 0
    assert len(run.of("train")) == 2
    for call in run.of("train"):
        assert call["config"].covariates == ASKED
        assert call["fetch_session"].config.offline
    run("train", "good.csv", "--with", "b.csv")
    assert run.last("train")["fetch_session"] is None


def test_a_backtest_and_a_pool_are_told_the_same(run: Run) -> None:
    assert run("backtest", "good", *BOTH, "--exchange", "XLON").code == 0
    config, read = run.last("backtest").values("config", "read")
    assert (config.covariates, read.exchange) == (ASKED, "XLON")
    run("train", "good", "other", "--pool", "--name", "two", *BOTH)
    assert run.last("gather")["covariates"] == ASKED


def test_a_saved_model_is_scored_beside_other_places_and_at_another_exchange(run: Run) -> None:
    assert run("backtest", "good", "--model", "m", *BOTH).code == 0
    assert run.last("backtest_pretrained")["config"].covariates == ASKED
    assert run("backtest", "good", "--model", "m", "--exchange", "XLON").code == 0
    assert run.last("backtest_pretrained")["pretrained"].prices.read.exchange == "XLON"


def test_a_forecast_is_told_other_places(run: Run) -> None:
    assert run("predict", "good", *BOTH).code == 0
    assert run.last("predict_with")["covariates"] == ASKED
    run("predict", "good")
    assert run.last("predict_with")["covariates"] == CovariatesConfig()


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("GSPC.csv@XLON", ("GSPC.csv", "XLON")),
        ("a@b/GSPC.csv", ("a@b/GSPC.csv", None)),
        ("a@XLON/GSPC.csv@XTKS", ("a@XLON/GSPC.csv", "XTKS")),
        ("me@home.csv", ("me@home.csv", None)),
        ("BTC.csv@24/7", ("BTC.csv", "24/7")),
        ("EUR.csv@weekdays", ("EUR.csv", "weekdays")),
        ("GSPC.csv@xlon", ("GSPC.csv@xlon", None)),
        ("@XLON", ("@XLON", None)),
        ("^GSPC", ("^GSPC", None)),
    ],
)
def test_what_stands_after_the_last_at_sign_is_an_exchange_if_it_can_be_one(
    word: str, parts: tuple[str, str | None]
) -> None:
    assert without_exchange(word) == parts


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two files, known dates and a model of them."""
    folder = tmp_path_factory.mktemp("covariates")
    synthetic.write_csv(folder / "FAKE.csv", synthetic.history(620))
    synthetic.write_csv(folder / "IDX.csv", synthetic.history(620, seed=5))
    (folder / "earnings.csv").write_text("ticker,date\nFAKE,2013-04-23\nFAKE,2014-05-20\n")
    covariates = ("--with", f"{folder}/IDX.csv", "--known-ahead", f"{folder}/earnings.csv")
    done = forked(
        "train", f"{folder}/FAKE.csv", *covariates, *QUICK, "--exchange", "weekdays", "--home", str(folder / "home")
    )
    assert done.code == 0, done.err
    return folder


def test_predict_beside_files_loads_nothing_heavy(trained: Path) -> None:
    words = ("predict", f"{trained}/FAKE.csv", "--json", "--home", str(trained / "home"))
    assert packages_loaded(*words).isdisjoint({*HEAVY, "rich", "pydantic"})
    assert cold(*words).data[0]["model"] == "FAKE"


def test_what_a_model_looks_at_is_shown(trained: Path) -> None:
    shown = forked("models", "show", "FAKE", "--home", str(trained / "home"))
    assert "IDX" in shown.out
    assert "earnings.csv" in " ".join(shown.out.split()).replace(" ", "")


def test_a_missing_covariate_ends_with_the_code_of_data_and_a_way_out(trained: Path) -> None:
    words = ("predict", f"{trained}/FAKE.csv", "--home", str(trained / "home"))
    done = forked(*words, "--with", f"{trained}/none.csv")
    assert (done.code, done.out) == (4, "")
    assert "no such file" in done.err
    assert "--with" in done.err
    done = forked(*words, "--known-ahead", f"{trained}/FAKE.csv", "--json")
    assert done.code == 0
    done = forked(*words, "--known-ahead", f"{trained}/none.csv", "--json")
    assert done.code == 4
    assert done.json["errors"][0]["kind"] == "data"


def test_a_model_that_looks_at_nothing_refuses_covariates(trained: Path, tmp_path: Path) -> None:
    fake = f"{trained}/FAKE.csv"
    assert forked("train", fake, *QUICK, "--home", str(tmp_path)).code == 0
    done = forked("predict", fake, "--with", f"{trained}/IDX.csv", "--home", str(tmp_path))
    assert done.code == 6
    assert "trained without covariates" in done.err
