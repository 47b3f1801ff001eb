"""A pool that does not fit into the memory: the same bytes from files, of which nothing is left, however it ends."""

from __future__ import annotations

import errno
import gc
import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stockcast import pipeline
from stockcast.config import TrainConfig
from stockcast.errors import StorageError
from stockcast.models.problem import Ends, Preprocessing, Problem, Series, WindowShape, in_memory
from stockcast.pipeline.initial import TrainingResult
from stockcast.pipeline.pools import Pool, PoolSources, files_for
from stockcast.pipeline.source import PriceSource
from stockcast.pipeline.trainer import Trainer
from stockcast.pipeline.training import train_pool
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.storage import panelfile
from stockcast.storage.panelfile import PanelFiles
from stockcast.windows.features import BURN_IN
from tests import synthetic
from tests.pipeline.test_pooltraining import CONFIG, QUICK, SERIES, few_baselines, pool_of

HISTORIES = list(SERIES.values())
LAST_STEP = replace(CONFIG, training=replace(CONFIG.training, supervision="last-step"))
SHAPE = WindowShape(30, 10, True, 20)


def pool_in_files(home: Path) -> Pool:
    pool = pool_of(HISTORIES)
    return Pool.of(HISTORIES, pool.calendar, None, files_for(home, HISTORIES, memory=0))


def cached(home: Path) -> list[str]:
    """What is left in the cache, but the lock of all."""
    return sorted(path.name for path in (home / "cache").glob("panel-*"))


def learned(pool: Pool, config: TrainConfig, home: Path, market: bool) -> tuple[TrainingResult, str]:
    trainer = Trainer.of_pool(pool, config, home, Silent())
    found = trainer.learn(market)
    return found, trainer.final(found, market).ensemble.fingerprint()


@pytest.mark.parametrize("market", [True, False])
@pytest.mark.parametrize("config", [CONFIG, LAST_STEP], ids=["chunks", "windows"])
def test_files_give_the_bytes_that_the_memory_gives(tmp_path: Path, config: TrainConfig, market: bool) -> None:
    (held, held_final), (kept, kept_final) = (
        learned(pool, config, tmp_path, market) for pool in (pool_of(HISTORIES), pool_in_files(tmp_path))
    )
    assert kept.network.fingerprint() == held.network.fingerprint()
    assert kept.chosen == held.chosen
    assert kept_final == held_final
    assert not cached(tmp_path)


def test_a_model_from_files_is_the_model_from_the_memory(tmp_path: Path) -> None:
    with few_baselines():
        held = train_pool(pool_of(HISTORIES), QUICK, tmp_path / "held", "pool", Silent())
        kept = train_pool(pool_in_files(tmp_path / "kept"), QUICK, tmp_path / "kept", "pool", Silent())
    assert (kept.verdict, kept.sentences, kept.curves) == (held.verdict, held.sentences, held.curves)
    weights = [(one.path / "weights.safetensors").read_bytes() for one in (held, kept)]
    assert weights[0] == weights[1]


def gathered(home: Path, folder: Path, memory: float | None) -> PoolSources:
    (folder / "again").mkdir(parents=True, exist_ok=True)
    files = [str(synthetic.write_csv(folder / f"{history.ticker}.csv", history)) for history in reversed(HISTORIES)]
    files.append(str(synthetic.write_csv(folder / "again" / "A.csv", HISTORIES[0])))
    return pipeline.gather(PriceSource(home), files, Silent(), "weekdays", memory=memory)


def columns(history: History) -> dict[str, bytes | None]:
    every = {name: value for name, value in vars(history).items() if name not in {"ticker", "events"}}
    return {name: value.tobytes() if isinstance(value, np.ndarray) else value for name, value in every.items()}


def test_what_is_gathered_in_files_is_what_is_gathered_in_memory(tmp_path: Path) -> None:
    held, kept = (gathered(tmp_path, tmp_path / "files", memory) for memory in (None, 0))
    assert held.files is None
    assert kept.files == PanelFiles(tmp_path)
    assert [history.ticker for history in kept.found] == sorted(SERIES)
    for one, other in zip(held.found, kept.found, strict=True):
        assert one.dates.dtype == other.dates.dtype
        assert columns(one) == columns(other)
    assert [failure.error.message for failure in held.failures] == [failure.error.message for failure in kept.failures]
    assert len(held.failures) == 1
    fingerprints = [learned(one.pool(), QUICK, tmp_path, market=True)[0].network.fingerprint() for one in (held, kept)]
    assert fingerprints[0] == fingerprints[1]


def test_gathered_bars_are_in_a_file_as_long_as_somebody_refers_to_them(tmp_path: Path) -> None:
    pool = gathered(tmp_path, tmp_path / "files", memory=0).pool()
    gc.collect()
    assert len(cached(tmp_path)) == 1
    assert pool.members[0].history.ticker == "A"
    bars = columns(pool.members[2].history)
    sent = pickle.dumps(pool.members[2])
    del pool
    gc.collect()
    assert not cached(tmp_path)
    assert columns(pickle.loads(sent).history) == bars  # noqa: S301 - as a worker gets it


def test_a_full_disk_is_told_while_prices_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(panelfile, "open_private", full)
    with pytest.raises(StorageError, match=r"cannot write .*bars: No space left on device"):
        gathered(tmp_path, tmp_path / "files", memory=0)


@pytest.fixture(scope="module")
def series() -> list[Series]:
    return Trainer.of_pool(pool_of(HISTORIES), CONFIG, Path(), Silent()).series(market=False)


