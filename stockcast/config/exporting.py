"""What can be exported of a model, and how."""

from __future__ import annotations

FORMATS = ("onnx",)
FITS = ("served", "scored", "alone-served", "alone-scored")
"""served: makes the forecasts. scored: has not seen the test part. alone: of a pool, without a market."""
