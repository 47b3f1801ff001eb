"""Every kind of torture."""

from __future__ import annotations

from tests.torture.crowds import CROWDS
from tests.torture.environments import CLOCK, DAMAGED, ENVIRONMENTS
from tests.torture.fulldisk import FULL
from tests.torture.fuzzing import FUZZING
from tests.torture.kills import KILLS
from tests.torture.kinds import Kind
from tests.torture.life import LIFE
from tests.torture.power import POWER

KINDS: tuple[Kind, ...] = (KILLS, POWER, FULL, CROWDS, ENVIRONMENTS, DAMAGED, CLOCK, FUZZING, LIFE)
