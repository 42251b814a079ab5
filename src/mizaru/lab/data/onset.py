"""Where in a clip somebody falls, when all that is known is that somebody does.

For training only: the moment is read from the same poses that a recognizer sees, so it must
never be what a recognizer is judged by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mizaru.cloud.recognize.finding import Observation
from mizaru.cloud.recognize.subject import Roster, Subject
from mizaru.cloud.recognize.thresholds import Thresholds

_LONGEST_MS: Final = 1500
"""A fall takes 0.6 … 0.8 s; perception and seats stretch it."""
_LEAST_DROP: Final = 0.22
"""Body heights that the hips come down; sitting down on a chair is less."""
_STARTS, _ENDS = 0.12, 0.88
"""Shares of the drop at which control is lost and the floor is met."""


@dataclass(frozen=True, slots=True)
class Descent:
    """The greatest of a clip.

    Attributes:
        start_ms, end_ms: camera clock; when the hips begin to drop, and when they are down.
        drop: body heights.
        subject_ids: all that who drops has in the clip, sorted.
    """

    start_ms: int
    end_ms: int
    drop: float
    subject_ids: tuple[int, ...] = ()


def greatest_descent(observations: Iterable[Observation]) -> Descent | None:
    """How the hips of the one who drops most come down; None if nobody drops."""
    roster = Roster(Thresholds())
    tracks: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    sizes: defaultdict[int, list[float]] = defaultdict(list)
    ids: defaultdict[int, set[int]] = defaultdict(set)
    alive: list[Subject] = []  # so that no two of them ever have the same id()
    for observation in observations:
        for subject in roster.observe(observation):
            alive.append(subject)
            place = subject.last.body.hips or subject.last.body.center
            tracks[id(subject)].append((observation.key.t_ms, place[1]))
            sizes[id(subject)].append(subject.size)
            ids[id(subject)].add(subject.subject_id)
    best: Descent | None = None
    for key, track in tracks.items():
        size = float(np.median(sizes[key]))
        found = _of(track, size) if size > 0.0 else None
        if found is not None and (best is None or found.drop > best.drop):
            best = replace(found, subject_ids=tuple(sorted(ids[key])))
    return best


def _of(track: list[tuple[int, float]], size: float) -> Descent | None:
    times = np.array([t for t, _ in track])
    heights = np.array([y for _, y in track])
    if len(track) < 4:
        return None
    if len(track) >= 3:  # one wild pose is no fall
        middle = np.median(np.stack([heights[:-2], heights[1:-1], heights[2:]]), axis=0)
        heights[1:-1] = middle
    best = Descent(0, 0, 0.0)
    for first in range(len(track)):
        last = int(np.searchsorted(times, times[first] + _LONGEST_MS, side="right"))
        low = first + int(heights[first:last].argmax())
        drop = float(heights[low] - heights[first]) / size
        if drop > best.drop + 1e-6:
            path = (heights[first : low + 1] - heights[first]) / (drop * size)
            starts = first + int(np.flatnonzero(path <= _STARTS)[-1])
            ends = first + int(np.flatnonzero(path >= _ENDS)[0])
            best = Descent(int(times[starts]), int(times[max(ends, starts)]), drop)
    return best if best.drop >= _LEAST_DROP else None
