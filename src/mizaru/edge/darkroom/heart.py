"""A heart beats as long as its process does what it promised in time.

The main thread says what it is about to do and how long that may take (`promise`); a small
thread beats every half second until the promise is overdue. So whoever listens needs one
short limit for everything: a stopped process, a hang in C with or without the interpreter's
lock, and an overdue call all end in silence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

BEAT_S: Final = 0.5
SILENCE_S: Final = 3.0
"""Silence after which the listener calls the process hung."""


class Heart:
    """Calls ``beat`` every `BEAT_S` while the last promise is not overdue."""

    def __init__(
        self, beat: Callable[[], None], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._beat, self._monotonic = beat, monotonic
        self._deadline = float("inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Begin to beat. Start it after Landlock, which must see a single thread."""
        self._thread.start()

    def promise(self, seconds: float) -> None:
        """The next promise comes within ``seconds``."""
        self._deadline = self._monotonic() + seconds

    @property
    def is_overdue(self) -> bool:
        return self._monotonic() > self._deadline

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(BEAT_S):
            if not self.is_overdue:
                try:
                    self._beat()
                except OSError:  # the listener is gone; so are we, soon
                    return
