"""Hand-built reproductions: one that succeeded, and one in which something differs."""

from __future__ import annotations

from stockcast.results import Reproduction, TensorDifference

SAME = Reproduction("AAPL", 1, "0123456789abcdef", "0123456789abcdef", True, 15, (), (), {}, "cpu")
OTHER = Reproduction(
    model="other",
    members=1,
    model_id="0123456789abcdef",
    again="fedcba9876543210",
    identical=False,
    tensors=15,
    different=(TensorDifference("scored.readout_SHD", 48, 3, 2.5e-7), TensorDifference("served.centre", 9)),
    parameters=("scored.base_scale.mu",),
    versions={"torch": ("2.9.0", "2.13.0"), "arch": (None, "8.0.0")},
    device="cpu",
)
