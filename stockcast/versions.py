"""Versions: which releases are at work, of stockcast and of what it stands on, and on what machine.

The bytes of a training depend on more than its settings and prices. Sums of floating-point numbers depend on their
order, and that on the versions of the packages, on the instructions of the processor, and on the kernels that NumPy's
BLAS and torch choose for them. A manifest keeps them beside the id.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path

VERSION = "0.1.0"
"""Of this source, wherever it runs from. The distribution, whose metadata repeat it, is called stockcast-cli: what a
package index calls "stockcast" is a stranger's program, and no lookup may take its version for ours."""

_PACKAGES = ("stockcast", "numpy", "torch", "scipy")
_KERNEL = ("scipy_openblas_get_corename64_", "openblas_get_corename64_", "openblas_get_corename")


def installed_version(package: str) -> str | None:
    """The version of stockcast, or of an installed distribution; None where there is none."""
    if package == "stockcast":
        return VERSION
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def of_forecasts() -> list[str]:
    """Lines with the releases that forecasts depend on; no package is imported for it."""
    from platform import python_version

    packages = ("numpy", "scipy", "pandas", "torch", "yfinance", "arch", "exchange_calendars")
    found = {"stockcast": VERSION, "Python": python_version(), **{name: installed_version(name) for name in packages}}
    return [f"{name} {version or 'not installed'}" for name, version in found.items()]


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that train."""
    import platform

    found = {name: installed_version(name) for name in _PACKAGES}
    return {"python": platform.python_version()} | {name: known for name, known in found.items() if known is not None}


@cache
def machine() -> dict[str, str]:
    """The processor, and what NumPy, its BLAS and torch make of it; imports torch."""
    import platform

    import torch

    return {
        "system": platform.system(),
        "processor": _processor(),
        "numpy_instructions": _instructions(),
        "blas_kernel": _blas_kernel(),
        "torch_instructions": str(torch.backends.cpu.get_cpu_capability()),
    }


def _processor() -> str:
    import platform

    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return f"{platform.machine()} {' '.join(value.split())}"
    return f"{platform.machine()} {platform.processor()}".strip()


def _instructions() -> str:
    """The instruction sets beyond the least that NumPy was built for."""
    import numpy as np

    with suppress(KeyError, TypeError, AttributeError):
        found = np.show_config(mode="dicts")["SIMD Extensions"]  # type: ignore[call-overload,index,unused-ignore]
        return " ".join([*found["baseline"], *found.get("found", ())])
    return "unknown"


def _blas_kernel() -> str:
    """The kernel that the OpenBLAS of a NumPy wheel runs with, or the name of another BLAS."""
    import ctypes

    import numpy as np

    beside = Path(np.__file__).parent
    for folder in (beside.with_name("numpy.libs"), beside / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")) if folder.is_dir() else ():
            with suppress(OSError):
                library = ctypes.CDLL(str(path))  # the one that is loaded already
                for name in _KERNEL:
                    ask = getattr(library, name, None)
                    if ask is not None:
                        ask.restype = ctypes.c_char_p
                        return f"OpenBLAS {ask().decode()}"
    with suppress(KeyError, TypeError, AttributeError):
        config = np.show_config(mode="dicts")  # type: ignore[call-overload,unused-ignore]
        return str(config["Build Dependencies"]["blas"]["name"])  # type: ignore[index,unused-ignore]
    return "unknown"
