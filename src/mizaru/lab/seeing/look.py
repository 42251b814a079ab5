"""A motion as it would have crossed the wall, had our perception watched it."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from mizaru.cloud.recognize.finding import Observation
from mizaru.edge.darkroom.desensitize.retarget import Retargeter
from mizaru.lab.motion import Event, Motion
from mizaru.lab.seeing.disturb import disturb
from mizaru.lab.seeing.eye import Eye
from mizaru.lab.seeing.flaws import DEFAULT, Flaws
from mizaru.lab.seeing.follow import NOBODY, Follower, Sighting
from mizaru.lab.seeing.view import Array, watch
from mizaru.lab.sequence import Label, Sequence
from mizaru.vocabulary import Behavior, Pose, SyncKey
from mizaru.wire.codec import pack_pose, unpack_pose
from mizaru.wire.messages import GRID_MS, MAX_POSES_PER_SEGMENT, MAX_SUBJECTS, SEGMENT_MS

_FPS: Final = (8.0, 30.0)
_DENSE: Final = MAX_POSES_PER_SEGMENT // (SEGMENT_MS // GRID_MS)
_DONE: Final = frozenset({Behavior.FALL, Behavior.STRIKE, Behavior.PUSH})
_AFTER_FALL_S: Final = 3.0
"""Who gets a new id this soon after the impact has fallen under this one, too."""


@dataclass(frozen=True, slots=True)
class _Stay:
    """One id while it is one person.

    Attributes:
        who: index of the person.
        start_ms, end_ms: [start, end).
    """

    subject_id: int
    who: int
    start_ms: int
    end_ms: int


def look(
    motion: Motion,
    *,
    rng: np.random.Generator,
    eye: Eye | None = None,
    flaws: Flaws = DEFAULT,
    name: str | None = None,
    fps: float | None = None,
) -> Sequence:
    """What would have crossed the wall, and what is true of it.

    Time counts from the motion's beginning. Poses went through the darkroom's own retargeting
    and packing; ids are as ephemeral as there. Labels name the ids: everyday behaviours
    and blows as runs, falls with their impact under every id that the person had from the loss
    of control until 3 s after the impact, and blows and quarrels with `other_id`.

    Args:
        rng: draws whatever is not given, and the flaws.
        eye: where the camera hangs; None: drawn.
        flaws: of perception.
        name: of the sequence; None: the motion's.
        fps: frames that perception sees per second; None: drawn, 8 … 30.
    """
    eye = Eye.draw(rng, motion) if eye is None else eye
    fps = float(rng.uniform(*_FPS)) if fps is None else fps
    flaws = flaws.drawn(rng)
    times_s = _times(motion, fps, flaws, rng)
    view = watch(motion, eye, times_s, _screen(eye, flaws, rng))
    glimpses = disturb(view, eye.height_px, flaws, rng)
    follower = Follower(view, glimpses, eye.resolution_wh, flaws, rng)
    observations, shown = _develop(follower, eye)
    stays = _stays(shown)
    return Sequence(
        name=motion.name if name is None else name,
        source=motion.source,
        licence=motion.licence,
        subject="|".join(motion.people),
        room="",
        camera="",
        split=motion.split,
        fps=fps,
        observations=tuple(observations),
        labels=_labels(motion, stays),
    )


def _times(motion: Motion, fps: float, flaws: Flaws, rng: np.random.Generator) -> Array:
    """When the camera's frames come, without those that are lost."""
    times = np.arange(0.0, motion.seconds, 1.0 / fps)
    lost = flaws.frames_lost * rng.random() if flaws.frames_lost else 0.0
    kept = times[rng.random(len(times)) >= lost]
    return np.asarray(kept if len(kept) else times[:1])


def _screen(eye: Eye, flaws: Flaws, rng: np.random.Generator) -> Array | None:
    """Something on the floor that hides legs, see `mizaru.lab.seeing.view.watch`."""
    if rng.random() >= flaws.furniture:
        return None
    width, height = eye.resolution_wh
    left = rng.uniform(-0.3, 0.8) * width
    top = rng.uniform(0.45, 0.9) * height
    broad = rng.uniform(0.15, 0.6) * width
    return np.array([left, top, left + broad, 2.0 * height, rng.uniform(0.5, 6.0)])


def _develop(
    follower: Iterable[tuple[float, tuple[Sighting, ...]]], eye: Eye
) -> tuple[list[Observation], list[tuple[int, tuple[Sighting, ...]]]]:
    """Retarget, pack and unpack what is on the time grid, as
    `mizaru.edge.darkroom.desensitize.proxy_mode` does."""
    retargeter = Retargeter()
    observations: list[Observation] = []
    shown: list[tuple[int, tuple[Sighting, ...]]] = []
    aspect = eye.resolution_wh[0] / eye.resolution_wh[1]
    last, window, used = -1, -1, 0
    for frame, (now, sightings) in enumerate(follower):
        t_ms = round(now * 1000)
        tick = t_ms - t_ms % GRID_MS
        if tick <= last:
            continue
        retargeter.forget_all_but({item.seen.subject_id for item in sightings})
        drawn: list[tuple[Sighting, Pose]] = []
        for item in _choose(sightings):
            pose = retargeter.retarget(item.seen, t_ms, eye.resolution_wh)
            if pose is not None:
                drawn.append((item, unpack_pose(pack_pose(pose))))
        if len(drawn) > _DENSE and tick % (2 * GRID_MS):
            continue
        if tick // SEGMENT_MS != window:
            window, used = tick // SEGMENT_MS, 0
        if used + len(drawn) > MAX_POSES_PER_SEGMENT:
            continue
        used += len(drawn)
        last = tick
        poses = tuple(pose for _, pose in drawn)
        observations.append(Observation(SyncKey("camera-1", frame, tick), poses, aspect))
        shown.append((tick, tuple(item for item, _ in drawn)))
    return observations, shown


