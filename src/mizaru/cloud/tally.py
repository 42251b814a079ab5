"""What is counted of each camera from its first word to its last, for the summary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mizaru.cloud.events import Latency, Summary
from mizaru.cloud.incident import ChangeKind, IncidentChange
from mizaru.cloud.moment import Moment
from mizaru.wire.messages import GRID_MS, Status

MAX_LATENCIES: Final = 10_000
"""Capture → incident times kept per camera; the newest."""


@dataclass(slots=True)
class _Tally:
    """One camera since it began.

    Attributes:
        first_captured_ms, last_captured_ms: wall clock at the edge.
        begun: first status, None if this cloud came later than the camera.
    """

    results: int = 0
    incidents: int = 0
    bytes_out: int = 0
    camera_ms: int = 0
    through_ms: int | None = None
    first_captured_ms: int | None = None
    last_captured_ms: int = 0
    first_status: Status | None = None
    last_status: Status | None = None
    latencies_ms: list[float] = field(default_factory=list)


class Tallies:
    """The running counts of every camera that has said something since its last summary."""

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}

    def count_bytes(self, camera: str, size: int) -> None:
        """Bytes of a camera's segments and status that crossed the wire, resent ones too."""
        self._tallies.setdefault(camera, _Tally()).bytes_out += size

    def count_moment(self, moment: Moment, now_ms: int) -> None:
        """One result, told at a wall clock time."""
        tally = self._tallies.setdefault(moment.camera, _Tally())
        tally.results += 1
        t_ms = moment.representation.t_ms
        step_ms = t_ms - tally.through_ms if tally.through_ms is not None else GRID_MS
        tally.camera_ms += max(step_ms, 0)
        tally.through_ms = t_ms
        if tally.first_captured_ms is None:
            tally.first_captured_ms = moment.segment.captured_ms
        tally.last_captured_ms = moment.segment.captured_ms
        for change in moment.changes:
            if change.kind is ChangeKind.OPENED:
                tally.latencies_ms.append(max(now_ms - moment.segment.captured_ms, 0))
                del tally.latencies_ms[:-MAX_LATENCIES]
            self.count_change(change)

    def count_change(self, change: IncidentChange) -> None:
        """An incident that opened."""
        tally = self._tallies.setdefault(change.incident.camera_id, _Tally())
        tally.incidents += change.kind is ChangeKind.OPENED

    def count_status(self, status: Status) -> None:
        """A camera's health."""
        tally = self._tallies.setdefault(status.camera, _Tally())
        tally.first_status = tally.first_status or status
        tally.last_status = status

    def finish(self, camera: str) -> Summary | None:
        """The camera's summary, once; None if it has said nothing since the last one."""
        tally = self._tallies.pop(camera, None)
        return None if tally is None else _summary(camera, tally)

    def finish_all(self) -> list[Summary]:
        """The summaries of all cameras that have not had theirs."""
        return [_summary(camera, tally) for camera, tally in sorted(self._take_all().items())]

    def _take_all(self) -> dict[str, _Tally]:
        taken, self._tallies = self._tallies, {}
        return taken


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of all values do not exceed."""
    if not values:
        return None
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def _summary(camera: str, tally: _Tally) -> Summary:
    status = tally.last_status
    duration_s = tally.camera_ms / 1000
    pipe = (
        Latency(p50=status.pipe_p50_ms, p95=status.pipe_p95_ms)
        if status
        else Latency(p50=None, p95=None)
    )
    return Summary(
        camera=camera,
        duration_s=round(duration_s, 3),
        frames_in=status.frames_in if status else 0,
        frames_dropped=status.frames_dropped if status else 0,
        fps=round(_fps(tally), 2),
        results=tally.results,
        incidents=tally.incidents,
        capture_to_pipe_ms=pipe,
        capture_to_incident_ms=Latency(
            p50=percentile(tally.latencies_ms, 0.5), p95=percentile(tally.latencies_ms, 0.95)
        ),
        bytes_out=tally.bytes_out,
        bytes_out_per_s=round(tally.bytes_out / duration_s, 1) if duration_s else 0.0,
    )


def _fps(tally: _Tally) -> float:
    """Frames developed over the wall clock time in which they were captured."""
    first, last = tally.first_status, tally.last_status
    if first is None or last is None or tally.first_captured_ms is None:
        return 0.0
    # A cloud that came later than the camera counts from the first status it was told.
    before = first.frames_in - first.frames_dropped
    began_ms = first.t_ms if before else tally.first_captured_ms
    elapsed_ms = max(tally.last_captured_ms, last.t_ms if before else 0) - began_ms
    developed = last.frames_in - last.frames_dropped - before
    return max(developed, 0) / elapsed_ms * 1000 if elapsed_ms > 0 else 0.0
