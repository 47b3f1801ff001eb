"""A Yahoo on the loopback interface: prices that a test can change, faults that it can script, no internet."""
