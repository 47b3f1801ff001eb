"""Hand-built diagnoses: one in which something is broken, and one in which all is well."""

from __future__ import annotations

from stockcast.results import Check, Diagnosis

SICK = Diagnosis(
    (
        Check("home", True, "writable, 12.3 GB free"),
        Check("cron", None, "no run in the last 3 sessions", "see crontab -l"),
        Check("store", False, "the file is no database", "move stockcast.db away, then stockcast fetch"),
        Check("clock", None, "STOCKCAST_NOW is set"),
    )
)
WELL = Diagnosis(SICK.checks[:1])
