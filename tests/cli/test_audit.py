from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from typer.main import get_command

from stockcast.cli.checks import HORIZON
from stockcast.cli.commands import application
from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import AUDITING
from stockcast.results import AuditCheck, AuditResult
from tests import leaks, synthetic
from tests.cli.conftest import Run
from tests.processes import Completed

HONEST = AuditResult(
    "good",
    {
        "first": "2010-01-04", "last": "2012-01-03", "validate_from": "2011-01-03", "test_from": "2011-06-01",
        "cutoff": "2011-05-31", "origins": ["2011-05-31", "2011-09-01"], "horizons": [1, 2, 3], "cell": "lstm",
        "hidden_size": 16, "layers": 1, "lookback": 60, "seeds": 1, "seed": 0, "steps": 40,
        "supervision": "every-step", "competitors": ["lstm", "har-t"],
    },
    (AuditCheck("features", True, "9 inputs"), AuditCheck("lagged copy", None, "no skill as a point")),
    ("calibration by the ledger: forecasts of a file have none",),
    "good: no forecast looks ahead.",
)  # fmt: skip
LEAKY = AuditResult(
    "leaky", HONEST.settings, (AuditCheck("base scale", False, "differs: parameters"),), (), "leaky: base scale."
)


@dataclass(frozen=True)
class Audit:
    """The command line, with an audit that returns at once."""

    run: Run

    def __call__(self, *words: str) -> Completed:
        return self.run("audit", *words)

    @property
    def config(self) -> TrainConfig:
        """The configuration of the last audit."""
        found: TrainConfig = self.run.last("audit")["config"]
        return found


@pytest.fixture
def audit(run: Run) -> Audit:
    run.pipeline.answers["audit"] = lambda source, **_: LEAKY if source == "leaky" else HONEST
    return Audit(run)


def test_the_options_of_train_arrive_in_the_configuration(audit: Audit, home: Path) -> None:
    words = [
        "--start", "2010-01-04", "--end", "2021-03-31", "--validate-from", "2017-01-03", "--test-from", "2019-01-02",
        "--cell", "gru", "--lookback", "30", "--horizon", "5", "--hidden-size", "8", "--seeds", "2", "--seed", "7",
        "--steps", "9", "--supervision", "last-step", "--exchange", "XLON",
    ]  # fmt: skip
    assert audit("good", *words).code == 0
    source, read, where, fetch_session = audit.run.last("audit").values("source", "read", "home", "fetch_session")
    assert (source, where) == ("good", home)
    assert (read.start, read.end, read.exchange) == (date(2010, 1, 4), date(2021, 3, 31), "XLON")
    assert fetch_session is not None
    assert audit.config == TrainConfig(
        NetworkConfig("gru", 8, lookback=30),
        TrainingConfig(seeds=2, seed=7, steps=9, supervision="last-step"),
        SplitConfig(date(2017, 1, 3), date(2019, 1, 2)),
        horizon=5,
    )


def test_without_options_it_is_the_training_of_train_that_is_audited(audit: Audit) -> None:
    outcome = audit("good")
    assert audit.config == TrainConfig(horizon=HORIZON)
    words = " ".join(outcome.out.split())
    assert "1 seed from 0, at most 40 steps" in words
    assert "Origins 2011-05-31, 2011-09-01; 1 to 3 sessions ahead" in words


@pytest.mark.parametrize("words", [("--init", "scratch"), ("--cell", "gru"), ("--learning-rate", "0.01")])
def test_from_scratch_the_audit_is_quick(audit: Audit, words: tuple[str, ...]) -> None:
    audit("good", *words)
    training = audit.config.training
    assert (training.seeds, training.steps) == (AUDITING.seeds, AUDITING.steps)
    audit("good", *words, "--seeds", "4", "--steps", "100")
    training = audit.config.training
    assert (training.seeds, training.steps) == (4, 100)


