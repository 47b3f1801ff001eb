"""Floor 4: base scale, networks, their training, and the baselines they have to beat."""