def _choose(sightings: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
    """At most as many as may be drawn: the near and certain ones."""
    if len(sightings) <= MAX_SUBJECTS:
        return sightings

    def rank(item: Sighting) -> float:
        return item.seen.score * (item.seen.box_xyxy[3] - item.seen.box_xyxy[1])

    least = sorted(map(rank, sightings), reverse=True)[MAX_SUBJECTS - 1]
    return tuple(item for item in sightings if rank(item) >= least)[:MAX_SUBJECTS]


def _stays(shown: Many[tuple[int, tuple[Sighting, ...]]]) -> list[_Stay]:
    """Who each id is, from when to when, in time order."""
    done: list[_Stay] = []
    now: dict[int, _Stay] = {}
    for tick, sightings in shown:
        for item in sightings:
            subject_id, who = item.seen.subject_id, item.who
            stay = now.get(subject_id)
            if stay is not None and stay.who == who:
                now[subject_id] = _Stay(subject_id, who, stay.start_ms, tick + GRID_MS)
                continue
            if stay is not None:
                done.append(stay)
            now[subject_id] = _Stay(subject_id, who, tick, tick + GRID_MS)
    done += now.values()
    return sorted(
        (stay for stay in done if stay.who != NOBODY), key=lambda s: (s.start_ms, s.subject_id)
    )


def _labels(motion: Motion, stays: list[_Stay]) -> tuple[Label, ...]:
    found = [label for event in motion.events for label in _of_event(event, motion, stays)]
    found += [label for stay in stays for label in _runs(motion, stay)]
    return tuple(sorted(found, key=lambda k: (k.start_ms, k.end_ms, k.subject_id or 0, k.behavior)))


def _of_event(event: Event, motion: Motion, stays: list[_Stay]) -> list[Label]:
    """The event under every id that the person had then."""
    start, end = round(event.start_s * 1000), round(event.end_s * 1000)
    impact = None if event.impact_s is None else round(event.impact_s * 1000)
    until = end
    if event.behavior is Behavior.FALL:
        until = max(end, (end if impact is None else impact) + round(_AFTER_FALL_S * 1000))
    there = [s for s in stays if s.who == event.person and s.start_ms < until and s.end_ms > start]
    labels: list[Label] = []
    for subject_id in dict.fromkeys(stay.subject_id for stay in there):
        mine = [stay for stay in there if stay.subject_id == subject_id]
        begins, ends = start, end
        if event.behavior is not Behavior.FALL:
            begins = max(start, min(stay.start_ms for stay in mine))
            ends = min(end, max(stay.end_ms for stay in mine))
            if begins >= ends:
                continue
        labels.append(
            Label(
                event.behavior,
                begins,
                max(ends, begins + 1),
                subject_id,
                impact,
                _other(event, stays, begins, ends),
            )
        )
    return labels


def _other(event: Event, stays: list[_Stay], start: int, end: int) -> int | None:
    """The id that the other person has then, for the longest."""
    theirs = [
        (min(stay.end_ms, end) - max(stay.start_ms, start), -stay.start_ms, stay.subject_id)
        for stay in stays
        if event.other is not None and stay.who == event.other
    ]
    theirs = [row for row in theirs if row[0] > 0]
    return max(theirs)[2] if theirs else None


def _runs(motion: Motion, stay: _Stay) -> list[Label]:
    """The person's behaviours while it had this id, one label for each stretch."""
    ticks = np.arange(stay.start_ms, stay.end_ms, GRID_MS)
    frames = np.minimum(np.rint(ticks / 1000 * motion.fps), len(motion.behaviors) - 1)
    words = motion.behaviors[frames.astype(np.int64), stay.who]
    edges = np.flatnonzero(np.concatenate([[True], words[1:] != words[:-1], [True]]))
    labels = []
    for begin, after in pairwise(edges):
        word = Behavior(words[begin])
        start, end = int(ticks[begin]), int(ticks[after - 1]) + GRID_MS
        said = word is not Behavior.UNKNOWN or motion.known
        if said and not (word in _DONE and _told(motion, stay.who, word, start, end)):
            labels.append(Label(word, start, end, stay.subject_id))
    return labels


def _told(motion: Motion, who: int, word: Behavior, start: int, end: int) -> bool:
    """An event says it already, and more exactly."""
    return any(
        event.behavior is word
        and event.person == who
        and event.start_s * 1000 < end
        and event.end_s * 1000 > start
        for event in motion.events
    )
