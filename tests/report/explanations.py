"""Hand-built explanations: a window of eight sessions, two features."""

from __future__ import annotations

from datetime import date, timedelta

from stockcast.explanation import (
    Attribution,
    BaseTerm,
    Explanation,
    FeatureEffect,
    GateReading,
    LagEffect,
    Subject,
    Width,
)

ORIGIN = date(2021, 3, 31)
SESSIONS = tuple(ORIGIN - timedelta(days=7 - k) for k in range(8))
EFFECTS = (
    *((0.0, 0.0) for _ in range(6)),
    (0.01, 0.0),
    (0.03, -0.008),
)
RISING = tuple(k / 10 for k in range(1, 9))


def reading(name: str, layer: int = 1, size: bool = False) -> GateReading:
    """A gate that opens steadily from 0.1 to 0.8."""
    return GateReading(layer, name, size, RISING, 0.45, SESSIONS[0], SESSIONS[-1])


EXPLAINED = Explanation(
    subject=Subject("AAPL", "AAPL", "0123456789abcdef", "lstm", 4, "lstm", ORIGIN, date(2021, 4, 1), date(2021, 3, 1)),
    width=Width(
        usual=0.01,
        base=0.02,
        scale=0.0208,
        base_effect=0.69,
        network_effect=0.0392,
        event_effect=0.0,
        base_share=0.946,
        network_share=0.054,
        event_share=0.0,
        limited=False,
        terms=(BaseTerm("range_1", -8.0, -9.0, 0.7), BaseTerm("leverage", -0.1, -0.2, -0.01)),
    ),
    attribution=Attribution(
        method="integrated-gradients",
        target="scale",
        correction=0.0392,
        average=0.0072,
        direct=0.02,
        remainder=0.0,
        features=(
            FeatureEffect("volume_surprise", 2.4, 0.04, 0.04, 0.83),
            FeatureEffect("gap", -1.2, -0.008, 0.008, 0.17),
        ),
        lags=tuple(
            LagEffect(lag, SESSIONS[7 - lag], sum(row), sum(map(abs, row)), sum(map(abs, row)) / 0.048)
            for lag, row in enumerate(reversed(EFFECTS))
        ),
        names=("volume_surprise", "gap"),
        sessions=SESSIONS,
        effects=EFFECTS,
    ),
    gates=tuple(
        reading(name, size=name in ("candidate", "cell")) for name in ("input", "forget", "candidate", "output", "cell")
    ),
)
