"""Every kind of torture."""

from __future__ import annotations

from tests.torture.kinds import Kind

KINDS: tuple[Kind, ...] = ()
