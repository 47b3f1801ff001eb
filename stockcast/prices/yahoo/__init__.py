"""Prices from Yahoo Finance: the only package that knows yfinance."""
