"""Floor 1: frozen results that travel up the street: what `pipeline` returns and `report` renders."""
