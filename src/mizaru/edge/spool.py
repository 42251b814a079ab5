"""Store and forward: segments wait on disk until the cloud has acknowledged them.

One SQLite file (write-ahead log, ``synchronous=FULL``): what `Spool.append` has returned for
survives kill -9 and power loss. Per camera the held segments are always a run without holes,
``base + 1 … head``: acknowledged ones go from the front, and so do the oldest when the spool is
full, which the next `Offer` declares. The file also keeps who this edge is.

A disk can be so full that SQLite cannot even delete, and then a spool that filled it would stay
full for ever. So a ballast file beside it holds room for that moment, and is laid down again
when there is room.

Wraps `sqlite3.Error`: a full disk becomes `StorageFullError`, all else `StoreError`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from mizaru.edge.segmenter import Draft
from mizaru.errors import StorageFullError, StoreError
from mizaru.wire.codec import decode_from_edge, encode
from mizaru.wire.messages import GENESIS, Offer, Segment, chain_digest

APPLICATION_ID: Final = 0x4D5A5350  # "MZSP"
VERSION: Final = 1
ROW_OVERHEAD_BYTES: Final = 128
"""What a segment costs on disk beside its bytes, roughly."""
BALLAST_BYTES: Final = 2**20
"""Room for two write-ahead logs at their checkpoint and for a largest transaction."""
_CHECKPOINT_PAGES: Final = 64
_ROWS_AT_ONCE: Final = 64
_FREE_PAGES_KEPT: Final = 1024
_FULL_CODES: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)

_SCHEMA: Final = f"""
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
CREATE TABLE edge (id BLOB NOT NULL);
CREATE TABLE stream (
    camera TEXT PRIMARY KEY,
    stream BLOB NOT NULL,
    base INTEGER NOT NULL,        -- number before the oldest that is held
    base_digest BLOB NOT NULL,
    head INTEGER NOT NULL,        -- number of the newest
    head_digest BLOB NOT NULL
);
CREATE TABLE segment (
    age INTEGER PRIMARY KEY AUTOINCREMENT,
    camera TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest BLOB NOT NULL,
    encoded BLOB NOT NULL,
    UNIQUE (camera, number)
);
"""


@dataclass(frozen=True, slots=True)
class Spooled:
    """One segment as it lies in the spool; ``encoded`` is what goes over the wire."""

    camera: str
    stream: bytes
    number: int
    digest: bytes
    encoded: bytes


class Spool:
    """The spool of one edge. Safe to use from several threads; one process at a time.

    Args:
        path: SQLite file, made if absent with mode 0600.
        max_bytes: when more waits, the oldest is dropped.
        random_bytes: source of ids, such as `secrets.token_bytes`.

    Attributes:
        edge: 16 bytes, who this edge is.
        dropped: segments dropped unsent because the spool was full, since it was opened.

    Raises:
        StoreError: not ours, of a newer version, in use by another edge, or damaged.
        StorageFullError: no room on the disk.
    """

    def __init__(self, path: Path, *, max_bytes: int, random_bytes: Callable[[int], bytes]) -> None:
        self.path = path
        self.dropped = 0
        self._max_bytes, self._random_bytes = max_bytes, random_bytes
        self._lock = threading.Lock()
        self._ballast = path.with_name(path.name + "-ballast")
        self._has_ballast = self._ballast.exists()
        self._create_private()
        with self._errors():
            self._db = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=False
            )
        try:
            with self._errors():
                self.edge = self._open()
                rows = self._db.execute("SELECT count(*), sum(length(encoded)) FROM segment")
                count, size = rows.fetchone()
        except BaseException:
            self._db.close()
            raise
        self._held_bytes = (size or 0) + count * ROW_OVERHEAD_BYTES
        self._held = int(count)
        self._lay_ballast()

    @property
    def held(self) -> int:
        """Segments that wait."""
        return self._held

    def append(self, draft: Draft) -> Spooled:
        """Give a draft its number and place in the chain and keep it durably.

        Raises:
            StorageFullError: the disk is full; the spool is as it was before.
        """
        with self._lock:
            dropped = 0
            with self._transaction():
                stream, head, head_digest = self._stream(draft.camera)
                number = head + 1
                encoded = encode(draft.seal(stream, number, head_digest))
                digest = chain_digest(encoded)
                size = len(encoded) + ROW_OVERHEAD_BYTES
                freed = 0
                while self._held_bytes - freed + size > self._max_bytes:
                    oldest = self._drop_oldest()
                    if oldest == 0:
                        break
                    freed, dropped = freed + oldest, dropped + 1
                self._db.execute(
                    "INSERT INTO segment (camera, number, digest, encoded) VALUES (?, ?, ?, ?)",
                    (draft.camera, number, digest, encoded),
                )
                self._db.execute(
                    "UPDATE stream SET head = ?, head_digest = ? WHERE camera = ?",
                    (number, digest, draft.camera),
                )
            self._held_bytes += size - freed
            self._held += 1 - dropped
            self.dropped += dropped
            return Spooled(draft.camera, stream, number, digest, encoded)

    def read(self, camera: str, number: int) -> Spooled | None:
        """The first segment of a camera that is held at or after a number, or None.

        Raises:
            StoreError: its bytes are not what was written.
        """
        with self._lock, self._errors():
            row = self._db.execute(
                "SELECT stream, number, digest, encoded FROM segment JOIN stream USING (camera)"
                " WHERE camera = ? AND number >= ? ORDER BY number LIMIT 1",
                (camera, number),
            ).fetchone()
        if row is None:
            return None
        spooled = Spooled(camera, *row)
        if chain_digest(spooled.encoded) != spooled.digest:
            raise self._damaged(f"segment {spooled.number} of {camera!r} is not what was written")
        return spooled

    def acknowledge(self, camera: str, stream: bytes, number: int) -> None:
        """Forget a stream's segments up to a number. An unknown stream is ignored.

        Raises:
            StorageFullError: no room even to delete; try again later.
        """
        with self._lock:
            try:
                self._forget(camera, stream, number)
            except StorageFullError:
                if not self._drop_ballast():
                    raise
                self._forget(camera, stream, number)
            self._lay_ballast()

    def offer(self, camera: str) -> Offer:
        """What is held of a camera; a camera that was never seen gets its stream now."""
        with self._lock:
            with self._transaction():
                self._stream(camera)
                stream, base, head = self._db.execute(
                    "SELECT stream, base, head FROM stream WHERE camera = ?", (camera,)
                ).fetchone()
            return Offer(camera, stream, base + 1, head)

    def cameras(self) -> list[str]:
        """Cameras of which something is held, the longest waiting first."""
        with self._lock, self._errors():
            rows = self._db.execute("SELECT camera FROM segment GROUP BY camera ORDER BY min(age)")
            return [camera for (camera,) in rows]

    def digest_of(self, camera: str, number: int) -> bytes | None:
        """Chain digest of a segment as far as it is still known."""
        if number == 0:
            return GENESIS
        with self._lock, self._errors():
            row = self._db.execute(
                "SELECT digest FROM segment WHERE camera = :camera AND number = :number"
                " UNION SELECT base_digest FROM stream WHERE camera = :camera AND base = :number"
                " UNION SELECT head_digest FROM stream WHERE camera = :camera AND head = :number",
                {"camera": camera, "number": number},
            ).fetchone()
        return None if row is None else bytes(row[0])

    def renew(self, camera: str) -> None:
        """Give what is held of a camera a new stream, numbered and chained from 1."""
        with self._lock, self._transaction():
            stream, number, digest = self._random_bytes(8), 0, GENESIS
            ages = self._db.execute(
                "SELECT age FROM segment WHERE camera = ? ORDER BY number", (camera,)
            ).fetchall()
            # Numbers only shrink and go in order, so no two rows ever share one.
            for (age,) in ages:
                (held,) = self._db.execute(
                    "SELECT encoded FROM segment WHERE age = ?", (age,)
                ).fetchone()
                segment = decode_from_edge(held)
                assert isinstance(segment, Segment)
                number += 1
                encoded = encode(
                    msgspec.structs.replace(segment, stream=stream, number=number, previous=digest)
                )
                digest = chain_digest(encoded)
                self._db.execute(
                    "UPDATE segment SET number = ?, digest = ?, encoded = ? WHERE age = ?",
                    (number, digest, encoded, age),
                )
            self._db.execute(
                "UPDATE stream SET stream = ?, base = 0, base_digest = ?, head = ?,"
                " head_digest = ? WHERE camera = ?",
                (stream, GENESIS, number, digest, camera),
            )

    def close(self) -> None:
        """Give the file free. Nothing is lost without it."""
        with self._lock:
            self._db.close()

    def _create_private(self) -> None:
        # Only ever made here, never opened: closing a second descriptor of a file drops every
        # POSIX lock that this process holds on it, SQLite's too.
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            os.close(os.open(self.path, flags, 0o600))
        except FileExistsError:
            pass
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be made: {error.strerror}") from None

    def _open(self) -> bytes:
        # In exclusive mode the lock is held until the process ends, however it ends.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if application == 0 and tables == 0:
            self._db.executescript(_SCHEMA)
            self._db.execute("INSERT INTO edge VALUES (?)", (self._random_bytes(16),))
            self._db.execute("COMMIT")
        elif application != APPLICATION_ID:
            raise StoreError(f"{self.path}: a database, but not a spool; name another file")
        elif version > VERSION:
            raise StoreError(
                f"{self.path}: made by a newer Mizaru (spool version {version}, this one knows"
                f" {VERSION}); update this one or name another file"
            )
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        with self._transaction():
            (edge,) = self._db.execute("SELECT id FROM edge").fetchone()
        return bytes(edge)

    def _stream(self, camera: str) -> tuple[bytes, int, bytes]:
        row = self._db.execute(
            "SELECT stream, head, head_digest FROM stream WHERE camera = ?", (camera,)
        ).fetchone()
        if row is not None:
            return row[0], row[1], row[2]
        stream = self._random_bytes(8)
        self._db.execute(
            "INSERT INTO stream VALUES (?, ?, 0, ?, 0, ?)", (camera, stream, GENESIS, GENESIS)
        )
        return stream, 0, GENESIS

    def _drop_oldest(self) -> int:
        """Bytes that were freed; 0 when nothing is held."""
        row = self._db.execute(
            "SELECT age, camera, number, digest, length(encoded) FROM segment ORDER BY age LIMIT 1"
        ).fetchone()
        if row is None:
            return 0
        age, camera, number, digest, size = row
        self._db.execute("DELETE FROM segment WHERE age = ?", (age,))
        self._db.execute(
            "UPDATE stream SET base = ?, base_digest = ? WHERE camera = ?",
            (number, digest, camera),
        )
        return int(size) + ROW_OVERHEAD_BYTES

    def _forget(self, camera: str, stream: bytes, number: int) -> None:
        """Delete from the oldest up to a number, in transactions of bounded size."""
        count = _ROWS_AT_ONCE
        while count == _ROWS_AT_ONCE:
            with self._transaction():
                count, size, last = self._db.execute(
                    "SELECT count(*), sum(length(encoded)), max(number) FROM"
                    " (SELECT encoded, number FROM segment JOIN stream USING (camera)"
                    "  WHERE camera = ? AND stream = ? AND number <= ? ORDER BY number LIMIT ?)",
                    (camera, stream, number, _ROWS_AT_ONCE),
                ).fetchone()
                if count == 0:
                    return
                self._db.execute(
                    "UPDATE stream SET base = :last, base_digest = (SELECT digest FROM segment"
                    " WHERE camera = :camera AND number = :last) WHERE camera = :camera",
                    {"camera": camera, "last": last},
                )
                self._db.execute(
                    "DELETE FROM segment WHERE camera = ? AND number <= ?", (camera, last)
                )
                (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
                if free > _FREE_PAGES_KEPT:
                    self._db.execute("PRAGMA incremental_vacuum(256)").fetchall()
            self._held -= count
            self._held_bytes -= size + count * ROW_OVERHEAD_BYTES

    def _lay_ballast(self) -> None:
        """Keep some of the disk for later; a disk without room for it is no error."""
        if self._has_ballast:
            return
        try:
            with self._ballast.open("wb") as file:
                file.write(bytes(BALLAST_BYTES))
            self._has_ballast = True
        except OSError:
            self._ballast.unlink(missing_ok=True)

    def _drop_ballast(self) -> bool:
        """Give the ballast's room to SQLite; False if there was none."""
        if not self._has_ballast:
            return False
        self._ballast.unlink(missing_ok=True)
        self._has_ballast = False
        with self._errors():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return True

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code in _FULL_CODES:
                raise StorageFullError(
                    f"{self.path}: no room left on the disk; free some"
                ) from None
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise StoreError(
                    f"{self.path}: another edge uses this spool; stop it or name another file"
                ) from None
            if code == sqlite3.SQLITE_NOTADB:
                raise StoreError(f"{self.path}: not a spool; name another file") from None
            if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise StoreError(f"{self.path}: cannot be written: {error}") from None
            raise self._damaged(str(error)) from None

    def _damaged(self, what: str) -> StoreError:
        return StoreError(f"{self.path}: damaged ({what}); move it away and start again")
