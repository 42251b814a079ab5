"""The file under the store: opened, brought up to date, and its errors put into words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from mizaru.cloud import tables
from mizaru.errors import StorageFullError, StoreError


class Database:
    """An open SQLite file of ours.

    Args:
        file: made if absent; one of an older version is brought up to this one, whole or not at
            all.

    Raises:
        StoreError: not a database, not ours, or of a newer version.
        StorageFullError: there is no room to make one.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
        except OSError as error:
            raise StoreError(f"{file}: cannot be opened: {error.strerror}") from None
        self._engine = sa.create_engine(f"sqlite:///{file}")
        sa.event.listen(self._engine, "connect", _prepare)
        sa.event.listen(self._engine, "begin", _begin)
        try:
            self._adopt()
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Nothing can be read or written afterwards."""
        self._engine.dispose()

    def _adopt(self) -> None:
        """Make the tables, or make sure that they are ours and of this version."""
        with self._transaction() as db:
            names = set(sa.inspect(db).get_table_names())
            if not names:
                tables.metadata.create_all(db)
                db.execute(sa.insert(tables.schema), {"version": tables.SCHEMA_VERSION})
            elif tables.schema.name not in names:
                raise StoreError(
                    f"{self._file}: is not Mizaru's database; set cloud.store.path to another file"
                )
            else:
                version = db.scalar(sa.select(tables.schema.c.version))
                if version not in (tables.SCHEMA_VERSION, *tables.UPGRADES):
                    raise StoreError(
                        f"{self._file}: is of version {version}, this program knows up to "
                        f"{tables.SCHEMA_VERSION}; run a newer one, move it away, or set "
                        "cloud.store.path to another file"
                    )
                for step in range(version, tables.SCHEMA_VERSION):
                    for statement in tables.UPGRADES[step]:
                        db.exec_driver_sql(statement)
                    db.execute(sa.update(tables.schema).values(version=step + 1))
        # Only now, because it changes the file; readers then never wait for the writer.
        with self._explained(), closing(self._engine.raw_connection()) as raw:
            raw.execute("PRAGMA journal_mode = WAL")

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self._explained(), self._engine.begin() as db:
            yield db

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._explained(), self._engine.connect() as db:
            yield db

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self._explain(error.orig or error) from None
        except sqlite3.Error as error:
            raise self._explain(error) from None

    def _explain(self, error: BaseException) -> StorageFullError | StoreError:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL or code in _NO_ROOM:
            return StorageFullError(f"{self._file}: no room left on the disk; make some")
        if code == sqlite3.SQLITE_NOTADB:
            return StoreError(
                f"{self._file}: is not a database; set cloud.store.path to another file"
            )
        return StoreError(f"{self._file}: {error}")


# What SQLite says instead of SQLITE_FULL when its log or its index of it cannot grow.
_NO_ROOM: Final = frozenset(
    {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_FSYNC}
)


def _prepare(connection: Any, _record: object) -> None:
    # Python's driver would begin transactions by itself, but not before DDL or SELECT.
    connection.isolation_level = None
    for pragma in ("synchronous = FULL", "busy_timeout = 5000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
