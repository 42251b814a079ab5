"""Files of the audit: whole or not there, whenever the program is killed."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError, StorageFullError

Arrays = Mapping[str, npt.NDArray[Any]]


def write(place: Path, content: bytes) -> None:
    """Write a file, making its folder.

    Raises:
        StorageFullError: no room left.
        DataError: cannot be written.
    """
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        reason = f"{place}: cannot be written: {error.strerror or error}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(f"{reason}; free some space and run it again") from None
        raise DataError(reason) from None


def keep(place: Path, arrays: Arrays) -> None:
    """Write arrays as ``.npz``; raises as `write`."""
    content = io.BytesIO()
    np.savez(content, **dict(arrays))  # type: ignore[arg-type]
    write(place, content.getvalue())


def kept(place: Path) -> dict[str, npt.NDArray[Any]]:
    """What `keep` wrote; raises `DataError`."""
    try:
        with np.load(place, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{place}: cannot be read: {error}; delete it and run again") from None
