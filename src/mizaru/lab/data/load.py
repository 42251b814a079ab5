"""One way in: any row of a manifest as sequences of what would have crossed the wall."""

from __future__ import annotations

import dataclasses
import zlib
from pathlib import Path

import numpy as np

from mizaru.edge.settings import Pace
from mizaru.errors import DataError
from mizaru.lab.data.manifest import Clip
from mizaru.lab.data.recording import Recorder
from mizaru.lab.data.sequence import Sequence
from mizaru.lab.data.sources import source_of
from mizaru.lab.data.videos import load_video, read_intervals
from mizaru.lab.seeing import look


def load(
    clip: Clip,
    *,
    recorder: Recorder,
    pace: Pace,
    root: Path | None = None,
    rng: np.random.Generator | None = None,
) -> tuple[Sequence, ...]:
    """The sequences of a video or skeleton file.

    A video is developed (or taken from the recorder's cache), 3D skeletons are looked at with a
    camera that `rng` draws, flat ones are retargeted.

    Args:
        clip: a row of a manifest.
        root: folder with the ``labels`` of the manifest; where the clip's path begins if None.
        rng: for the cameras; None: one that is seeded by the clip's path, so that the same row
            always gives the same sequences.

    Raises:
        DataError: the file cannot be used, or its kind is neither video nor skeleton.
        ModelError: a perception model is missing.
    """
    source = source_of(clip)
    if clip.kind == "video":
        marked = read_intervals((root or root_of(clip)) / "labels").get(clip.path, ())
        return (load_video(clip, source.name, recorder, pace, marked),)
    if clip.kind != "skeleton":
        raise DataError(f"{clip.path}: a row of kind {clip.kind!r} shows nobody moving")
    if source.flat is not None:
        return source.flat(clip, source.name)
    if source.motions is None:
        raise DataError(f"{clip.path}: nobody has said how skeletons of {source.name} are read")
    seed = np.random.default_rng(zlib.crc32(clip.path.encode()))
    rng = seed if rng is None else rng
    seen = (look(motion, rng=rng) for motion in source.motions(clip, source.name))
    return tuple(dataclasses.replace(sequence, room=clip.group) for sequence in seen)


def root_of(clip: Clip) -> Path:
    """The folder that a clip's path is relative to."""
    return clip.file.parents[len(Path(clip.path).parts) - 1]
