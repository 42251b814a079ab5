"""Who is who from pose to pose: histories of subjects, across gaps and changed ids."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

from mizaru.cloud.recognize.body import Body, Point, measure
from mizaru.cloud.recognize.finding import Observation
from mizaru.cloud.recognize.posture import posture, stands_by_shape
from mizaru.cloud.recognize.thresholds import Thresholds
from mizaru.vocabulary import Behavior


@dataclass(frozen=True, slots=True)
class Sample:
    """One pose of a subject with what it shows.

    Attributes:
        t_ms: camera clock.
        body: the pose.
        posture: see `mizaru.cloud.recognize.posture`.
        height: of the body as it appears, body heights.
    """

    t_ms: int
    body: Body
    posture: Behavior
    height: float


class Subject:
    """One person, as long as it is clear that it is the same.

    Attributes:
        subject_id: id under which it was seen last.
        samples: of the last `Thresholds.history_s`, oldest first; never empty once observed.
        size: one body height at its place, image heights.
        parent: of whom this is a second sight, see `fork`; for the one observation in which it
            was told apart, otherwise None.
    """

    def __init__(self, limits: Thresholds) -> None:
        self.parent: Subject | None = None
        self.subject_id = 0
        self.samples: deque[Sample] = deque()
        self.size = 0.0
        self._limits = limits
        self._sizes: deque[float] = deque(maxlen=3)
        self._ids: dict[int, int] = {}

    @property
    def last(self) -> Sample:
        """The newest pose."""
        return self.samples[-1]

    def since(self, t_ms: int) -> Iterator[Sample]:
        """Samples at or after a time, newest first."""
        for sample in reversed(self.samples):
            if sample.t_ms < t_ms:
                return
            yield sample

    def ids_since(self, t_ms: int) -> tuple[int, ...]:
        """Ids under which it was seen at or after a time, sorted."""
        return tuple(sorted(i for i, seen_ms in self._ids.items() if seen_ms >= t_ms))

    def share(self, behavior: Behavior, t_ms: int) -> float:
        """Share of the poses at or after a time that show a posture; 0.0 without any."""
        total = hits = 0
        for sample in self.since(t_ms):
            total += 1
            hits += sample.posture is behavior
        return hits / total if total else 0.0

    def usual(self, t_ms: int) -> tuple[Behavior, float]:
        """The most frequent posture at or after a time, and its share."""
        counts = Counter(sample.posture for sample in self.since(t_ms))
        (behavior, hits), *_ = counts.most_common(1)
        return behavior, hits / counts.total()

    def observe(self, subject_id: int, body: Body) -> None:
        """Add its next pose."""
        limits = self._limits
        self.subject_id = subject_id
        self._ids[subject_id] = body.t_ms
        self._learn_size(body)
        sample = Sample(
            body.t_ms,
            body,
            posture(body, self.size, limits) if self.size > 0.0 else Behavior.UNKNOWN,
            (body.bottom - body.top) / self.size if self.size > 0.0 else 0.0,
        )
        self.samples.append(sample)
        while self.samples[0].t_ms < body.t_ms - limits.history_s * 1000:
            self.samples.popleft()

    def fork(self) -> Subject:
        """Another subject with the same past."""
        twin = Subject(self._limits)
        twin.parent = self
        twin.subject_id, twin.size = self.subject_id, self.size
        twin.samples.extend(self.samples)
        twin._sizes.extend(self._sizes)
        twin._ids.update(self._ids)
        return twin

    def reach(self, t_ms: int) -> float:
        """How far it can have moved by a time, image heights."""
        after_s = (t_ms - self.last.t_ms) / 1000.0
        limits = self._limits
        return (limits.jump_reach + limits.jump_speed * after_s) * self.size

    def distance(self, body: Body) -> float:
        """From its last place to a pose, image heights."""
        return math.dist(self.last.body.center, body.center)

    def _learn_size(self, body: Body) -> None:
        """A limb looks at most as long as it is, so that the size follows what grows at once
        and what shrinks slowly; who lies may lie along the line of sight and teaches nothing.
        """
        limits = self._limits
        if body.size <= 0.0:
            return
        self._sizes.append(body.size)
        seen = sorted(self._sizes)[len(self._sizes) // 2]
        if not self.samples or self.size <= 0.0 or seen >= self.size:
            self.size = seen
        elif self.last.posture is not Behavior.LIE:
            rate = limits.size_shrink if stands_by_shape(body, limits) else limits.size_forget
            after_s = (body.t_ms - self.last.t_ms) / 1000.0
            self.size = max(seen, self.size * (1.0 - rate) ** after_s)


class Roster:
    """Everybody in the picture and who left it a moment ago.

    An id that comes back at an unlikely place is somebody else; an id that appears where one
    was just lost is the same person; two ids that change places at once have changed people. So
    a fall during which the tracker loses its subject, or takes two people for each other, stays
    one person's fall, and nobody falls by taking over the id of who sits beside them.
    """

    def __init__(self, limits: Thresholds) -> None:
        self._limits = limits
        self._subjects: list[Subject] = []

    def __contains__(self, subject: Subject) -> bool:
        return subject in self._subjects

    def observe(self, observation: Observation) -> tuple[Subject, ...]:
        """Take the next poses; returns their subjects, in the order of the poses.

        Poses of which no joint is seen are left out.
        """
        t_ms = observation.key.t_ms
        self._subjects = [
            s for s in self._subjects if t_ms - s.last.t_ms <= self._limits.forget_s * 1000
        ]
        for subject in self._subjects:
            subject.parent = None
        free = list(self._subjects)
        poses: list[tuple[int, Body]] = []
        for pose in observation.poses:
            body = measure(pose, observation.aspect, t_ms)
            if body is not None:
                poses.append((pose.subject_id, body))
        # Whoever had an id last has it: one may have lost it to another.
        by_id = {s.subject_id: s for s in sorted(free, key=lambda s: s.last.t_ms)}
        self._change_back(poses, by_id)
        owners: dict[int, Subject] = {}
        for subject_id, body in poses:
            known = by_id.get(subject_id)
            if known and known.distance(body) <= known.reach(t_ms):
                known.observe(subject_id, body)
                owners[subject_id] = known
                free.remove(known)
        for subject_id, body in poses:
            if subject_id not in owners:
                owner = self._lost_at(body, free)
                if owner is not None:
                    free.remove(owner)
                else:
                    beside = self._breaking_at(body, owners.values())
                    owner = beside.fork() if beside else Subject(self._limits)
                    self._subjects.append(owner)
                owner.observe(subject_id, body)
                owners[subject_id] = owner
        return tuple(owners[subject_id] for subject_id, _ in poses)

    def _change_back(self, poses: Iterable[tuple[int, Body]], by_id: dict[int, Subject]) -> None:
        """Give ids that changed over between two people back to whom they stand for.

        The sum of both ways decides: it does not shrink where one falls onto or past somebody who
        stays, nor where two pass each other.
        """
        limits = self._limits
        known = [
            (subject_id, body)
            for subject_id, body in poses
            if subject_id in by_id
            and body.t_ms - by_id[subject_id].last.t_ms <= limits.swap_s * 1000
        ]
        for (a, here), (b, there) in combinations(known, 2):
            one, two = by_id[a], by_id[b]
            kept = one.distance(here) + two.distance(there)
            changed = one.distance(there) + two.distance(here)
            if kept - changed > limits.swap_gain * max(one.size, two.size):
                by_id[a], by_id[b] = two, one

    def _lost_at(self, body: Body, free: list[Subject]) -> Subject | None:
        """Who was lost just now where this pose appears; the nearest."""
        limits = self._limits

        def lost_now(subject: Subject) -> bool:
            lies = subject.last.posture is Behavior.LIE
            patience_s = limits.forget_s if lies else limits.handover_s
            return body.t_ms - subject.last.t_ms <= patience_s * 1000

        return _nearest(body, filter(lost_now, free), limits)

    def _breaking_at(self, body: Body, present: Iterable[Subject]) -> Subject | None:
        """Who went down a moment ago where this pose appears, and is not clear any more.

        In a fall the perception may find the same person anew while the old track lingers on
        as a ghost.
        """
        limits = self._limits
        since_ms = body.t_ms - round(limits.fork_s * 1000)

        def breaks(subject: Subject) -> bool:
            unclear = subject.last.posture not in (Behavior.STAND, Behavior.SIT, Behavior.BEND)
            return unclear and any(
                sample.posture in (Behavior.STAND, Behavior.SIT)
                for sample in subject.since(since_ms)
            )

        return _nearest(body, filter(breaks, present), limits)


def _nearest(body: Body, subjects: Iterable[Subject], limits: Thresholds) -> Subject | None:
    """The nearest of those within reach that look about as large."""
    best: tuple[float, Subject] | None = None
    for subject in subjects:
        distance = subject.distance(body)
        scale = body.size / subject.size if subject.size > 0.0 else 0.0
        alike = 1.0 / limits.handover_scale <= scale <= limits.handover_scale
        near = distance <= limits.handover_reach * subject.size
        if near and alike and (best is None or distance < best[0]):
            best = distance, subject
    return best[1] if best else None


def speed(subject: Subject, window_s: float) -> float:
    """How fast the body travels, body heights/s, over the last `window_s`; 0.0 if unknown."""
    newest = subject.last
    oldest = newest
    for sample in subject.since(newest.t_ms - round(window_s * 1000)):
        oldest = sample
    seconds = (newest.t_ms - oldest.t_ms) / 1000.0
    if seconds < window_s / 2.0 or subject.size <= 0.0:
        return 0.0
    a, b = _place(oldest.body), _place(newest.body)
    return math.dist(a, b) / subject.size / seconds


def gait(subject: Subject, window_s: float) -> float:
    """How fast the ankles pass each other, body heights/s; mean over the last `window_s`."""
    samples = list(subject.since(subject.last.t_ms - round(window_s * 1000)))
    strides = [(s.t_ms, s.body.stride) for s in samples if s.body.stride is not None]
    if len(strides) < 3 or subject.size <= 0.0:
        return 0.0
    seconds = (strides[0][0] - strides[-1][0]) / 1000.0
    path = sum(math.dist(a, b) for (_, a), (_, b) in pairwise(strides))
    return path / subject.size / seconds if seconds > 0.0 else 0.0


def _place(body: Body) -> Point:
    return body.hips or body.center
