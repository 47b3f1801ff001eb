"""Many cases of what may happen to a user, by seed: `make torture`, and a short form of it in the suite."""