@pytest.fixture(scope="module")
def preprocessing(series: list[Series]) -> Preprocessing:
    return Preprocessing.of(series)


@pytest.fixture(scope="module")
def both(
    series: list[Series], preprocessing: Preprocessing, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Problem, Problem]]:
    files = PanelFiles(tmp_path_factory.mktemp("both")).store
    cpu = torch.device("cpu")
    with (
        Problem.of(series, preprocessing, SHAPE, cpu, in_memory) as held,
        Problem.of(series, preprocessing, SHAPE, cpu, files) as kept,
    ):
        yield held, kept


@given(numbers=st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_the_two_stores_draw_the_same_windows(both: tuple[Problem, Problem], numbers: list[int]) -> None:
    ends, windows = [], []
    for problem in both:
        ends.append(problem.ends[np.array(numbers) % len(problem.ends)])
        starts = torch.from_numpy(ends[-1] - (SHAPE.length - 1))
        windows.append(SHAPE.of(problem.xy_TC)[starts].numpy().tobytes())
    np.testing.assert_array_equal(ends[0], ends[1])
    assert windows[0] == windows[1]


def test_every_window_lies_within_the_training_part_of_one_series(
    series: list[Series], both: tuple[Problem, Problem]
) -> None:
    ends_N = both[1].ends[np.arange(len(both[1].ends))]
    starts_S = np.cumsum([0, *(one.length for one in series)])[:-1]
    owner_N = np.searchsorted(starts_S, ends_N, side="right") - 1
    row_N = ends_N - starts_S[owner_N]
    assert (row_N - (SHAPE.length - 1) >= BURN_IN).all()
    assert (row_N < np.array([one.train.stop for one in series])[owner_N]).all()
    assert np.unique(ends_N).size == len(ends_N)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30)), min_size=1, max_size=8))
def test_windows_are_numbered_as_if_all_were_listed(parts: list[tuple[int, int]]) -> None:
    ranges = [range(start, start + count) for start, count in parts]
    listed = np.concatenate([np.arange(one.start, one.stop) for one in ranges])
    ends = Ends.of(ranges)
    assert len(ends) == len(listed)
    np.testing.assert_array_equal(ends[np.arange(len(listed))], listed)


def test_what_is_read_leaves_the_memory_with_its_last_reference(
    series: list[Series], preprocessing: Preprocessing, tmp_path: Path
) -> None:
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("the system does not list what is mapped")
    with Problem.of(series, preprocessing, SHAPE, torch.device("cpu"), PanelFiles(tmp_path).store) as problem:
        assert str(tmp_path) not in maps.read_text()
        table = problem.xy_TC
        assert str(tmp_path) in maps.read_text()
        del table
        assert str(tmp_path) not in maps.read_text()


@pytest.mark.skipif(os.name == "nt", reason="folders have no such modes there")
def test_the_cache_is_for_the_user_alone(tmp_path: Path) -> None:
    with PanelFiles(tmp_path / "home").store(iter([np.zeros((2, 3), np.float32)]), (2, 3)):
        every = [path for path in (tmp_path / "home" / "cache").rglob("*") if path.name != "lock"]
        assert [path.name for path in every if path.is_file()] == ["columns.f32"]
        assert not any(path.stat().st_mode & 0o077 for path in every)


def fail_after(pieces: int, error: Exception) -> Iterator[np.ndarray]:
    for _ in range(pieces):
        yield np.zeros((10, 2), np.float32)
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("columns")])
def test_whatever_stops_the_writing_takes_the_file_away(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)), PanelFiles(tmp_path).store(fail_after(2, error), (40, 2)):
        pytest.fail("it was not written")
    assert not cached(tmp_path)


@pytest.mark.parametrize("when", ["before", "while writing"])
def test_a_full_disk_is_one_right_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    pieces = fail_after(2, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    if when == "before":
        usage = shutil.disk_usage(tmp_path)._replace(free=100)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    message = r"cannot write .*columns\.f32: No space left on device"
    with pytest.raises(StorageError, match=message) as caught, PanelFiles(tmp_path).store(pieces, (40, 2)):
        pytest.fail("it was not written")
    assert "Free some space" in str(caught.value.hint)
    assert not cached(tmp_path)


OWNER = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    import numpy as np
    from stockcast.storage.panelfile import PanelFiles
    with PanelFiles(Path(sys.argv[1])).store(iter([np.zeros((2, 3), np.float32)]), (2, 3)):
        print("kept", flush=True)
        time.sleep(600)
    """
)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL there")
def test_what_a_killed_training_left_is_swept_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "kept\n"
        (theirs,) = cached(tmp_path)
        with PanelFiles(tmp_path).store(iter([np.ones((2, 3), np.float32)]), (2, 3)) as read:
            assert theirs in cached(tmp_path)
            assert len(cached(tmp_path)) == 2
            assert (read() == 1).all()
        assert cached(tmp_path) == [theirs]
        owner.send_signal(signal.SIGKILL)
    assert cached(tmp_path) == [theirs]
    with PanelFiles(tmp_path).store(iter([np.ones((2, 3), np.float32)]), (2, 3)):
        assert theirs not in cached(tmp_path)
    assert not cached(tmp_path)


def test_a_pool_is_in_files_where_it_needs_more_than_is_allowed(tmp_path: Path) -> None:
    gib = sum(map(len, HISTORIES)) * 500 / 2**30
    assert files_for(tmp_path, HISTORIES) is None
    assert files_for(tmp_path, HISTORIES, memory=1.01 * gib) is None
    assert files_for(tmp_path, HISTORIES, memory=0.99 * gib) == PanelFiles(tmp_path)
