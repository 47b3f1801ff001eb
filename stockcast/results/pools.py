"""Pools: what training one model on many series found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from stockcast.results.backtests import BacktestSummary
from stockcast.results.training import LossCurve, PartSummary, Verdict


@dataclass(frozen=True)
class PoolResult:
    """What `train --pool` did.

    members: tickers of the pool; those with a training part taught the model. summary: every ticker with a test part,
    scored alone and all together. verdict: on all of them. adjusted_p: by ticker, the p-value over the strongest
    baseline after control of the false discovery rate (Benjamini and Hochberg); sentences: the verdict on each ticker,
    with such p-values. untested: members without enough sessions around the test part. market: whether the network
    looks at the cross-section. splits: parts by name, in sessions that any series has. left_out: the exchange of each
    ticker that is no member because it trades elsewhere than the others. steps: of each network of the ensemble.
    """

    model: str
    model_id: str
    cell: str
    members: tuple[str, ...]
    untested: tuple[str, ...]
    market: bool
    splits: dict[str, PartSummary]
    summary: BacktestSummary
    verdict: Verdict
    sentences: dict[str, str]
    adjusted_p: dict[str, float]
    scored_cutoff: date
    served_cutoff: date
    steps: tuple[int, ...]
    curves: tuple[LossCurve, ...]
    path: Path
    left_out: dict[str, str] = field(default_factory=dict)
