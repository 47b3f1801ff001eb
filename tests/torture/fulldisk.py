"""A disk that is full: a command that keeps the store says so in a line, loses nothing, and is done once there is room.

The commands are those of `tests.torture.power`, which knows what they leave step by step. Here the disk takes some
bytes of what they write, and no more.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.processes import Completed, Process
from tests.torture import power, recorder
from tests.torture.disk import Tree, put_on, tree_of
from tests.torture.kinds import Kind

SCENES = tuple(scene for scene in power.SCENES if scene.words[0] in ("ledger", "doctor"))
KIB = 1024


def play(seed: int, folder: Path) -> Sequence[str]:
    """One command with so much room.

    Args:
        seed: Decides which, and how much.
        folder: An empty one.

    Returns:
        What was violated.
    """
    scene, draw = SCENES[seed % len(SCENES)], random.Random(seed)  # noqa: S311
    recording = power.recorded(scene)
    written = sum(len(call.data) for call in recording.calls if call.name == "write")
    room = draw.choice((0, draw.randrange(64 * KIB), draw.randrange(written + 1)))
    root = folder / "disk"
    root.mkdir()
    put_on(root, recording.before)
    with power.world(scene.day) as here:
        variables = power.environment(here, root) | {"TORTURE_ROOM": str(room)}
        words = [folder / "record", root, *scene.words]
        done = Process(words, root, variables, Path(recorder.__file__)).completed()
    left = tree_of(root)
    found = [*_said(scene, done), *_left(recording, done, left), *power.lost(scene, recording, left)]
    told = " ".join(scene.words)
    return [
        *(f"{told}, with room for {room} of {written} bytes: {violation}: {done.err}" for violation in found),
        *(f"{told}, once there is room after {room} bytes: {it}" for it in power.afterwards(scene, recording, root)),
    ]


def _said(scene: power.Scene, done: Completed) -> Iterator[str]:
    """What is wrong with the words of a command on a full disk."""
    if done.code == 0:
        return
    yield from power.ended(done, scene.words, (1,))
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    if len(errors) > 1 and scene.words[0] != "doctor":  # which goes on to look at the rest
        yield "it is said more than once"
    if ".tmp" in done.err:
        yield "it names a file that the user does not know"
    if not any(word in done.err for word in ("full", "No space")):
        yield "it does not say that the disk is full"


def _left(recording: power.Recording, done: Completed, left: Tree) -> Iterator[str]:
    """What is wrong with the disk: a state that the command does not pass through, or an end that is none."""
    last = len(recording.calls)
    yield from power.strange(list(power.versions(recording, last if done.code == 0 else 0, last)), left)
    yield from (f"{path} is left" for path in left if ".stockcast-" in path)


FULL = Kind("full disk", bar=300, play=play)
