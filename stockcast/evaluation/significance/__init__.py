"""Significance: whether a difference in score, or a hit rate, is more than luck. One-sided p-values throughout.

A test that cannot be made supports no claim: its statistic is NaN and its p-value 1.0.
"""

from stockcast.evaluation.significance.clarkwest import clark_west
from stockcast.evaluation.significance.confidenceset import model_confidence_set
from stockcast.evaluation.significance.dieboldmariano import diebold_mariano
from stockcast.evaluation.significance.multiplicity import benjamini_hochberg, holm
from stockcast.evaluation.significance.pesarantimmermann import pesaran_timmermann
from stockcast.evaluation.significance.series import pooled_by_date
from stockcast.evaluation.significance.variance import newey_west_variance
from stockcast.results.significance import ConfidenceSet, CWResult, DMResult, PTResult

__all__ = [
    "diebold_mariano",
    "clark_west",
    "pesaran_timmermann",
    "model_confidence_set",
    "benjamini_hochberg",
    "holm",
    "pooled_by_date",
    "newey_west_variance",
    "DMResult",
    "CWResult",
    "PTResult",
    "ConfidenceSet",
]
