"""Where two records differ: to the byte, or to what another processor and other releases may change."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

Substitutions = Sequence[tuple[str, str]]

TOLERANCE = 1e-6
"""How far numbers may be apart where bytes are not promised: of 1, or of the larger one where that is more. Weights are
trained in single precision, and what is left of a difference of two scores is as far off as the scores are."""

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_DIGEST = re.compile(r"\b[0-9a-f]{12,64}\b")
_FRAMES = re.compile(r"[\s─━│┃┌┐└┘├┤╭╮╰╯═╞╪╡┏┓┗┛┡╇┩┬┴┼┴…-]+")
_OF_THE_MACHINE = {"versions", "machine", "sha256"}


def differences(
    base: Any, ours: Any, *, exact: bool = True, words: Substitutions = (), at: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Every place where two records differ, with what stands there in each.

    Keys and their order, numbers, dates and codes must be the same to the byte; in texts, what stands between the
    words may differ, and `words` are put into the base's first. Not `exact`: numbers may differ by TOLERANCE, digests
    and versions are left out.
    """
    if isinstance(base, dict) and isinstance(ours, dict):
        names = ([_plain(key, exact) for key in base], [_plain(key, exact) for key in ours])
        if names[0] != names[1]:
            yield f"{at} (keys)", *names
            return
        for (key, left), right in zip(base.items(), ours.values(), strict=True):
            if exact or key not in _OF_THE_MACHINE:
                yield from differences(left, right, exact=exact, words=words, at=f"{at}/{key}")
    elif isinstance(base, list) and isinstance(ours, list):
        if len(base) != len(ours):
            yield f"{at} (length)", len(base), len(ours)
            return
        for n, (left, right) in enumerate(zip(base, ours, strict=True)):
            yield from differences(left, right, exact=exact, words=words, at=f"{at}/{n}")
    elif not _same(base, ours, exact, words):
        yield at, base, ours


def _plain(key: str, exact: bool) -> str:
    return key if exact else _DIGEST.sub("*", key)


def _same(base: Any, ours: Any, exact: bool, words: Substitutions) -> bool:
    if type(base) is not type(ours):
        return False
    if isinstance(base, str):
        return _same_text(base, ours, exact, words)
    if isinstance(base, float) and not exact:
        return math.isclose(base, ours, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(base == ours)


def _same_text(base: str, ours: str, exact: bool, words: Substitutions) -> bool:
    if base == ours:
        return True
    if any(letter.isspace() for letter in base):
        base, ours = _FRAMES.sub(" ", base), _FRAMES.sub(" ", ours)
        for old, new in words:
            base = re.sub(old, new, base)
    if exact:
        return base.split() == ours.split()
    base, ours = _DIGEST.sub("*", base), _DIGEST.sub("*", ours)
    if _NUMBER.sub("#", base) != _NUMBER.sub("#", ours):
        return False
    return all(_close(*both) for both in zip(_NUMBER.findall(base), _NUMBER.findall(ours), strict=True))


def _close(base: str, ours: str) -> bool:
    """Whether two printed numbers may be one: within the tolerance, or by a last digit that was rounded otherwise."""
    if base == ours:
        return True
    last = 10.0 ** -len(base.partition(".")[2]) if "e" not in base.lower() else 0.0
    return math.isclose(
        float(base), float(ours), rel_tol=TOLERANCE, abs_tol=max(TOLERANCE, 1.01 * last if "." in base else 0.0)
    )
