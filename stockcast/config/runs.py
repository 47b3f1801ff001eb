"""Settings of `stockcast run`: frozen dataclasses, one per table of its file, validated on construction."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from stockcast.config.models import PredictConfig, TrainConfig, require


@dataclass(frozen=True)
class RetrainConfig:
    """When a run trains.

    every: sessions after which a model is trained again, 0: never for its age. on_decay: also where its live record
    is worse than its baselines. first: also where a ticker has no model yet.
    """

    every: int = 63
    on_decay: bool = True
    first: bool = True

    def __post_init__(self) -> None:
        require(0 <= self.every <= 10_000, f"{self.every} sessions is not within 0 .. 10000")


@dataclass(frozen=True)
class ForecastConfig:
    """What a run forecasts.

    horizon: sessions ahead. calibrate: widen or narrow the intervals by what the settled forecasts taught. paths,
    seed: of the simulation. allow_stale: forecast although the newest bar is not that of the last session.
    """

    horizon: int = 1
    calibrate: bool = True
    paths: int = PredictConfig.paths
    seed: int = PredictConfig.seed
    allow_stale: bool = False

    def __post_init__(self) -> None:
        PredictConfig(horizon=self.horizon, paths=self.paths)
        require(0 <= self.seed < 2**31, f"seed {self.seed} is not within 0 .. 2147483647")


@dataclass(frozen=True)
class OutputConfig:
    """Where a run writes its forecasts.

    folder: created where it is missing. jsonl, csv: names of the files that grow, latest: of the one that each run
    replaces; None: not written.
    """

    folder: Path = Path("forecasts")
    jsonl: str | None = "forecasts.jsonl"
    csv: str | None = "forecasts.csv"
    latest: str | None = "latest.json"

    def __post_init__(self) -> None:
        names = [name for name in (self.jsonl, self.csv, self.latest) if name is not None]
        for name in names:
            require(_names_a_file(name), f"{name!r} is no file name", "write a name without folders, or false")
        require(
            len({name.casefold() for name in names}) == len(names),
            f"two of the files have one name: {', '.join(names)}",
            "give jsonl, csv and latest names of their own",
        )

    @property
    def jsonl_path(self) -> Path | None:
        """The file of one JSON document a line; None where it is switched off."""
        return self.folder / self.jsonl if self.jsonl else None

    @property
    def csv_path(self) -> Path | None:
        """The same forecasts as a table; None where it is switched off."""
        return self.folder / self.csv if self.csv else None

    @property
    def latest_path(self) -> Path | None:
        """The file of the newest run; None where it is switched off."""
        return self.folder / self.latest if self.latest else None


@dataclass(frozen=True)
class LimitsConfig:
    """How much a run asks of the provider.

    timeout: seconds for the fetching of all tickers. pause: seconds between two tickers, before jitter.
    give_up_after: tickers in a row that may fail because the provider is unreachable.
    """

    timeout: float = 600.0
    pause: float = 0.5
    give_up_after: int = 3

    def __post_init__(self) -> None:
        require(1.0 <= self.timeout <= 86_400.0, f"timeout {self.timeout:g} is not within 1 .. 86400 seconds")
        require(0.0 <= self.pause <= 600.0, f"pause {self.pause:g} is not within 0 .. 600 seconds")
        require(1 <= self.give_up_after <= 1000, f"{self.give_up_after} tickers is not within 1 .. 1000")


@dataclass(frozen=True)
class RunConfig:
    """Everything that `run` decides. tickers: in upper case, each once, at least one."""

    tickers: tuple[str, ...]
    retrain: RetrainConfig = field(default_factory=RetrainConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    forecast: ForecastConfig = field(default_factory=ForecastConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)

    def __post_init__(self) -> None:
        require(
            bool(self.tickers), "there is no ticker", "name some: tickers or watchlist in the file, or as arguments"
        )


def _names_a_file(name: str) -> bool:
    return name.strip() not in ("", ".", "..") and not set(name) & set('/\\:\0"*?<>|') and len(name.encode()) <= 200
