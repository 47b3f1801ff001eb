"""Records of a report: the one-step forecasts of the competitors, and how those of two of them fit together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stockcast.evaluation.scores import ForecastRows
    from stockcast.results import Report


def one_step(report: Report) -> dict[str, ForecastRows]:
    """Forecasts of the next session by competitor; those further ahead are no part of the charts."""
    return {rows.model: rows for rows in report.result.rows if rows.horizon == 1 and len(rows.crps)}


def network_rows(report: Report) -> ForecastRows | None:
    """Those of the network that the verdict is about."""
    return one_step(report).get(report.result.network)


def strongest_rows(report: Report) -> ForecastRows | None:
    """Those of the strongest baseline."""
    return one_step(report).get(report.result.verdict.strongest_baseline)


@dataclass(frozen=True, eq=False)
class Pair:
    """Losses of two competitors for the sessions that both have a score for. Arrays [N], oldest first."""

    sessions_N: NDArray[np.datetime64]
    loss_N: NDArray[np.float64]
    baseline_N: NDArray[np.float64]


def paired(rows: ForecastRows, baseline: ForecastRows) -> Pair:
    """CRPS of both by target session."""
    sessions, mine, theirs = np.intersect1d(rows.target_sessions, baseline.target_sessions, return_indices=True)
    loss, other = rows.crps[mine], baseline.crps[theirs]
    known = np.isfinite(loss) & np.isfinite(other)
    return Pair(sessions[known], loss[known], other[known])
