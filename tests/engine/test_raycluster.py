"""Pieces on Ray: a cluster of two nodes with one CPU each, what is lost there, and a Ray that a command begins.

A run on a Ray of its own is among the live tests.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stockcast import pipeline
from stockcast.config.jobs import JobsConfig
from stockcast.engine.choosing import engine_of
from stockcast.engine.pieces import Engine, Piece, Task, run_all, run_here
from stockcast.engine.raycluster import SETTINGS, Ray
from stockcast.errors import ConfigError, SourceUnavailable
from stockcast.prices.csvfile import ReadOptions
from stockcast.progress import Silent
from tests import synthetic
from tests.engine.pieces import Gated, Squared, Waiting, answers, lives, squares, until, waiting
from tests.pipeline import walks
from tests.processes import environment

INSTALLED = importlib.util.find_spec("ray") is not None

with_ray = pytest.mark.skipif(not INSTALLED, reason="ray is not installed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and a second node, with one CPU each."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)  # before the import
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    found.add_node(num_cpus=1)
    yield found
    found.shutdown()


@pytest.fixture
def engine(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("STOCKCAST_NOW", "2020-01-02T12:00:00Z")
    with engine_of(JobsConfig(engine="ray", address=cluster.address)) as found:
        assert found is not None
        yield found


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What has been put into the object store."""
    import ray

    found: list[bytes] = []
    put = ray.put
    monkeypatch.setattr(ray, "put", lambda value: found.append(value) or put(value))
    return found


@with_ray
def test_pieces_come_back_as_from_processes_of_this_machine(
    engine: Engine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert engine.jobs == 2
    found = answers(engine, tmp_path, "the worker or node that did it was lost, 4 times (WorkerCrashedError)")
    assert found["threads"].made["STOCKCAST_NOW"] == "2020-01-02T12:00:00Z"  # a replay's clock
    assert capfd.readouterr() == ("", "")  # stdout is the answer's, stderr the command's


@with_ray
def test_no_more_pieces_are_there_than_were_asked_for_and_closing_ends_at_once_what_is_being_done(
    cluster: Any, tmp_path: Path
) -> None:
    with engine_of(JobsConfig(1, "ray", cluster.address)) as engine:
        assert engine is not None
        assert engine.jobs == 1
        found = {one.place: one.result for one in run_all([Task(partial(squares, [1, 2]), Silent())] * 2, engine, 2)}
        assert found == {0: [1, 4], 1: [1, 4]}
        for number in (1, 2):
            engine.submit(Piece(str(number), Waiting(str(tmp_path)), number))
        pids = waiting(tmp_path, 1)
    until(lambda: not any(map(lives, pids)))


@with_ray
def test_a_node_that_is_killed_loses_nothing(cluster: Any, engine: Engine, tmp_path: Path) -> None:
    doomed = next(node for node in cluster.worker_nodes)
    for number in range(5):
        engine.submit(Piece(str(number), Gated(str(tmp_path)), number))
    until(lambda: len(_nodes(tmp_path)) == 2)
    assert doomed.node_id in _nodes(tmp_path)
    cluster.remove_node(doomed, allow_graceful=False)
    (tmp_path / "gate").touch()
    try:
        found = [engine.finished() for _ in range(5)]
    finally:
        cluster.add_node(num_cpus=1)
    assert sorted((done.piece.label, done.made, done.error) for done in found) == [
        (str(number), number * number, None) for number in range(5)
    ]
    assert len(list(tmp_path.glob("*.begun"))) == 6  # one was begun twice


def _nodes(folder: Path) -> set[str]:
    return {text for path in folder.glob("*.begun") if (text := path.read_text(encoding="ascii"))}


@with_ray
def test_a_node_with_other_versions_is_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockcast.engine.raycluster.versions", lambda: {"stockcast": "9.9.9"})
    engine.submit(Piece("one", Squared(), 1))
    with pytest.raises(ConfigError, match=r"stockcast is 0\.\d+\.\d+ on node \S+ and 9\.9\.9 here"):
        engine.finished()


@with_ray
def test_a_backtest_gives_the_same_bytes_here_and_on_a_cluster(
    engine: Engine, stored: list[bytes], tmp_path: Path
) -> None:
    homes = tmp_path / "here", tmp_path / "there"

    def steps(home: Path) -> Any:
        home.mkdir()
        path = synthetic.write_csv(home / "FAKE.csv", walks.HISTORY.rows(0, walks.FIRST + 2 * walks.EVERY))
        return pipeline.backtest_steps(str(path), ReadOptions(), walks.CONFIG, home, Silent(), keep_rows=True)

    here = run_here(steps(homes[0]), Silent())
    (there,) = run_all([Task(partial(steps, homes[1]), Silent())], engine, 1)
    assert there.result is not None, there.error
    assert len(there.result.folds) == 2
    assert len(stored) == 1  # the folds share their walk
    assert isinstance(engine, Ray)
    assert not engine._stored  # and is let go
    assert walks.row_bytes(there.result, 999) == walks.row_bytes(here, 999)
    folds = [{path.name: path.read_bytes() for path in home.rglob("*.npz")} for home in homes]
    assert len(folds[0]) == 2
    assert folds[0] == folds[1]


@with_ray
def test_workers_do_not_outlive_a_command_that_was_killed(tmp_path: Path) -> None:
    command = subprocess.Popen([sys.executable, "-m", "tests.engine.pieces", str(tmp_path), "ray"], env=environment())
    pids = waiting(tmp_path, 2)
    command.kill()
    command.wait()
    until(lambda: not any(map(lives, pids)))


@with_ray
def test_a_cluster_that_does_not_answer_is_unavailable() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        for there in (address, "nowhere"):
            with pytest.raises(SourceUnavailable, match=f"the Ray cluster at {there} cannot be reached") as caught:
                Ray(None, there)
            assert "ray status" in caught.value.hint


def test_without_ray_its_engine_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="not installed") as caught, engine_of(JobsConfig(engine="ray")):
        pass
    assert "pip install" in caught.value.hint
