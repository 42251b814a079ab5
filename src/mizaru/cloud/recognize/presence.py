"""Is it a person? Furniture that perception takes for somebody never moves and is never clear."""

from __future__ import annotations

import math

from mizaru.cloud.recognize.body import Point
from mizaru.cloud.recognize.judging import Judging
from mizaru.cloud.recognize.subject import Subject


class Presence:
    """Doubts one subject until it was clear for a while or has moved; then never again.

    Attributes:
        is_person: whether there is no doubt any more.
    """

    def __init__(self, judging: Judging) -> None:
        self._judging = judging
        self._origin: Point | None = None
        self._since_ms = 0
        self._sum = 0.0
        self._count = 0
        self.is_person = False

    def observe(self, subject: Subject) -> None:
        """Take its newest pose."""
        if self.is_person:
            return
        judging, body = self._judging, subject.last.body
        if self._origin is None:
            self._origin, self._since_ms = body.center, body.t_ms
        self._sum += body.clarity
        self._count += 1
        moved = math.dist(self._origin, body.center)
        clear = (
            self._count >= 3
            and body.t_ms - self._since_ms >= judging.person_s * 1000
            and self._sum / self._count >= judging.person_clarity
        )
        self.is_person = clear or moved >= judging.person_moved * subject.size > 0.0
