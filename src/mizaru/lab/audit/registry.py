"""All representations and attacks: a new one is a file and a row here, and gets the whole table.

Representations stand here as makers, called with what only the rim knows (`Means`), so that
listing the names loads nothing. Attacks need nothing and stand here themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mizaru.lab.audit.attacks.attributes import Attributes
from mizaru.lab.audit.attacks.identity import Identity
from mizaru.lab.audit.attacks.inversion import Inversion
from mizaru.lab.audit.attacks.membership import Membership
from mizaru.lab.audit.attacks.reidentify import Reidentify
from mizaru.lab.audit.attacks.taint import Taint
from mizaru.lab.audit.attacks.traffic import Traffic
from mizaru.lab.audit.attacks.utility import Utility
from mizaru.lab.audit.contract import Attack, Representation
from mizaru.lab.audit.representations.controls import GeneralEmbedding, Noise
from mizaru.lab.audit.representations.embedding import ReleasedEmbedding
from mizaru.lab.audit.representations.omega import Omega
from mizaru.lab.audit.representations.pixels import Blur, Pixelation, Raw, Silhouette
from mizaru.lab.audit.representations.poses import RawSkeleton, RetargetedSkeleton


@dataclass(frozen=True, slots=True)
class Means:
    """What makers may need.

    Attributes:
        models: folder of the model store.
    """

    models: Path


REPRESENTATIONS: Final[dict[str, Callable[[Means], Representation]]] = {
    "raw": lambda means: Raw(),
    "blur": lambda means: Blur(),
    "pixelation": lambda means: Pixelation(),
    "silhouette": lambda means: Silhouette(),
    "raw_skeleton": lambda means: RawSkeleton(),
    "retargeted_skeleton": lambda means: RetargetedSkeleton(),
    "omega": lambda means: Omega(),
    "z": lambda means: ReleasedEmbedding(),
    "general_embedding": lambda means: GeneralEmbedding(means.models),
    "random": lambda means: Noise(),
}

ATTACKS: Final[dict[str, Attack]] = {
    "identity": Identity(),
    "reidentify": Reidentify(),
    "attributes": Attributes(),
    "inversion": Inversion(),
    "membership": Membership(),
    "traffic": Traffic(),
    "taint": Taint(),
    "utility": Utility(),
}
