"""Real faces and real passers-by as visits: pictures without poses, for pixel representations.

A set's pictures of one person are no film. They stand as the ticks of a visit, so that fusing T
of them is what an attacker gains from T pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.audit.contract import CROP_HW, Visit
from mizaru.lab.data.manifest import Clip, read_manifest
from mizaru.vocabulary import Behavior

MANIFEST: Final = "MANIFEST.csv"
_SETS: Final = {"faces/orl/": "orl", "faces/yale/": "yale", "reid/col780/": "col780"}
"""Folder of the manifest's paths → dataset."""
_LIGHTS: Final = {"leftlight": "left", "rightlight": "right"}
_GLASSES: Final = {"glasses": "yes", "noglasses": "no"}
_ENROLLED: Final = ("normal", "noglasses", "happy", "sad", "leftlight")
"""Conditions of Yale that stand for the first session."""


def load(data: Path) -> Iterator[Visit]:
    """All visits that the pictures of a folder give.

    Raises:
        DataError: no manifest there, or a picture of it cannot be read.
    """
    manifest = data / MANIFEST
    if not manifest.is_file():
        raise DataError(f"{manifest}: not there; --data needs a folder with {MANIFEST}")
    clips = [
        (dataset, *_belongs(dataset, clip), clip)
        for clip in read_manifest(manifest)
        for folder, dataset in _SETS.items()
        if clip.kind == "image" and clip.path.startswith(folder)
    ]
    clips.sort(key=lambda row: (*row[:5], row[5].path))
    for (dataset, person, session, camera, condition), group in groupby(
        clips, key=lambda row: row[:5]
    ):
        files = [row[5].file for row in group]
        yield _visit(dataset, person, session, camera, _attributes(dataset, condition), files)


def _belongs(dataset: str, clip: Clip) -> tuple[str, str, str, str]:
    """(person, session, camera, condition) of a picture."""
    path = Path(clip.path)
    person, name = path.parent.name, path.stem
    if dataset == "col780":
        return person, "day1", name.partition("_")[0], ""
    if dataset == "orl":
        return person, "day1" if int(name) <= 5 else "day2", "studio", ""
    return person, "day1" if name in _ENROLLED else "day2", "studio", name


def _attributes(dataset: str, condition: str) -> dict[str, str]:
    attributes = {"clothes": "0"}
    if dataset == "yale":
        attributes["condition"] = condition
        attributes["light"] = _LIGHTS.get(condition, "front")
        if condition in _GLASSES:
            attributes["glasses"] = _GLASSES[condition]
    return attributes


def _visit(
    dataset: str,
    person: str,
    session: str,
    camera: str,
    attributes: dict[str, str],
    files: Iterable[Path],
) -> Visit:
    crops = np.stack([_picture(file) for file in files])
    ticks = len(crops)
    return Visit(
        dataset=dataset,
        person=person,
        session=session,
        camera=camera,
        attributes=attributes,
        behaviors=np.array([Behavior.UNKNOWN] * ticks, dtype=object),
        poses=(None,) * ticks,
        keypoints=np.full((ticks, 17, 3), np.nan, np.float32),
        world=None,
        resolution_wh=(CROP_HW[1], CROP_HW[0]),
        crops=crops,
    )


def _picture(file: Path) -> npt.NDArray[np.uint8]:
    picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if picture is None:
        raise DataError(f"{file}: not a readable picture")
    size = (CROP_HW[1], CROP_HW[0])
    return np.asarray(
        cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), size, interpolation=cv2.INTER_AREA),
        np.uint8,
    )