def test_passes_of_a_length_are_not_mixed_with_steps(audit: Audit) -> None:
    assert audit("good", "--epochs", "2").code == 0
    training = audit.config.training
    assert (training.steps, training.epochs) == (None, 2)
    assert audit("good", "--epochs", "2", "--steps", "3").code == 2


def test_a_table_a_verdict_and_what_was_not_checked_are_on_stdout(audit: Audit) -> None:
    outcome = audit("good")
    assert outcome.code == 0
    assert outcome.err == ""
    lines = [" ".join(line.split()) for line in outcome.out.splitlines()]
    assert "features pass 9 inputs" in lines
    assert "lagged copy warn no skill as a point" in lines
    assert "not checked: calibration by the ledger: forecasts of a file have none" in lines
    assert lines[-1] == "good: no forecast looks ahead."


def test_a_leak_is_exit_code_8_with_the_table_all_the_same(audit: Audit) -> None:
    outcome = audit("good", "leaky")
    assert outcome.code == 8
    assert "FAIL" in outcome.out
    assert "error: leaky: base scale." in outcome.err


def test_a_leak_is_worse_than_a_source_without_prices(audit: Audit) -> None:
    outcome = audit("bad", "leaky", "good", "--json")
    assert outcome.code == 8
    document = outcome.json
    assert (document["schema"], document["ok"]) == ("stockcast.audit/1", False)
    assert [entry["ticker"] for entry in document["data"]] == ["leaky", "good"]
    assert document["data"][0]["checks"] == [{"name": "base scale", "ok": False, "detail": "differs: parameters"}]
    assert document["data"][1]["checks"][1]["ok"] is None
    assert document["data"][1]["settings"]["cell"] == "lstm"
    assert [(error["source"], error["kind"]) for error in document["errors"]] == [("bad", "data"), ("leaky", "audit")]
    assert audit("bad", "good").code == 4


@pytest.fixture
def real(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    """The command line with the audit itself, of a small network and two baselines on synthetic prices."""
    path = synthetic.write_csv(tmp_path / "FAKE.csv", synthetic.history(640))
    small = ("--lookback", "15", "--hidden-size", "3", "--steps", "12", "--learning-rate", "0.02")

    def command_line(*words: str) -> Completed:
        code = get_command(application()).main(["audit", str(path), *small, *words], standalone_mode=False)
        return Completed(code, *capsys.readouterr())

    with synthetic.only_baselines("random-walk", "har-t"):
        yield command_line


def test_honest_prices_pass_and_nothing_is_saved(real: Run, home: Path) -> None:
    outcome = real("--json", "-q")
    assert (outcome.code, outcome.err) == (0, "")
    document = outcome.json
    assert (document["schema"], document["ok"], document["errors"]) == ("stockcast.audit/1", True, [])
    entry = document["data"][0]
    assert entry["ticker"] == "FAKE"
    assert all(check["ok"] is not False for check in entry["checks"])
    assert "no forecast looks ahead" in entry["verdict"]
    assert entry["settings"]["steps"] == 12
    assert not home.exists()


def test_a_planted_leak_fails_the_audit(real: Run, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    leaks.base_scale(monkeypatch)
    outcome = real()
    assert outcome.code == 8
    lines = [" ".join(line.split()) for line in outcome.out.splitlines()]
    assert any(line.startswith("base scale FAIL differs: parameters") for line in lines)
    assert any(line.startswith("standardiser pass") for line in lines)
    assert "FAKE: something looks ahead" in outcome.err
    assert "future replaced: training lstm" in outcome.err
    assert not home.exists()


def test_an_audit_says_what_the_network_begins_with(audit: Audit) -> None:
    words = " ".join(audit("good").out.split())
    assert "initialised from" not in words
    tuned = replace(HONEST, settings=HONEST.settings | {"init": "general"})
    audit.run.pipeline.answers["audit"] = lambda **_: tuned
    assert "lstm initialised from general, " in " ".join(audit("good").out.split())
