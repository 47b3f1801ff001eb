"""Price files: CSV of any provider's layout and Parquet, read into a validated History."""

from stockcast.config.sources import ReadOptions
from stockcast.prices.csvfile.reader import looks_like_path, read

__all__ = ["ReadOptions", "looks_like_path", "read"]
