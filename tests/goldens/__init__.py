"""Goldens: what every command says and writes, recorded on one source tree and compared with another's."""
