"""Price files: CSV of any provider's layout and Parquet, read into a validated History."""

from stockcast.config.sources import ReadOptions
from stockcast.prices.csvfile.content import looks_like_path
from stockcast.prices.csvfile.reader import DatedFile, PriceFile, read, read_dates, read_file

__all__ = ["ReadOptions", "DatedFile", "PriceFile", "looks_like_path", "read", "read_dates", "read_file"]
