"""JSON Lines: one `mizaru.cloud.events.Event` per line, in order, flushed with each batch.

Wraps `OSError` of the stream: a reader that went away, or a full disk, ends the output and is
said once; the cloud goes on, because watching a room matters more than a log of it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Protocol

import structlog

from mizaru.cloud.events import Event, IncidentEvent, Result, StatusEvent, Summary
from mizaru.errors import SettingsError

_log: Final = structlog.get_logger(__name__)

Line = Result | IncidentEvent | StatusEvent | Summary


class TextSink(Protocol):
    """The part of a text stream that is needed."""

    def write(self, text: str, /) -> object:
        """Write text."""
        ...

    def flush(self) -> object:
        """Hand it to the operating system."""
        ...


class JsonLines:
    """Writes events to a stream until that fails."""

    def __init__(self, stream: TextSink | None) -> None:
        self._stream = stream

    @property
    def is_open(self) -> bool:
        """Whether anything is written at all."""
        return self._stream is not None

    def write(self, events: Iterable[Line]) -> None:
        """Write one line per event; blocks while a reader is slow, and never raises `OSError`."""
        if self._stream is None:
            return
        try:
            for event in events:
                self._stream.write(event.model_dump_json() + "\n")
            self._stream.flush()
        except OSError as error:
            self._stream = None
            reason = error.strerror or os.strerror(error.errno or 0)
            _log.error("JSON lines end here", reason=reason)


@contextmanager
def open_lines(target: str | None) -> Iterator[JsonLines]:
    """JSON Lines to a file (behind what it holds), to standard output (``-``) or nowhere (None).

    Raises:
        SettingsError: the file cannot be written.
    """
    if target is None:
        yield JsonLines(None)
        return
    try:
        # A copy of standard output, so that a broken pipe ends here and not at exit.
        where = os.dup(sys.stdout.fileno()) if target == "-" else target
        stream = open(where, "a", encoding="utf-8", newline="\n")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise SettingsError(f"--json {target}: cannot be written: {error.strerror}") from None
    try:
        yield JsonLines(stream)
    finally:
        with suppress(OSError):
            stream.close()


def event_schema() -> str:
    """The published JSON Schema of a line, as text."""
    schema = Event.model_json_schema(mode="serialization")
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | schema, indent=2) + "\n"
