"""Which engine a command works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stockcast.config.jobs import LOCAL, RAY, JobsConfig
from stockcast.engine.pieces import Engine


@contextmanager
def engine_of(config: JobsConfig | None) -> Iterator[Engine | None]:
    """The engine that was asked for, ended when the work is; None where all is done in this process, piece by piece."""
    engine = None if config is None else _opened(config)
    try:
        yield engine
    finally:
        if engine is not None:
            engine.close()


def _opened(config: JobsConfig) -> Engine | None:
    if config.engine == RAY:
        from stockcast.engine.raycluster import Ray

        return Ray(config.jobs, config.address)
    from stockcast.engine.local import Local, usual_jobs

    jobs = config.jobs or usual_jobs()
    return Local(jobs) if jobs > 1 else None


def planned_jobs(config: JobsConfig) -> int:
    """How many pieces would be done at the same time; of a cluster that was not asked, what was said of it, or 1."""
    from stockcast.engine.local import usual_jobs

    return config.jobs or (usual_jobs() if config.engine == LOCAL else 1)
