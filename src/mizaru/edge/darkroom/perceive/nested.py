"""Removal of skeletons that are not people of their own: doubles, and skeletons nested in a
bigger one (11 % of raw person-frames when we measured)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from mizaru.edge.darkroom.perceive.candidate import Candidate
from mizaru.edge.darkroom.perceive.region import Array

_SAME: Final = 0.5  # mean similarity of keypoints
_SPREAD: Final = 0.08  # of the body's size: keypoints this far apart are .6 similar
_NESTED: Final = 0.8  # share of the keypoints inside the bigger body
_SMALLER: Final = 0.8  # of the bigger body's size
_SEEN: Final = 0.3


def remove_nested(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates without doubles (the better score stays) and without nested skeletons (the
    bigger stays), best first."""
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: -c.score):
        if all(similarity(candidate, other) < _SAME for other in kept):
            kept.append(candidate)
    return [c for c in kept if not any(is_nested(c, other) for other in kept if other is not c)]


def similarity(a: Candidate, b: Candidate) -> float:
    """Object keypoint similarity of two skeletons of one topology, [0, 1]."""
    size = max(a.region.size, b.region.size)
    error = np.linalg.norm(a.keypoints[:, :2] - b.keypoints[:, :2], axis=1) / (size * _SPREAD)
    weight = np.minimum(a.keypoints[:, 2], b.keypoints[:, 2]) + 1e-3
    return float((weight * np.exp(-(error**2) / 2)).sum() / weight.sum())


def is_nested(small: Candidate, big: Candidate) -> bool:
    """True if `small` lies on the body of a clearly bigger skeleton."""
    if small.region.size > _SMALLER * big.region.size:
        return False
    seen = small.keypoints[small.keypoints[:, 2] > _SEEN, :2]
    points = seen if len(seen) else small.keypoints[:, :2]
    return float(_inside(points, big).mean()) >= _NESTED


def _inside(points: Array, body: Candidate) -> Array:
    """Which points lie on the body: on its mask, or in its box where it has none."""
    if body.mask is None:
        x0, y0, x1, y1 = body.box_xyxy
        return np.asarray(
            (points >= (x0, y0)).all(axis=1) & (points <= (x1, y1)).all(axis=1), np.float32
        )
    logits, region = body.mask.logits, body.mask.region
    side = logits.shape[0]
    offset = (points - (region.x, region.y)) @ region.rotation()
    cells = np.floor((offset / region.size + 0.5) * side).astype(int)
    inside = ((cells >= 0) & (cells < side)).all(axis=1)
    x, y = np.clip(cells, 0, side - 1).T
    return np.asarray(inside & (logits[y, x] > 0), np.float32)
