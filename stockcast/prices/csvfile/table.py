"""Table: named columns of cells, as they stand in a file, and how delimited text becomes one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.csvfile import names
from stockcast.prices.csvfile.dates import looks_like_date
from stockcast.prices.csvfile.column import Cells, Column, shown

_DELIMITERS = ";\t|,"
_SAMPLE_LINES = 20
