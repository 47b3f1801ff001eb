"""Pieces on a Ray cluster, or on a Ray of this machine that is begun and ended with the command.

Ray chooses the node, begins a piece again whose worker or node is lost, and keeps what pieces share in its object
store. What goes through it are bytes that both ends pickle themselves: so a worker compares versions before it makes
anything of them, and arrays arrive writable, as they do from processes of this machine.
"""

from __future__ import annotations

import os
import pickle
import secrets
import signal
import socket
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stockcast.engine.local import ONE_THREAD, do, usual_jobs
from stockcast.engine.pieces import Done, Piece
from stockcast.errors import ConfigError, PieceLost, SourceUnavailable, StockcastError
from stockcast.versions import versions

BEGUN_HERE = "local"
"""Ray's address of a Ray that it begins itself."""

RETRIES = 3
"""Times that a piece is begun again whose worker or node is lost."""

PATIENCE = 5.0
"""Seconds that a cluster may take to answer at all."""

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # what nodes tell of lost workers would be on stdout, beside the answer
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else a warning about a change to come
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # under `uv run` it would send the folder that one stands in
}
"""What Ray reads from the environment when it is imported."""


class Ray:
    """A cluster, or all cores of this machine.

    Args:
        jobs: Pieces that it has at most; None: all that there are, of which it does as many as it has CPUs.
        address: HOST:PORT, ray://HOST:PORT or auto, as Ray has it. None: what RAY_ADDRESS says, else a Ray of this
            machine, which is begun here.

    Raises:
        ConfigError: Ray is not installed, or not as the cluster has it.
        SourceUnavailable: The cluster does not answer.
    """

    def __init__(self, jobs: int | None, address: str | None) -> None:
        place = address or os.environ.get("RAY_ADDRESS") or BEGUN_HERE
        # The secret keeps a Ray that is begun here from everybody else on the machine, and is in no file.
        own = {"RAY_AUTH_TOKEN": secrets.token_hex(32)} if place == BEGUN_HERE else {}
        for name, value in (SETTINGS | own).items():
            os.environ.setdefault(name, value)
        try:
            import ray
        except ImportError as error:
            raise ConfigError(
                "--engine ray needs the package ray, which is not installed",
                "pip install ray (in the checkout: pip install '.[ray]')",
            ) from error
        _connect(place, jobs or usual_jobs())
        self.jobs = jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._most = jobs
        self._work = ray.remote(_work).options(
            num_cpus=1, max_retries=RETRIES, runtime_env={"env_vars": _environment()}
        )
        self._queue: deque[Piece] = deque()
        self._begun: dict[Any, Piece] = {}
        self._stored: dict[int, _Stored] = {}

    def submit(self, piece: Piece) -> None:
        """Take on a piece."""
        self._queue.append(piece)
        self._hand_over()

    def finished(self) -> Done:
        """Wait for the next piece that is over.

        Raises:
            ConfigError: Its node has no stockcast, or another version of what numbers depend on.
            SourceUnavailable: The node that this process is on was lost.
        """
        import ray

        (reference,), _ = ray.wait(list(self._begun))
        piece = self._begun.pop(reference)
        self._release(piece)
        self._hand_over()
        try:
            answer = pickle.loads(ray.get(reference))  # noqa: S301 - what our own code made there
        except Exception as failed:  # noqa: BLE001 - whatever Ray raises where there is no answer
            return Done(piece, error=_without_answer(failed, piece))
        if isinstance(answer, ConfigError):
            raise answer
        return Done(piece, *answer)

    def is_over(self) -> bool:
        """Whether a piece is over already."""
        import ray

        return bool(self._begun) and bool(ray.wait(list(self._begun), timeout=0)[0])

    def close(self) -> None:
        """Leave the cluster, which then kills what it still does for this process; end a Ray that was begun here."""
        import ray

        self._queue.clear()
        self._begun.clear()
        self._stored.clear()
        ray.shutdown()

    def _hand_over(self) -> None:
        from ray import cloudpickle

        while self._queue and (self._most is None or len(self._begun) < self._most):
            piece = self._queue.popleft()
            reference = self._work.remote(versions(), cloudpickle.dumps(piece.work), self._store(piece.shared))
            self._begun[reference] = piece

    def _store(self, shared: Any) -> Any:
        """Where the object store has what pieces share: put there once, for as long as some of them are not over."""
        import ray
        from ray import cloudpickle

        stored = self._stored.get(id(shared))
        if stored is None:
            stored = self._stored[id(shared)] = _Stored(shared, ray.put(cloudpickle.dumps(shared)))
        stored.pieces += 1
        return stored.reference

    def _release(self, piece: Piece) -> None:
        stored = self._stored[id(piece.shared)]
        stored.pieces -= 1
        if not stored.pieces and all(waiting.shared is not piece.shared for waiting in self._queue):
            del self._stored[id(piece.shared)]


