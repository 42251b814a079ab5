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
_MUTUAL: Final = 0.7  # share of each one's keypoints on the other's body: one person, twice
_FOLLOWED: Final = 0.2  # bonus in score of a skeleton that continues a track
_SMALLER: Final = 0.8  # of the bigger body's size
_SEEN: Final = 0.3


def remove_nested(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates without doubles (the better stays) and without nested skeletons (the bigger
    stays), best first."""
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: -_rank(c)):
        if not any(is_double(candidate, other) for other in kept):
            kept.append(candidate)
    return [c for c in kept if not any(is_nested(c, other) for other in kept if other is not c)]


def is_double(a: Candidate, b: Candidate) -> bool:
    """True if two skeletons are of one person: the same keypoints, or (somebody lying, seen
    once with the head where his feet are) the same body."""
    if similarity(a, b) >= _SAME:
        return True
    return min(_share(a, b), _share(b, a)) >= _MUTUAL


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
    return _share(small, big) >= _NESTED


def _rank(candidate: Candidate) -> float:
    return candidate.score + (_FOLLOWED if candidate.prior is not None else 0.0)


def _share(a: Candidate, body: Candidate) -> float:
    """Share of the visible keypoints of `a` that lie on a body."""
    seen = a.keypoints[a.keypoints[:, 2] > _SEEN, :2]
    return float(_inside(seen if len(seen) else a.keypoints[:, :2], body).mean())


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
