"""Company: histories that are there already, where the pipeline asks for the sources of a call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np

from stockcast.pipeline.markets import Company, continued, market_of
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Progress
from stockcast.windows.market import Market


class FrameCompany(Company):
    """The series of one call: like files, they are taken to be of the model's exchange."""

    def __init__(self, histories: Sequence[History], home: Path) -> None:
        # Named as files are: a name without a folder would be a ticker, whose exchange is looked up in the store.
        self.histories = {f"./{history.ticker}": history for history in histories}
        super().__init__(tuple(self.histories), ReadOptions(), home)

    def load(self, source: str, progress: Progress) -> History:  # noqa: ARG002 - the signature of its base
        """The history of a series."""
        return self.histories[source]

    def market(self, kept: Market, last: date, progress: Progress) -> Market:  # noqa: ARG002 - as its base
        """The market of all series; the kept one alone where that reaches `last`."""
        if kept.dates_D[-1] >= np.datetime64(last):
            return kept
        return continued(kept, market_of(self.histories.values()))
