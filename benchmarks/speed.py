"""What a command costs: CPU of whole processes, interleaved with an empty Typer application, medians.

    python benchmarks/speed.py [--runs 9] [--file data/GSPC.csv] [--base TREE]

With --base, the same commands of another checkout are timed in turn with ours, and their ratios are printed. Compile
bytecode first (pip does when it installs).
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

EMPTY_APPLICATION = """
import typer
app = typer.Typer()

@app.command()
def main(name: str) -> None:
    \"\"\"Nothing.\"\"\"

app()
"""


def main() -> None:
    """Train once, then time the commands in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--file", type=Path, default=Path("data/GSPC.csv"))
    parser.add_argument("--base", type=Path, help="another checkout, which is timed in turn with this one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.base is None:
            _measure(Path(folder), arguments.runs, arguments.file)
        else:
            _compare(Path(folder), arguments.runs, arguments.file.resolve(), arguments.base.resolve())


def _measure(folder: Path, runs: int, file: Path) -> None:
    stockcast = str(Path(sys.executable).with_name("stockcast"))
    empty = folder / "empty.py"
    empty.write_text(EMPTY_APPLICATION)
    home = ["--home", str(folder / "home")]
    for cell in ("lstm", "gru"):
        cpu = _cpu([stockcast, "train", str(file), *home, "--quiet", "--cell", cell, "--name", cell])
        scored = _cpu(
            [stockcast, "train", str(file), *home, "--quiet", "--cell", cell, "--name", "x", "--no-final-fit"]
        )
        print(f"train --cell {cell:5} {cpu:6.1f} s of CPU in all, {scored:6.1f} s without the final fit")
    imports = "import numpy, pandas, scipy.optimize, torch, arch.univariate, exchange_calendars"
    print(f"the imports of train  {_cpu([sys.executable, '-c', imports]):6.1f} s of CPU")
    predict = [stockcast, "predict", str(file), *home, "--model", "lstm"]
    commands = {
        "empty Typer application --help": [sys.executable, str(empty), "--help"],
        "stockcast --help": [stockcast, "--help"],
        "stockcast predict": predict,
        "stockcast predict --json": [*predict, "--json"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for run in range(runs + 1):
        for name, command in commands.items():
            spent = _cpu(command)
            if run:
                seconds[name].append(spent)
    reference = median(seconds["empty Typer application --help"])
    for name, values in seconds.items():
        ratio = median(values) / reference
        print(f"{name:32} {1000 * median(values):7.0f} ms of CPU, {ratio:5.2f} times the empty application's help")


def _compare(folder: Path, runs: int, file: Path, base: Path) -> None:
    """The commands of two checkouts in turn, each in a home of its own."""
    trees = {"base": base, "ours": Path(__file__).resolve().parent.parent}
    commands = {
        "--help": ["--help"],
        "train --help": ["train", "--help"],
        "predict": ["predict", str(file)],
        "predict --json": ["predict", str(file), "--json"],
        "train": ["train", str(file), "--quiet"],
    }
    seconds: dict[tuple[str, str], list[float]] = {(name, tree): [] for name in commands for tree in trees}
    for tree, path in trees.items():
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(path / "stockcast")], check=True)
        _cpu(_of(folder, tree, commands["train"]), path)
    for run in range(runs):
        for name, words in commands.items():
            # Who goes first takes turns: the second finds the caches warm.
            for tree in sorted(trees, reverse=bool(run % 2)):
                seconds[name, tree].append(_cpu(_of(folder, tree, words), trees[tree]))
    for name in commands:
        before, now = (median(seconds[name, tree]) for tree in trees)
        print(f"{name:32} {1000 * before:7.0f} ms of CPU before, {1000 * now:7.0f} now, ratio {now / before:5.3f}")


def _of(folder: Path, tree: str, words: list[str]) -> list[str]:
    home = [] if "--help" in words else ["--home", str(folder / tree)]
    return [sys.executable, "-P", "-m", "stockcast", *words, *home]


def _cpu(command: list[str], tree: Path | None = None) -> float:
    """User and system seconds of one process on one thread. tree: a checkout to run instead of what is installed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | ({} if tree is None else {"PYTHONPATH": str(tree)})
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
