"""What is going on now, and who is being told: the live WebSocket's other end.

Everything here runs on the event loop. A viewer that reads slowly is served fairly: of each
camera's scenes it gets the newest second, incidents and statuses it gets all, and if it stops
reading altogether it is let go (`Viewer.overrun`) and finds what it missed when it connects
again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from mizaru.cloud.events import IncidentEvent, StatusEvent
from mizaru.cloud.moment import Moment

MAX_VIEWERS: Final = 256
MAX_WAITING: Final = 4096
"""Incidents and statuses that may wait for one viewer."""
SCENES_WAITING: Final = 10
"""Scenes of one camera that may wait for one viewer: a segment brings five at once."""
FRESH_S: Final = 10.0
"""A scene older than this is not `now`."""


class Viewer:
    """One open live connection.

    Args:
        camera: the only camera it wants, or None for all.
    """

    def __init__(self, camera: str | None) -> None:
        self.camera = camera
        self.conflated = 0
        self.overrun = False
        self._lasting: deque[str] = deque()
        self._scenes: dict[str, deque[Moment]] = {}
        self._wake = asyncio.Event()

    def wants(self, camera: str) -> bool:
        """Whether events of this camera are for this viewer."""
        return self.camera is None or self.camera == camera

    def tell(self, text: str) -> None:
        """Queue an incident or a status."""
        if len(self._lasting) >= MAX_WAITING:
            self.overrun = True
        else:
            self._lasting.append(text)
        self._wake.set()

    def begin_with(self, texts: Sequence[str]) -> None:
        """Put what stands before all that happened since this viewer follows, so that what it
        hears is in order."""
        self._lasting.extendleft(reversed(texts))
        self._wake.set()

    def show(self, moment: Moment) -> None:
        """Offer a scene; the oldest of the same camera gives way where too many wait."""
        waiting = self._scenes.setdefault(moment.camera, deque(maxlen=SCENES_WAITING))
        self.conflated += len(waiting) == SCENES_WAITING
        waiting.append(moment)
        self._wake.set()

    async def messages(self) -> list[str]:
        """What to send next, waiting until there is something: what lasts before what passes."""
        await self._wake.wait()
        self._wake.clear()
        texts = [*self._lasting]
        texts += [moment.scene_json for waiting in self._scenes.values() for moment in waiting]
        self._lasting.clear()
        self._scenes.clear()
        return texts


class Live:
    """The newest scene and status of every camera, and the viewers who follow them.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._scenes: dict[str, tuple[Moment, float]] = {}
        self._statuses: dict[str, StatusEvent] = {}
        self._viewers: set[Viewer] = set()
        self._conflated = 0

    @property
    def viewers(self) -> int:
        """Open live connections."""
        return len(self._viewers)

    @property
    def full(self) -> bool:
        """Whether no further viewer can be served."""
        return len(self._viewers) >= MAX_VIEWERS

    @property
    def conflated(self) -> int:
        """Scenes that slow viewers did not get."""
        return self._conflated + sum(viewer.conflated for viewer in self._viewers)

    @property
    def statuses(self) -> dict[str, StatusEvent]:
        """Last status by camera."""
        return self._statuses

    def scene(self, camera: str) -> Moment | None:
        """The newest scene of a camera."""
        entry = self._scenes.get(camera)
        return entry[0] if entry else None

    def person_count(self, camera: str) -> int | None:
        """How many are there now; None where nothing is arriving."""
        entry = self._scenes.get(camera)
        if entry is None or self._clock() - entry[1] > FRESH_S:
            return None
        return len(entry[0].poses)

    def publish(self, event: Moment | IncidentEvent | StatusEvent) -> None:
        """Tell everyone who wants to know."""
        if isinstance(event, Moment):
            self._scenes[event.camera] = event, self._clock()
            for viewer in self._viewers:
                if viewer.wants(event.camera):
                    viewer.show(event)
            return
        if isinstance(event, StatusEvent):
            self._statuses[event.camera] = event
        interested = [viewer for viewer in self._viewers if viewer.wants(event.camera)]
        if interested:
            text = event.model_dump_json()
            for viewer in interested:
                viewer.tell(text)

    @contextmanager
    def viewer(self, camera: str | None) -> Iterator[Viewer]:
        """Follow one camera, or all, from now on."""
        viewer = Viewer(camera)
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            self._conflated += viewer.conflated
