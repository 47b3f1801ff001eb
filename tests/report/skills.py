"""Hand-built skill tables: of two tickers, of one, and without GARCH."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import nan

from stockcast.results import SkillRow, SkillTable

LSTM = SkillRow("lstm", "network", 96.834, 0.00876, 0.00876, 0.00238, 0.0247, 0.0395, 0.504, 0.90082, 2, 1, None, None)
HAR = SkillRow("har-t", "baseline", 97.05, 0.0064, 0.0064, 0.0, 0.018, 0.03, 0.5122, 0.9044, 2, None, 0.0024, 1.6e-8)
GARCH = SkillRow("garch-t", "baseline", 97.68, 0.0, 0.0, -0.0064, 0.0, 0.0, 0.524, 0.907, None, 0, 0.0088, 0.0312)
NAIVE = SkillRow(
    "random-walk", "baseline", 100.29, -0.0276, -0.0276, -0.0342, None, -0.085, 0.489, 0.867, 0, 0, 0.0353, nan
)
TABLE = SkillTable(
    rows=(LSTM, HAR, GARCH, NAIVE),
    tickers=("AAPL", "^GSPC"),
    first=date(2016, 1, 4),
    last=date(2021, 4, 21),
    n=2668,
    folds=(6, 6),
    network="lstm",
    reference="garch-t",
    confidence_set={"lstm": 1.0},
)
ALONE = replace(
    TABLE,
    tickers=("AAPL",),
    rows=tuple(replace(row, better_than_garch=None, better_than_har=None) for row in TABLE.rows),
)
WITHOUT_GARCH = replace(
    TABLE, reference="ewma-t", rows=tuple(replace(row, garch_gain=None, better_than_garch=None) for row in TABLE.rows)
)
GRU = replace(LSTM, model="gru", network_gain=0.0003)
