"""Which releases are at work: of stockcast, and of the packages that it stands on."""

from __future__ import annotations

VERSION = "0.1.0"
"""Of this source, wherever it runs from. The distribution, whose metadata repeat it, is called stockcast-cli: what a
package index calls "stockcast" is a stranger's program, and no lookup may take its version for ours."""


def installed_version(package: str) -> str | None:
    """The version of stockcast, or of an installed distribution; None where there is none."""
    if package == "stockcast":
        return VERSION
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
