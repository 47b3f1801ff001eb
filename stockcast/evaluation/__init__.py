"""Floor 6: scores, significance, and the backtest that leads to a verdict."""
