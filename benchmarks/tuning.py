"""Studies that are killed, studies on two cores, and what they adopt.

    python benchmarks/tuning.py FOLDER resume [--kills 5] [--jobs 1]
    python benchmarks/tuning.py FOLDER speed [--repeats 1]
    python benchmarks/tuning.py FOLDER adopt [--files 10]

Each takes `--trials 40`, `--start DATE`, and further options of `stockcast tune` after `--`, such as `-- --seeds 2`.
The first files of the folder that reach back so far, by name, are tuned on: three of them, and a pool of twelve
(`adopt`: `--files` of them, each alone).

resume: the command is killed (SIGKILL, its whole group) at random moments and begun again until it is done; its trials
have to be those of a study that was left alone, each once; with more `--jobs` as many as there. speed: the wall time of
`--jobs 1` beside `--jobs 2`, in studies of their own; the machine has to be idle. adopt: the CRPS of what is adopted on
the test part over that of the default, 1 where the default stays, and the same of the best trial, adopted or not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from stockcast.errors import DataError
from stockcast.prices.csvfile import ReadOptions, read

ALONE, POOL = 3, 12


def command(words: Sequence[str], home: Path) -> list[str]:
    """The command line of a study."""
    return [sys.executable, "-m", "stockcast", "tune", *words, "--home", str(home), "--json", "--quiet"]


def begun(words: Sequence[str], home: Path) -> subprocess.Popen[str]:
    """A study at work, in a process group of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command(words, home), stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a study found."""
    out, _ = process.communicate()
    assert process.returncode == 0, out
    data: dict[str, Any] = json.loads(out)["data"]
    return data


def told(data: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Its trials, without the time that they took."""
    return [(one["number"], one["state"], one["value"], one["parameters"]) for one in data["trials"]]


def resume(kinds: dict[str, list[str]], kills: int, jobs: str) -> None:
    """Kill each study at random moments, and hold what comes of it against one that was left alone."""
    draw = random.Random(0)  # noqa: S311 - when to kill
    for kind, words in kinds.items():
        with tempfile.TemporaryDirectory() as folder:
            start = time.monotonic()
            whole = finished(begun([*words, "--jobs", jobs], Path(folder, "whole")))
            seconds = time.monotonic() - start
            moments = []
            for _ in range(kills):
                process = begun([*words, "--jobs", jobs], Path(folder, "killed"))
                moments.append(draw.uniform(0.0, 1.5 * seconds / kills))
                time.sleep(moments[-1])
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
            again = finished(begun([*words, "--jobs", jobs], Path(folder, "killed")))
        numbers = [trial["number"] for trial in again["trials"]]
        assert numbers == list(range(len(numbers))), numbers
        assert len(numbers) == len(whole["trials"])
        same = "the same to the last digit" if told(again) == told(whole) else "others than left alone"
        assert jobs != "1" or told(again) == told(whole)
        print(
            f"{kind}: {len(numbers)} trials of a study of {seconds:.0f} s, killed after "
            f"{', '.join(f'{moment:.1f}' for moment in moments)} s: each counts once, {same}"
        )


def speed(kinds: dict[str, list[str]], repeats: int) -> None:
    """Wall time of one job beside two."""
    for kind, words in kinds.items():
        shares = []
        for _ in range(repeats):
            seconds = []
            for jobs in ("1", "2"):
                with tempfile.TemporaryDirectory() as folder:
                    start = time.monotonic()
                    data = finished(begun([*words, "--jobs", jobs], Path(folder)))
                    seconds.append(time.monotonic() - start)
            shares.append(seconds[1] / seconds[0])
            print(f"{kind}: {len(data['trials'])} trials, --jobs 1 {seconds[0]:.0f} s, --jobs 2 {seconds[1]:.0f} s")
        print(f"{kind}: --jobs 2 takes {median(shares):.2f} of the time (median of {repeats})")


def adopt(files: Sequence[Path], options: Sequence[str]) -> None:
    """Tune on each file alone, and say what the choice was worth on its test part."""
    adopted, best = [], []
    for file in files:
        with tempfile.TemporaryDirectory() as folder:
            data = finished(begun([str(file), *options], Path(folder)))
        (score,) = data["test"]["scores"]
        best.append(score["best"] / score["default"])
        adopted.append(best[-1] if data["adopted"] else 1.0)
        states = [trial["state"] for trial in data["trials"]]
        on_folds = next(one["value"] for one in data["trials"] if one["number"] == data["best"])
        print(
            f"{file.stem:8} {states.count('complete'):3} complete, {states.count('pruned'):2} given up; best on the "
            f"folds {1 - on_folds:+.2%} (p {data['superiority']['p_value']:.3f}, "
            f"{'adopted' if data['adopted'] else 'default stays'}), on the test part {1 - best[-1]:+.2%}"
        )
    for name, ratios in (("what is adopted", adopted), ("the best trial", best)):
        error = stdev(ratios) / len(ratios) ** 0.5 if len(ratios) > 1 else float("nan")
        print(f"CRPS of {name} over the default's: {mean(ratios):.5f}, standard error {error:.5f}")


def readable(files: Sequence[Path], start: str) -> list[Path]:
    """The files that hold prices, and begin before the first session that is wanted."""
    found = []
    for file in files:
        with suppress(DataError):
            if read(str(file), ReadOptions()).first.isoformat() <= start:
                found.append(file)
    return found


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("what", choices=("resume", "speed", "adopt"))
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--start", default="2015-01-02")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--jobs", default="1")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--files", type=int, default=10)
    ours, options = sys.argv[1:], []
    if "--" in ours:
        ours, options = ours[: ours.index("--")], ours[ours.index("--") + 1 :]
    asked = parser.parse_args(ours)
    files = readable(sorted(asked.folder.glob("*.csv")), asked.start)
    common = ["--trials", str(asked.trials), "--start", asked.start, *options]
    kinds = {
        f"{ALONE} files": [*map(str, files[:ALONE]), *common],
        f"a pool of {POOL}": [*map(str, files[:POOL]), "--pool", *common],
    }
    if asked.what == "resume":
        resume(kinds, asked.kills, asked.jobs)
    elif asked.what == "speed":
        speed(kinds, asked.repeats)
    else:
        adopt(files[: asked.files], common)


if __name__ == "__main__":
    main()
