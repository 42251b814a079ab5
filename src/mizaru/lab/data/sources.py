"""The sets we have: how each is recognised, read, and whether shipped weights may learn from it.

The licence is checked against what the manifest found: weights that we ship are trained only
on what its row here allows *and* its manifest row says. See ``docs`` of the recognizer's card.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Final

from mizaru.errors import DataError
from mizaru.lab.data.flat import load_md4fd, load_upfall3d
from mizaru.lab.data.manifest import Clip
from mizaru.lab.data.sequence import Sequence
from mizaru.lab.data.skeletons import load_motions
from mizaru.lab.motion import Motion

SIM: Final = "sim"
_NEVER: Final = ("eval", "holdout")


@dataclass(frozen=True, slots=True)
class Source:
    """One set.

    Attributes:
        name: as in `Motion.source` and `Sequence.source`.
        files: pattern of its paths in a manifest, see `fnmatch`.
        licence: words that the manifest's licence must hold, or nothing is shipped from it.
        shippable: whether shipped weights may learn from its training split.
        why: the reason, in a few words.
        motions: reads a 3D skeleton file; None where the set has none.
        flat: reads a file of flat skeletons; None where the set has none.
    """

    name: str
    files: str
    licence: str
    shippable: bool
    why: str
    motions: Callable[[Clip, str], tuple[Motion, ...]] | None = None
    flat: Callable[[Clip, str], tuple[Sequence, ...]] | None = None


SOURCES: Final = (
    Source("precog16", "*precog16*.npz", "MIT", True, "MIT", load_motions),
    Source("cmu_mocap", "*cmu_mocap*.npz", "CMU mocap", True, "free for all uses", load_motions),
    Source("deepmimic", "*deepmimic/*.txt", "MIT", True, "MIT", load_motions),
    Source(
        "nw_ucla", "*nw_ucla*.npz", "CC BY-NC", False, "not for commercial use", load_motions
    ),
    Source("utkinect", "*utkinect*.npz", "NONE STATED", False, "for research", load_motions),
    Source("cad60", "*cad60*.npz", "NONE STATED", False, "for research", load_motions),
    Source(
        "bandai_namco1", "*bandai_namco*.npz", "CC BY-NC", False, "not for commercial use",
        load_motions,
    ),
    Source(
        "upfall3d", "*upfall_blazepose3d*.npz", "NONE STATED", False, "for research",
        flat=load_upfall3d,
    ),
    Source("md4fd", "*md4fd*.npz", "NONE STATED", False, "for research", flat=load_md4fd),
    Source("gmdcsa24", "video/gmdcsa24/*", "MIT", True, "MIT; but only its training split"),
    Source("upfall", "video/upfall/*", "NONE STATED", False, "for research"),
    Source("scfd", "video/scfd/*", "MIT", False, "excerpts of other people's videos"),
    Source("intel", "video/people/*", "CC BY 4.0", True, "CC BY 4.0"),
    Source("scenescape", "video/synthetic_2cam/*", "Apache-2.0", True, "Apache-2.0, rendered"),
    Source("smoking", "video/smoking/*", "NONE STATED", False, "looks like stock footage"),
    Source(SIM, "sim/*", "Apache-2.0", True, "our own"),
)  # fmt: skip
"""In the order in which patterns are tried."""


def source_of(clip: Clip) -> Source:
    """The set a manifest's row belongs to; a set of its own, that is never shipped, for a file
    nobody here knows: its folder's name."""
    for source in SOURCES:
        if fnmatch(clip.path, source.files):
            return source
    folder = clip.file.parent.name or "other"
    reader = load_motions if clip.kind == "skeleton" else None
    return Source(folder, clip.path, "", False, "not one of our sets", reader)


def motions(clip: Clip) -> tuple[Motion, ...]:
    """The sequences of a 3D skeleton file.

    Raises:
        DataError: it is none, or cannot be used.
    """
    source = source_of(clip)
    if source.motions is None:
        raise DataError(f"{clip.file}: holds no skeletons in 3D; load it as a sequence")
    return source.motions(clip, source.name)


def may_ship(item: Motion | Sequence) -> bool:
    """Whether weights that we ship may be trained on it: its set, licence and split allow it."""
    row = next((source for source in SOURCES if source.name == item.source), None)
    return (
        row is not None
        and row.shippable
        and row.licence.lower() in item.licence.lower()
        and item.split not in _NEVER
    )
