"""Presentation timestamps → the camera's clock in milliseconds since the epoch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

REANCHOR_S: Final = 2.0


class FileTimeline:
    """A file's first frame is at ``anchor_ms``; the rest follows its timestamps."""

    def __init__(self, anchor_ms: int) -> None:
        self._anchor_ms = anchor_ms
        self._last_ms = -1

    def at(self, position_s: float) -> int:
        """Strictly increasing, even where a file's timestamps are not."""
        self._last_ms = max(self._anchor_ms + round(position_s * 1000), self._last_ms + 1)
        return self._last_ms


class CameraTimeline:
    """A camera's timestamps keep the distances between frames; our clock says when they are.

    A frame cannot have been taken after it arrived: if it seems so, the first frames were
    delayed and the anchor moves back. If it seems older than `REANCHOR_S`, the camera's clock
    jumped and the anchor moves forward.
    """

    def __init__(self) -> None:
        self._anchor_ms: float | None = None
        self._last_ms = -1

    def at(self, position_s: float, arrived_ms: int) -> int:
        """Time of a frame; strictly increasing.

        Args:
            position_s: the camera's timestamp, seconds from any origin; NaN for none.
            arrived_ms: our clock, milliseconds since the epoch.
        """
        position_ms = position_s * 1000
        if math.isnan(position_ms):
            self._last_ms = max(arrived_ms, self._last_ms + 1)
            return self._last_ms
        if (
            self._anchor_ms is None
            or self._anchor_ms + position_ms > arrived_ms
            or self._anchor_ms + position_ms < arrived_ms - REANCHOR_S * 1000
        ):
            self._anchor_ms = arrived_ms - position_ms
        self._last_ms = max(round(self._anchor_ms + position_ms), self._last_ms + 1)
        return self._last_ms


class SteadyClock:
    """Milliseconds since the epoch that never step back, whatever happens to the wall clock.

    It runs with the monotonic clock. If the wall clock is found more than `REANCHOR_S` ahead (a
    board without a battery that has just learnt the time), it follows.

    Args:
        epoch_ms: wall clock minus monotonic clock at the start.
        wall_ms: the wall clock.
    """

    def __init__(self, epoch_ms: int, wall_ms: Callable[[], int]) -> None:
        self._epoch_ms, self._wall_ms = epoch_ms, wall_ms

    def at(self, monotonic_ns: int) -> int:
        """Time of a recent moment of the monotonic clock."""
        now_ms = monotonic_ns // 1_000_000 + self._epoch_ms
        ahead_ms = self._wall_ms() - now_ms
        if ahead_ms > REANCHOR_S * 1000:
            self._epoch_ms += ahead_ms
            now_ms += ahead_ms
        return now_ms
