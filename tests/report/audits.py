"""A hand-built audit: what `pipeline.audit` could have returned."""

from __future__ import annotations

from stockcast.results import AuditCheck, AuditResult

AUDITED = AuditResult(
    ticker="AAPL",
    settings={
        "cell": "lstm",
        "hidden_size": 16,
        "layers": 1,
        "lookback": 60,
        "seeds": 1,
        "seed": 0,
        "steps": 40,
        "supervision": "dense",
        "init": "general",
        "first": "2010-01-04",
        "last": "2021-03-31",
        "validate_from": "2017-06-02",
        "cutoff": "2019-09-30",
        "test_from": "2019-10-01",
        "origins": ["2019-11-04", "2020-06-01"],
        "horizons": [1, 2, 5],
        "competitors": ["lstm", "har-t", "garch-t"],
    },
    checks=(
        AuditCheck("features", True, "9 inputs of 60 sessions, byte by byte, whatever comes after the origin"),
        AuditCheck("lagged copy", None, "no skill as a point"),
        AuditCheck("base scale", False, "differs: parameters"),
    ),
    left_out=("covariates: there are none",),
    verdict="AAPL looks ahead: base scale.",
)  # fmt: skip
