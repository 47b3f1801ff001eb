"""Quiet: what libraries say on stderr without being asked is for developers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_words_of(library: str) -> Iterator[None]:
    """Hold back what a library logs inside, errors excepted, and leave its logger as it was.

    Matplotlib, for example, warns on import where it cannot write under the user's home, and goes on without.
    """
    import logging

    logger = logging.getLogger(library)
    level = logger.level
    logger.setLevel(max(level, logging.ERROR))
    try:
        yield
    finally:
        logger.setLevel(level)