@dataclass
class _Stored:
    """What pieces share, where the object store has it, and how many that are begun and not over need it."""

    shared: Any
    reference: Any
    pieces: int = 0


def _environment() -> dict[str, str]:
    """What workers know of this process, such as the clock of a replay, and that each is one thread."""
    return ONE_THREAD | {name: value for name, value in os.environ.items() if name.startswith("STOCKCAST_")}


def _connect(place: str, cpus: int) -> None:
    import logging

    import ray

    _knock(place)
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if place == BEGUN_HERE:
        settings |= {"num_cpus": cpus, "include_dashboard": False}
    on_term = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(place, **settings)
    except Exception as error:
        raise _unreachable(place, error) from error
    finally:
        with suppress(ValueError):  # in a thread Ray leaves it, too
            signal.signal(signal.SIGTERM, on_term)


def _knock(place: str) -> None:
    """Raise SourceUnavailable where nobody listens: Ray itself would look for somebody for five minutes."""
    host, colon, port = place.rpartition(":")
    if "://" in place or not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except OSError as error:
        raise _unreachable(place, error) from error


def _unreachable(place: str, error: Exception) -> StockcastError:
    said = " ".join(str(error).split()) or type(error).__name__
    if "version mismatch" in said.lower():
        return ConfigError(f"the Ray cluster at {place} has other versions: {said}", "install those of the cluster")
    if "ray[client]" in said:
        return ConfigError(f"{place} needs Ray's client, which is not installed", "pip install 'ray[client]'")
    if place == BEGUN_HERE:
        return SourceUnavailable(f"Ray cannot be begun on this machine: {said}", "do it without --engine ray")
    return SourceUnavailable(
        f"the Ray cluster at {place} cannot be reached: {said}",
        "`ray status` on its head node tells whether it runs; HOST:PORT is for one of its nodes, ray:// for others",
    )


def _without_answer(error: Exception, piece: Piece) -> Exception:
    """Why a piece was not done.

    Raises:
        ConfigError: The code of pieces could not be imported on its node.
        SourceUnavailable: There is no Ray any more where this process is.
    """
    from ray import exceptions

    if isinstance(error, exceptions.LocalRayletDiedError):
        raise SourceUnavailable(
            "Ray has ended on this machine", "begin it again, and then the command: what is done is kept"
        ) from error
    lost = isinstance(error, exceptions.RayError) and not isinstance(error, exceptions.RayTaskError)
    if lost:
        return PieceLost(
            f"{piece.label}: the worker or node that did it was lost, {1 + RETRIES} times ({type(error).__name__})",
            "it may have asked for more memory than the node has: start nodes with fewer CPUs, by --num-cpus",
        )
    if "failed to import on the worker" in str(error):
        raise ConfigError(
            f"a node of the cluster has no stockcast {versions()['stockcast']}",
            "install the version of this machine on every node, for the Python that Ray runs with",
        ) from error
    return error


def _work(driver: dict[str, str], work: bytes, shared: bytes) -> bytes:
    """Do a piece on a node: the bytes of its answer, or of a ConfigError where versions differ from the driver's."""
    from ray import cloudpickle

    here = versions()
    if here != driver:
        return pickle.dumps(_other_versions(driver, here))
    answer: bytes = cloudpickle.dumps(do(pickle.loads(work), pickle.loads(shared)))  # noqa: S301 - of our own driver
    return answer


def _other_versions(driver: dict[str, str], here: dict[str, str]) -> ConfigError:
    name = next(name for name in driver | here if driver.get(name) != here.get(name))
    there, ours = (found.get(name, "not installed") for found in (here, driver))
    return ConfigError(
        f"{name} is {there} on node {socket.gethostname()} and {ours} here",
        "install the same versions on every node: numbers depend on them",
    )
