"""What one anonymous frame tells anybody: a forest on the very poses and plate it is drawn from.

``python -m benchmarks.encoder_ceiling [--cast calibrate]``. Frames come from the cache of ``mizaru
train encoder``. No embedding of a single frame can be expected to say much more than this; where
it does, the forest's numbers about the room are too coarse. About three minutes of one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.lab.encoder import score
from mizaru.lab.encoder.frames import Cast, Frames, gather
from mizaru.lab.encoder.meaning import QUESTIONS, UNSAID
from mizaru.lab.encoder.recipe import SHIPPED, load_recipe
from mizaru.lab.encoder.run import FUSED
from mizaru.settings import environment

Array = npt.NDArray[np.float32]

TREES: Final = 150
_PEOPLE: Final = 2
"""The farthest ones, with all their joints; of the others only how many there are."""
_PATCH: Final = 3
"""Plate pixels to either side of a spot whose colour counts."""
_SPOTS: Final = tuple((across, down) for down in (-0.2, 0.1, 0.5) for across in (-0.25, 0.0, 0.25))
"""Around the hips, in longer sides of the body."""
_OF_ONE: Final = 34 + 17 + 2 + 2 + 1 + 3 + 3 * len(_SPOTS)


def numbers(frames: Frames) -> Array:
    """Of each frame: joints about the hips in units of the body, ρ, distances between the joints
    of the first, size, place, head, colours of the plate around the hips; how many, how near."""
    rows = []
    for k in range(len(frames)):
        own = slice(int(frames.first[k]), int(frames.first[k + 1]))
        plate = frames.plates[frames.plate_of[k]]
        aspect = float(frames.aspects[frames.plate_of[k]])
        bodies = frames.bodies[own] * np.array((aspect, 1.0, 1.0), np.float32)
        parts = [
            _of_one(body, head, plate, aspect)
            for body, head in zip(bodies[:_PEOPLE], frames.heads[own], strict=False)
        ]
        parts += [np.zeros(_OF_ONE)] * (_PEOPLE - len(parts))
        shape = parts[0][:34].reshape(17, 2)
        apart = np.linalg.norm(shape[:, None] - shape[None], axis=-1)[np.triu_indices(17, 1)]
        seen = [body[body[:, 2] > 0, :2] for body in bodies]
        middles = [each.mean(axis=0) for each in seen if len(each)]
        gaps = [np.linalg.norm(a - b) for i, a in enumerate(middles) for b in middles[:i]]
        rows.append(np.concatenate([*parts, apart, [len(bodies), min(gaps, default=9.0)]]))
    return np.array(rows, np.float32)


def _of_one(
    body: Array, head: Array, plate: npt.NDArray[np.uint8] | None, aspect: float
) -> npt.NDArray[np.float64]:
    seen = body[:, 2] > 0
    if not seen.any():
        return np.zeros(_OF_ONE)
    xy = body[:, :2].astype(np.float64)
    hips = xy[[11, 12]][seen[[11, 12]]]
    middle = hips.mean(axis=0) if len(hips) else xy[seen].mean(axis=0)
    sides = np.ptp(xy[seen], axis=0)
    size = max(float(sides.max()), 1e-3)
    shape = np.where(seen[:, None], (xy - middle) / size, 0.0)
    colours = np.full((len(_SPOTS), 3), -1.0)
    if plate is not None:
        height, width = plate.shape[:2]
        for k, spot in enumerate(_SPOTS):
            x, y = middle + np.array(spot) * size
            column = int(np.clip(x / aspect * width, 0, width - 1))
            row = int(np.clip(y * height, 0, height - 1))
            patch = plate[
                max(0, row - _PATCH) : row + _PATCH + 1,
                max(0, column - _PATCH) : column + _PATCH + 1,
            ]
            colours[k] = patch.reshape(-1, 3).mean(axis=0)
    known = np.nan_to_num(head, nan=-999.0)
    return np.concatenate(
        [shape.ravel(), body[:, 2], sides, middle, [size], known, colours.ravel()]
    )


def main() -> None:
    """Print the table."""
    from sklearn.ensemble import ExtraTreesClassifier

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cast", type=Cast, default=Cast.CALIBRATE, choices=list(Cast))
    parser.add_argument("--data", type=Path, default=Path("../shared/data/MANIFEST.csv"))
    asked = parser.parse_args()
    recipe = load_recipe(SHIPPED)
    folder = Path(environment().get("MIZARU_TRAINING") or Path.home() / ".cache/mizaru/training")
    learn = gather(recipe, folder / "encoder", Cast.LEARN, manifest=asked.data)
    judge = gather(recipe, folder / "encoder", asked.cast)
    x, y = numbers(learn), numbers(judge)
    scene = judge.rows["scene"]
    owner = scene.astype(np.int64) * 100 + judge.rows["view"]
    print("| question | always the commonest | forest, one frame | 8 fused |\n|---|---|---|---|")
    for question, answers in QUESTIONS.items():
        known = learn.rows[question] != UNSAID
        truth, wanted = learn.rows[question][known], judge.rows[question]
        forest = ExtraTreesClassifier(
            TREES, min_samples_leaf=3, class_weight="balanced_subsample", bootstrap=True,
            random_state=0,
        ).fit(x[known], truth)  # fmt: skip
        said = np.full((len(y), len(answers)), 1e-6, np.float32)
        said[:, forest.classes_] = forest.predict_proba(y)
        common = np.full(len(y), np.bincount(truth).argmax())
        chance = score.mean_f1(common, wanted, len(answers))
        one = score.f1_of(said.argmax(axis=1), wanted, scene, question)
        fused = score.fused(said, owner, FUSED).argmax(axis=1)
        eight = score.f1_of(fused, wanted, scene, question)
        print(f"| {question} | {chance:.3f} | {one} | {eight} |", flush=True)


if __name__ == "__main__":
    main()
