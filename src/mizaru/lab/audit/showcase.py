"""One moment of a visit as each representation shows it: pictures to look at, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.audit.contract import Example, Medium, Representation, Visit
from mizaru.proxy import compose
from mizaru.vocabulary import COCO17

Picture = npt.NDArray[np.uint8]

HEIGHT: Final = 256
_GROUND: Final = (40, 46, 54)
_BONE: Final = (120, 200, 190)
_JOINT: Final = (245, 180, 90)


def showcase(
    representations: Iterable[Representation], visits: Sequence[Visit], rng: np.random.Generator
) -> tuple[Example, ...]:
    """Examples of two people of the sim, in the middle of their first visit."""
    # Not of real faces and passers-by: they have no poses, and this page is to be passed round.
    whole = [visit for visit in visits if visit.crops is not None and any(visit.poses)]
    firsts = {visit.person: visit for visit in reversed(whole)}
    some = [firsts[person] for person in sorted(firsts)][:2]
    found = []
    made = list(representations)
    for visit in some:
        tick = len(visit.behaviors) // 2
        pictures = []
        for representation in made:
            picture = _picture(representation, visit, tick, rng)
            if picture is not None:
                pictures.append((representation.name.replace("_", " "), picture))
        words = f"{visit.person}, {visit.session}, {visit.camera}: one moment, shown in every way"
        found.append(Example(words, tuple(pictures)))
    return tuple(found)


def _picture(
    representation: Representation, visit: Visit, tick: int, rng: np.random.Generator
) -> Picture | None:
    if representation.name == "omega":
        return _anonymous(visit, tick)
    try:
        shown = representation.show(visit, rng)[tick]
    except DataError:
        return None
    match representation.medium:
        case Medium.PIXELS:
            return _tall(np.asarray(np.rint(np.clip(shown, 0, 1) * 255), np.uint8))
        case Medium.POSES:
            return _skeleton(shown)
        case Medium.EMBEDDING:
            return _bars(shown)


def _tall(picture: Picture) -> Picture:
    width = round(HEIGHT * picture.shape[1] / picture.shape[0])
    return np.asarray(
        cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_NEAREST), np.uint8
    )


def _anonymous(visit: Visit, tick: int) -> Picture:
    """Ĩ_t: mannequins on the plate."""
    width, height = visit.resolution_wh
    size = (round(HEIGHT * width / height), HEIGHT)
    pose = visit.poses[tick]
    return compose(visit.plate, [] if pose is None else [pose], size)


def _skeleton(shown: npt.NDArray[np.float32]) -> Picture:
    """Keypoints 0 … 16, cut to the person."""
    canvas = np.full((HEIGHT, HEIGHT // 2, 3), _GROUND, np.uint8)
    points = shown[:17, :2]
    known = np.asarray(np.isfinite(points).all(axis=1))
    if not known.any():
        return canvas
    low, high = points[known].min(axis=0), points[known].max(axis=0)
    scale = 0.86 * HEIGHT / max(float(high[1] - low[1]), 2 * float(high[0] - low[0]), 1e-6)
    place = (points - (low + high) / 2) * scale + (HEIGHT / 4, HEIGHT / 2)
    for a, b in COCO17.bones:
        if known[a] and known[b]:
            cv2.line(canvas, _at(place[a]), _at(place[b]), _BONE, 2, cv2.LINE_AA)
    for point in place[known]:
        cv2.circle(canvas, _at(point), 3, _JOINT, -1, cv2.LINE_AA)
    return canvas


def _at(point: npt.NDArray[np.float32]) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def _bars(shown: npt.NDArray[np.float32]) -> Picture:
    """The first 256 numbers as grey squares."""
    numbers = np.resize(shown, 16 * 8)
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    grey = np.nan_to_num((numbers - low) / max(high - low, 1e-6)).reshape(16, 8)
    squares = np.repeat((grey * 255).astype(np.uint8)[..., None], 3, axis=2)
    return _tall(squares)
