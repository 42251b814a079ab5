"""Patterns that betray a pixel: painted on a person, no trace may be found downstream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

TAINT_CELLS: Final = 12
"""Cells along one side of a pattern."""
TAINT_SIDE: Final = 192
"""Pixels along one side of a pattern."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """How people are painted.

    Attributes:
        taint_seed: None for skin and clothes; a seed ≥ 0 to paint the pattern
            `taint_pattern(taint_seed, identity)` on every visible part of every person.
    """

    taint_seed: int | None = None


def taint_pattern(taint_seed: int, identity: int) -> npt.NDArray[np.uint8]:
    """The high-entropy pattern of one identity, `(TAINT_SIDE, TAINT_SIDE, 3)` uint8 RGB.

    Every cell is one of the eight corners of the colour cube, drawn independently, so that
    the pattern has the greatest contrast and 3 · `TAINT_CELLS`² bits of entropy. All six
    faces of each body part's texture cube carry it.
    """
    rng = np.random.default_rng([taint_seed, identity, 0x7A])
    corners = rng.integers(0, 2, (TAINT_CELLS, TAINT_CELLS, 3), dtype=np.uint8) * np.uint8(255)
    block = TAINT_SIDE // TAINT_CELLS
    return corners.repeat(block, axis=0).repeat(block, axis=1)
