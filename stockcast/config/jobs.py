"""Jobs: on how many cores a command works, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass

from stockcast.config.settings import JOBS, Bounds, Checked, setting
from stockcast.errors import UsageError

LOCAL, RAY = ENGINES = ("local", "ray")


@dataclass(frozen=True)
class JobsConfig(Checked):
    """How many pieces of the work are done at the same time, and where: in processes of this machine, or on Ray."""

    jobs: int | None = setting(
        None,
        "Pieces of the work done at the same time; 1: no further process",
        JOBS,
        shown="all cores",
        toml="processes at the same time; unset: all cores",
        example="1",
        bounds=Bounds(1, 10_000),
        said="{} jobs are",
        envvar="STOCKCAST_JOBS",
    )
    engine: str = setting(LOCAL, "Where: processes of this machine, or a Ray cluster", JOBS, choices=ENGINES)
    address: str | None = setting(
        None,
        "Address of the Ray cluster",
        JOBS,
        metavar="HOST:PORT",
        shown="the one that RAY_ADDRESS names, else one on this machine",
        example='"auto"',
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.address is not None and self.engine != RAY:
            raise UsageError(f"--address {self.address} without --engine ray", "add --engine ray")
