"""Floor 3: from bars to causal features, lagged windows and splits by date."""
