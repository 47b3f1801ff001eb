"""Floor 2: validated price histories, from files and by the exchange's calendar."""
