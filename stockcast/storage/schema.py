"""Schema: the tables of the database, as the steps that lead from one version to the next.

Days are ISO dates and times ISO times in UTC, so that they sort as text. Columns of numbers that must come back bit
by bit have no type: a column of type REAL would turn -0.0 into 0.0.
"""

from __future__ import annotations

Step = tuple[str, ...]

_PRICES: Step = (
    """
    CREATE TABLE instruments (
        ticker TEXT NOT NULL PRIMARY KEY,
        exchange TEXT NOT NULL,
        currency TEXT,
        zone TEXT NOT NULL,
        calendar TEXT NOT NULL,
        hours TEXT NOT NULL,
        fetched_at TEXT NOT NULL,
        guessed INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE prices (
        ticker TEXT NOT NULL REFERENCES instruments (ticker),
        session TEXT NOT NULL,
        open, high, low, close, adjusted_close, volume, dividends, splits,
        PRIMARY KEY (ticker, session)
    ) WITHOUT ROWID
    """,
)

_LEDGER: Step = (
    # AUTOINCREMENT: an id is never given twice, so whoever appends to a file can go on from the last one.
    """
    CREATE TABLE forecasts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        ticker TEXT NOT NULL,
        model TEXT NOT NULL,
        origin TEXT NOT NULL,
        horizon INTEGER NOT NULL,
        target_session TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('live', 'replay')),
        recorded_at TEXT NOT NULL,
        document TEXT NOT NULL,
        alpha,
        low_50 NOT NULL, high_50 NOT NULL, low_90 NOT NULL, high_90 NOT NULL,
        raw_low_50 NOT NULL, raw_high_50 NOT NULL, raw_low_90 NOT NULL, raw_high_90 NOT NULL,
        UNIQUE (ticker, origin, horizon, model)
    )
    """,
    "CREATE INDEX forecasts_by_target ON forecasts (ticker, target_session)",
    # competitor: a baseline's name, or '' for the law that is served.
    """
    CREATE TABLE laws (
        forecast_id INTEGER NOT NULL REFERENCES forecasts (id),
        competitor TEXT NOT NULL,
        family TEXT NOT NULL,
        parameters BLOB NOT NULL,
        PRIMARY KEY (forecast_id, competitor)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE outcomes (
        forecast_id INTEGER NOT NULL PRIMARY KEY REFERENCES forecasts (id),
        settled_at TEXT NOT NULL,
        void TEXT,
        realised_return, crps, log_score, pit, error,
        hit_50, hit_90, interval_score_90, raw_hit_50, raw_hit_90, raw_interval_score_90,
        CHECK ((void IS NULL) = (realised_return IS NOT NULL))
    )
    """,
    """
    CREATE TABLE baseline_scores (
        forecast_id INTEGER NOT NULL REFERENCES outcomes (forecast_id),
        baseline TEXT NOT NULL,
        crps NOT NULL, log_score, pit NOT NULL,
        PRIMARY KEY (forecast_id, baseline)
    ) WITHOUT ROWID
    """,
    # What was said before the outcome stays as it was said, whoever asks.
    *(
        f"""
        CREATE TRIGGER {table}_never_change BEFORE UPDATE ON {table}
        BEGIN SELECT RAISE (ABORT, 'a recorded forecast never changes'); END
        """
        for table in ("forecasts", "laws")
    ),
)

_RUNS: Step = (
    """
    CREATE TABLE trainings (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        ticker TEXT NOT NULL,
        model TEXT NOT NULL,
        session TEXT NOT NULL,
        finished_at TEXT NOT NULL,
        outcome TEXT NOT NULL CHECK (outcome IN ('first', 'replaced', 'kept')),
        reason TEXT NOT NULL,
        old_crps, new_crps,
        sessions INTEGER NOT NULL,
        model_id TEXT NOT NULL
    )
    """,
    "CREATE INDEX trainings_by_model ON trainings (ticker, model)",
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        started_at TEXT NOT NULL,
        finished_at TEXT,
        summary TEXT
    )
    """,
)

STEPS: tuple[Step, ...] = ((*_PRICES, *_LEDGER, *_RUNS),)
"""STEPS[n] leads from version n to version n + 1; version 0 is an empty file. Steps that were released never change."""

VERSION = len(STEPS)
"""What PRAGMA user_version says of a file that this version of stockcast writes."""
