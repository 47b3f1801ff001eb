"""Do forecasts and verdicts agree on other processors? The same files under several of OpenBLAS' kernels.

    python benchmarks/kernels.py FILE... [--kernels Haswell Prescott] [--jobs 2] [--output kernels.jsonl]

For each kernel a process of its own, whose kernel `threadpoolctl` confirms, trains on every file twice, from scratch
and from the general model, and forecasts by the general model as it is. Compared with the first kernel: every
parameter of every likelihood fit, the forecasts of frozen networks (to 1e-6), those of networks trained anew (to
1e-3), and the sentence of each verdict. SkylakeX needs a processor with AVX-512: it is left out where there is none.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

KERNELS = ("Haswell", "Prescott", "SkylakeX")
ALIASES = {"Katmai": "Prescott"}  # one kernel: OpenBLAS names it after the older of the two
TEST, SHORTEST = 300, 800
"""Sessions that fits do not see, and those that a file has at least."""
LIMITS = {"fits": 1e-6, "frozen": 1e-6, "trained": 1e-3}

Row = dict[str, Any]


def main() -> None:
    """Run every kernel on every file, compare, print."""
    arguments = _arguments()
    if arguments.worker:
        _worker(arguments.files)
        return
    kernels = [kernel for kernel in arguments.kernels if kernel != "SkylakeX" or _has_avx512()]
    for kernel in sorted(set(arguments.kernels) - set(kernels)):
        print(f"not run: {kernel}, which this processor cannot execute")
    known = _known(arguments.output)
    tasks = [(kernel, file) for file in arguments.files for kernel in kernels if (kernel, file) not in known]
    shares = [(kernel, [file for k, file in tasks if k == kernel][j :: arguments.jobs])
              for kernel in kernels for j in range(arguments.jobs)]  # fmt: skip
    with ThreadPoolExecutor(arguments.jobs) as pool:
        list(pool.map(partial(_process, arguments.output), shares))
    known = _known(arguments.output)
    _print(arguments.files, kernels, known)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--kernels", nargs="+", default=list(KERNELS), choices=KERNELS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("kernels.jsonl"))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _has_avx512() -> bool:
    info = Path("/proc/cpuinfo")
    return info.exists() and "avx512f" in info.read_text()


def _known(output: Path) -> dict[tuple[str, str], Row]:
    if not output.exists():
        return {}
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    return {(row["kernel"], row["file"]): row for row in rows}


def _process(output: Path, share: tuple[str, list[str]]) -> None:
    """One process under a kernel, over its files; each is written when it is done."""
    kernel, files = share
    if not files:
        return
    environment = {**os.environ, "OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--worker", *files]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            got = json.loads(line)["kernel"]
            assert got == kernel, f"asked for {kernel}, got {got}"
            with output.open("a") as rows:
                rows.write(line)
    assert process.returncode == 0, f"a process with {kernel} failed"


def _worker(files: list[str]) -> None:
    """A row for each file: what this process' kernel makes of it."""
    kernel = _kernel()
    for file in files:
        with tempfile.TemporaryDirectory() as home:
            print(json.dumps({"kernel": kernel, "file": file, **_figures(file, Path(home))}), flush=True)


def _kernel() -> str:
    """The kernel that NumPy and SciPy compute with, as the libraries themselves say."""
    import scipy.linalg  # noqa: F401 - loads SciPy's own OpenBLAS
    from threadpoolctl import threadpool_info

    names = {library["architecture"] for library in threadpool_info() if library["internal_api"] == "openblas"}
    assert len(names) == 1, names
    return ALIASES.get(name := str(names.pop()), name)


def _figures(file: str, home: Path) -> Row:
    from stockcast import pipeline
    from stockcast.config import PredictConfig, TrainConfig
    from stockcast.config.models import GENERAL
    from stockcast.errors import StockcastError
    from stockcast.models.baselines import ALL_BASELINES
    from stockcast.prices.csvfile import ReadOptions
    from stockcast.progress import Silent
    from stockcast.windows.features import features
    from stockcast.windows.splits import first_origin

    try:
        f = features(pipeline.load(file, ReadOptions()))
        if len(f) < SHORTEST:
            return {"error": f"{len(f)} sessions are too few"}
        fits = {
            name: [float(x) for value in asdict(kind.fit(f, first_origin(60), len(f) - TEST)).values()  # type: ignore[call-overload]
                   for x in np.atleast_1d(value)]
            for name, kind in ALL_BASELINES.items()
        }  # fmt: skip
        config = TrainConfig()
        trained = {
            name: pipeline.train(file, ReadOptions(), replace(config, init=init), home, name, Silent())
            for name, init in (("anew", "scratch"), ("tuned", None))
        }
        ask = PredictConfig(model=GENERAL, horizon=3, record=False)
        frozen = pipeline.predict(file, ReadOptions(), ask, home, Silent())
    except StockcastError as error:
        return {"error": error.message}
    return {
        "fits": fits,
        "frozen": [list(step.quantiles.values()) for step in frozen],
        "trained": [list(step.quantiles.values()) for result in trained.values() for step in result.forecasts],
        "verdicts": [result.verdict.sentence for result in trained.values()],
    }


def _print(files: list[str], kernels: list[str], known: dict[tuple[str, str], Row]) -> None:
    first, *others = kernels
    read = [file for file in files if "error" not in known[first, file]]
    print(f"{len(read)} of {len(files)} files; compared with {first}, largest relative difference:")
    for kernel in others:
        for what, limit in LIMITS.items():
            found = {file: _difference(known[first, file][what], known[kernel, file][what]) for file in read}
            worst = max(found, key=found.__getitem__)
            over = sum(value > limit for value in found.values())
            print(f"  {kernel:9} {what:8} {found[worst]:.2e} ({Path(worst).name}), {over} over {limit:g}")
        for file in read:
            for a, b in zip(known[first, file]["verdicts"], known[kernel, file]["verdicts"], strict=True):
                if a != b:
                    print(f"  {kernel:9} verdict  {Path(file).name}:\n    {a}\n    {b}")
        same = sum(known[first, file]["verdicts"] == known[kernel, file]["verdicts"] for file in read)
        print(f"  {kernel:9} verdicts {same} of {len(read)} files word for word the same")


def _difference(a: Any, b: Any) -> float:
    """Largest difference of numbers, in shares of those of at least one, absolute below."""
    if isinstance(a, dict):
        return max(_difference(a[key], b[key]) for key in a)
    x, y = (
        np.concatenate([np.ravel(part) for part in a] or [[0.0]]),
        np.concatenate([np.ravel(p) for p in b] or [[0.0]]),
    )
    return float(np.max(np.abs(x - y) / np.maximum(np.abs(x), 1.0)))


if __name__ == "__main__":
    main()
