"""All representations and attacks: a new one is a file and a row here, and gets the whole table.

Representations stand here as makers, called with what only the rim knows (`Means`), so that
listing the names loads nothing. Attacks need nothing and stand here themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mizaru.lab.audit.contract import Attack, Representation


@dataclass(frozen=True, slots=True)
class Means:
    """What makers may need.

    Attributes:
        models: folder of the model store.
    """

    models: Path


REPRESENTATIONS: Final[dict[str, Callable[[Means], Representation]]] = {}

ATTACKS: Final[dict[str, Attack]] = {}
