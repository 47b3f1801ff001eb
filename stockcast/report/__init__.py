"""Results in, text out: tables as data, and what writes them. It does no I/O.

What is said: `tables` (columns, and how values are written), `forecast`, `training`, `backtest`, `live` (fetches, runs,
the live record, the ledger), `models`, `checks`, `explain` with its `words`. How it is written: `text` for a terminal,
`html/` for the page of `report`, `papers` for Markdown and LaTeX, `data` for JSON and CSV.
"""
