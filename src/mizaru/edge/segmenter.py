"""Representations of one camera → segments, at a bounded rate whatever the darkroom writes.

These rules are what `mizaru.wire.budget` multiplies with; they are enforced on this side of the
pipe, so that a darkroom gone wild cannot exceed them:

1. a segment spans < `SEGMENT_MS` and holds ≤ `MAX_REPRESENTATIONS` representations and
   ≤ `MAX_POSES_PER_SEGMENT` poses;
2. times grow; after a representation with more than four subjects the next tick stays empty, so
   that there are ≤ 40 poses in a second;
3. no segment begins less than `SEGMENT_LEAST_MS` after the one before. Rules 1 and 2 alone
   never come closer: a segment is cut at 20 poses only when its representations and the next
   one take more than five ticks, and one takes two ticks at most;
4. a plate rides along at most once per `PLATE_PERIOD_S`.

A representation that would break a rule is dropped and counted. Times are the camera's clock;
a clock that was set back by more than `CLOCK_SET_BACK_MS` begins anew, at most once in ten
seconds of our own clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mizaru.wire.messages import (
    GRID_MS,
    MAX_POSES_PER_SEGMENT,
    MAX_REPRESENTATIONS,
    PLATE_PERIOD_S,
    SEGMENT_LEAST_MS,
    SEGMENT_MS,
    ChannelRecord,
    Developed,
    Plate,
    Representation,
    Segment,
)

CLOCK_SET_BACK_MS: Final = 10_000
_CLOCK_PATIENCE_S: Final = 10.0
_SUBJECTS_PER_TICK: Final = MAX_POSES_PER_SEGMENT // MAX_REPRESENTATIONS


@dataclass(frozen=True, slots=True)
class Draft:
    """A segment that has no number yet: the spool gives it its place in the chain."""

    camera: str
    width: int
    height: int
    captured_ms: int
    representations: tuple[Representation, ...]
    plate: Plate | None
    channel: ChannelRecord | None = None

    def seal(self, stream: bytes, number: int, previous: bytes) -> Segment:
        """The segment at its place in a stream."""
        return Segment(
            camera=self.camera,
            stream=stream,
            number=number,
            previous=previous,
            width=self.width,
            height=self.height,
            captured_ms=self.captured_ms,
            representations=self.representations,
            plate=self.plate,
            channel=self.channel,
        )


class Segmenter:
    """Groups one camera's representations.

    Args:
        camera: its id.
        clock: monotonic seconds.

    Attributes:
        dropped: representations that broke a rule.
    """

    def __init__(self, camera: str, clock: Callable[[], float]) -> None:
        self.dropped = 0
        self._camera, self._clock = camera, clock
        self._open: list[Developed] = []
        self._poses = 0
        self._earliest_ms: int | None = None
        self._segment_begun_ms: int | None = None
        self._last_ms: int | None = None
        self._clock_set_back_at: float | None = None
        self._plate: Plate | None = None
        self._plate_sent_ms: int | None = None

    def offer_plate(self, plate: Plate) -> None:
        """Take a new plate; it rides with the segment that is open, or with the first that may."""
        self._plate = plate

    def push(self, developed: Developed) -> list[Draft]:
        """Take the next representation; returns what is complete now, in order."""
        drafts = self._follow_clock(developed.representation.t_ms)
        representation = developed.representation
        t_ms, poses = representation.t_ms, len(representation.poses)
        if self._earliest_ms is not None and t_ms < self._earliest_ms:
            self.dropped += 1
            return drafts
        if self._open and not self._fits(developed):
            drafts += self.flush()
        if not self._open:
            begun = self._segment_begun_ms
            if begun is not None and t_ms < begun + SEGMENT_LEAST_MS:
                self.dropped += 1
                return drafts
            self._segment_begun_ms = t_ms
        self._open.append(developed)
        self._poses += poses
        self._last_ms = t_ms
        self._earliest_ms = t_ms + GRID_MS * (2 if poses > _SUBJECTS_PER_TICK else 1)
        if self._is_complete():
            drafts += self.flush()
        return drafts

    def flush(self) -> list[Draft]:
        """Close the open segment, if there is one: the camera pauses or ends."""
        if not self._open:
            return []
        last = self._open[-1]
        draft = Draft(
            self._camera,
            last.width,
            last.height,
            last.captured_ms,
            tuple(developed.representation for developed in self._open),
            self._take_plate(self._open[0].representation.t_ms),
            last.channel,
        )
        self._open, self._poses = [], 0
        return [draft]

    def _fits(self, developed: Developed) -> bool:
        first = self._open[0]
        representation = developed.representation
        return (
            len(self._open) < MAX_REPRESENTATIONS
            and self._poses + len(representation.poses) <= MAX_POSES_PER_SEGMENT
            and representation.t_ms < first.representation.t_ms + SEGMENT_MS
            and (developed.width, developed.height) == (first.width, first.height)
            and developed.channel == first.channel
        )

    def _is_complete(self) -> bool:
        """Whether nothing can come that belongs to the open segment, so that nobody waits."""
        assert self._earliest_ms is not None
        begun = self._open[0].representation.t_ms
        crowded = self._poses + _SUBJECTS_PER_TICK >= MAX_POSES_PER_SEGMENT
        # A crowd rarely shrinks within a tick: its next representation would not fit.
        least = SEGMENT_LEAST_MS if crowded else SEGMENT_MS
        return len(self._open) == MAX_REPRESENTATIONS or self._earliest_ms >= begun + least

    def _take_plate(self, t_ms: int) -> Plate | None:
        if self._plate is None or (
            self._plate_sent_ms is not None and t_ms < self._plate_sent_ms + PLATE_PERIOD_S * 1000
        ):
            return None
        plate, self._plate, self._plate_sent_ms = self._plate, None, t_ms
        return plate

    def _follow_clock(self, t_ms: int) -> list[Draft]:
        if self._last_ms is None or t_ms > self._last_ms - CLOCK_SET_BACK_MS:
            return []
        now = self._clock()
        last_time = self._clock_set_back_at
        if last_time is not None and now < last_time + _CLOCK_PATIENCE_S:
            return []
        self._clock_set_back_at = now
        drafts = self.flush()
        self._last_ms = self._earliest_ms = self._segment_begun_ms = None
        if self._plate_sent_ms is not None:
            self._plate_sent_ms = t_ms
        return drafts
