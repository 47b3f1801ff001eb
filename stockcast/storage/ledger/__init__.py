"""Ledger: every forecast as it was made, settled when its target session is over; nothing in it is ever changed."""
