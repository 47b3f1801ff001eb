"""Concurrency: sixteen commands at once in one home; nobody sees half of anything, and nothing is done twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.live.command import MONDAY, lines, rows
from tests.torture import homes
from tests.torture.kinds import Kind

CROWD = 16
WRITERS: tuple[tuple[str, ...], ...] = (
    ("run", "--json"),
    ("run", "--wait", "300", "--json"),
    ("fetch", "AAA", "BBB", "--json"),
    ("predict", "AAA", "--json"),
    ("train", "AAA", *homes.TINY, "--json"),
    ("train", "AAA", *homes.TINY, "--name", "other", "--json"),
    ("models", "remove", "other", "--json"),
)
READERS: tuple[tuple[str, ...], ...] = (
    ("models", "list", "--json"),
    ("models", "show", "AAA", "--json"),
    ("ledger", "list", "--json"),
    ("ledger", "export", "--output", "ledger.csv", "--json"),
    ("score", "--json"),
    ("doctor", "--offline", "--json"),
)
LOCKED, MODEL = 7, 6


def play(seed: int, folder: Path, crowd: int = CROWD) -> Sequence[str]:
    """Commands by chance, half of them such as write; then a run, after which all is as after one alone."""
    draw = Random(seed)  # noqa: S311
    with homes.at_home(homes.copied(folder)) as here:
        before = homes.state(here.home)
        chosen = [("run", "--wait", "300", "--json"), *draw.choices(WRITERS, k=crowd // 2 - 1)]
        chosen += draw.choices(READERS, k=crowd - len(chosen))
        draw.shuffle(chosen)
        processes = [homes.start(here, words) for words in chosen]
        found = []
        for words, process in zip(chosen, processes, strict=True):
            done = process.completed(600)
            found += [f"{' '.join(words[:2])}: {problem}" for problem in _problems(words, done.code, done.out)]
        found += homes.lost(before, here.home)
        again = homes.start(here, ("run", "--json")).completed()
        if again.code:
            found.append(f"the run after the crowd: {again.code} {again.err}")
        return [*found, *_recorded(here.home)]


def _problems(words: Sequence[str], code: int, out: str) -> list[str]:
    """What is wrong with an answer: other commands are no excuse but for a lock, and a model that is not there."""
    comes_and_goes = "other" in words and words[0] == "models"
    allowed = {0, LOCKED} | ({MODEL} if comes_and_goes else set())
    try:
        document = json.loads(out)
    except ValueError:
        return [f"exit code {code}, and no JSON: {out[:200]!r}"]
    if code not in allowed:
        return [f"exit code {code}: {document['errors']}"]
    if words[:2] == ("models", "list"):
        damaged = [model["name"] for model in document["data"] if model.get("damage")]
        return [f"damaged: {damaged}"] if damaged else []
    return []


def _recorded(home: Path) -> list[str]:
    """Of each ticker one forecast of the evening is on record, and in the files, each once."""
    asked = "SELECT ticker, count(*) FROM forecasts WHERE origin = ? AND model = ticker GROUP BY ticker ORDER BY ticker"
    made = rows(home, asked, MONDAY.isoformat())
    found = [] if made == [("AAA", 1), ("BBB", 1)] else [f"forecasts of the evening: {made}"]
    ids = [document["id"] for document in lines(home / "forecasts" / "forecasts.jsonl")]
    live = [key for (key,) in rows(home, "SELECT id FROM forecasts WHERE kind = 'live' ORDER BY id")]
    if ids != live:
        found.append(f"forecasts.jsonl has the ids {ids}, and the ledger {live}")
    if left := homes.leftovers(home):
        found.append(f"left over: {left}")
    return found


CROWDS = Kind("concurrency", 200, play)
