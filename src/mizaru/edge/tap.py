"""A window on what leaves the edge: copies of every byte string sent, on a Unix-domain socket.

The socket lies beside the spool, readable by the edge's own user only (mode 0600). Each copy
has a header (`HEADER`, big-endian): wall clock in milliseconds, how many copies were left out
before this one because the reader was slow, and the length. The edge never waits for a reader.

Wraps `OSError` of the socket: for a reader it becomes `LinkDownError`; for the edge, which must
run without a tap as well, it is said by `TapServer.reason`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import stat
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mizaru.errors import LinkDownError
from mizaru.wire.budget import MAX_FROM_EDGE_BYTES

HEADER: Final = struct.Struct(">QII")
QUEUE_MESSAGES: Final = 128
MAX_READERS: Final = 4


def tap_path(spool: Path) -> Path:
    """Where the edge with this spool offers its tap."""
    return spool.with_name(spool.name + ".tap")


@dataclass(frozen=True, slots=True)
class Copy:
    """One byte string as it went to the cloud.

    Attributes:
        t_ms: wall clock when it was sent.
        missed: copies left out before this one because the reader was slow.
        data: the bytes, without WebSocket framing.
    """

    t_ms: int
    missed: int
    data: bytes


class _Reader:
    """One connected reader with a bounded queue of its own."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._queue: queue.Queue[Copy | None] = queue.Queue(QUEUE_MESSAGES)
        self._missed = 0
        self.gone = False
        self._thread = threading.Thread(target=self._serve, name="tap-reader", daemon=True)
        self._thread.start()

    def offer(self, t_ms: int, data: bytes) -> None:
        try:
            self._queue.put_nowait(Copy(t_ms, self._missed, data))
            self._missed = 0
        except queue.Full:
            self._missed += 1

    def close(self) -> None:
        """Let it have what waits, briefly, then hang up."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(0.5)
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(0.5)

    def _serve(self) -> None:
        with self._connection as connection, contextlib.suppress(OSError):
            while (copy := self._queue.get()) is not None:
                header = HEADER.pack(copy.t_ms, copy.missed, len(copy.data))
                connection.sendall(header + copy.data)
        self.gone = True


class TapServer:
    """Hands copies to whoever listens; costs nothing when nobody does.

    Args:
        path: of the socket, see `tap_path`.
        wall_ms: wall clock, milliseconds.

    Attributes:
        reason: why there is no tap, or None if there is one.
    """

    def __init__(self, path: Path, wall_ms: Callable[[], int]) -> None:
        self.reason: str | None = None
        self._path, self._wall_ms = path, wall_ms
        self._readers: list[_Reader] = []
        self._guard = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with contextlib.suppress(FileNotFoundError):
                # The spool's lock says that no other edge lives here: a socket is left over.
                if stat.S_ISSOCK(path.lstat().st_mode):
                    path.unlink()
            self._socket.bind(str(path))
            # Nobody can connect before listen, so the mode is in force in time.
            path.chmod(0o600)
            self._socket.listen(MAX_READERS)
        except OSError as error:
            self.reason = error.strerror or str(error)
            self._socket.close()
            return
        threading.Thread(target=self._accept, name="tap", daemon=True).start()

    def __call__(self, data: bytes) -> None:
        """Hand a copy to every reader that keeps up. Never blocks."""
        with self._guard:
            if not self._readers:
                return
            t_ms = self._wall_ms()
            for reader in self._readers:
                reader.offer(t_ms, data)
            self._readers = [reader for reader in self._readers if not reader.gone]

    def close(self) -> None:
        """Hang up and take the socket away."""
        if self.reason is not None:
            return
        # Closing alone does not end an accept in another thread.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with contextlib.suppress(OSError):
            os.unlink(self._path)
        with self._guard:
            readers, self._readers = self._readers, []
        for reader in readers:
            reader.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with self._guard:
                self._readers = [reader for reader in self._readers if not reader.gone]
                if len(self._readers) < MAX_READERS:
                    self._readers.append(_Reader(connection))
                else:
                    connection.close()


def listen(path: Path) -> Iterator[Copy]:
    """Copies as they come, until the edge ends.

    Raises:
        LinkDownError: no edge with this spool is running, or it is another user's.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(path))
        except OSError as error:
            raise LinkDownError(
                f"{path}: no edge offers a tap here ({error.strerror or error}); start the edge,"
                " as the same user"
            ) from None
        with connection.makefile("rb") as stream:
            while len(header := stream.read(HEADER.size)) == HEADER.size:
                t_ms, missed, length = HEADER.unpack(header)
                if length > MAX_FROM_EDGE_BYTES:
                    raise LinkDownError(f"{path}: this is not an edge's tap")
                data = stream.read(length)
                if len(data) < length:
                    return
                yield Copy(t_ms, missed, data)
