"""Motion in metres as skeletons that our perception would have found, flaws and all.

A `Motion` (sim, motion capture) is looked at by an `Eye`; `Flaws` are laid upon what it sees;
the darkroom's own retargeting and quantisation do the rest. So whatever is learnt from it has
the form, and most of the errors, of what crosses the wall.
"""

from __future__ import annotations

from mizaru.lab.seeing.alter import mirror, thin
from mizaru.lab.seeing.eye import Eye
from mizaru.lab.seeing.flaws import DEFAULT, NONE, Flaws
from mizaru.lab.seeing.look import look

__all__ = ["DEFAULT", "NONE", "Eye", "Flaws", "look", "mirror", "thin"]
