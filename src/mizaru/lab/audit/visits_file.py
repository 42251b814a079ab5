"""One visit on disk: arrays in an ``.npz`` that is whole or not there."""

from __future__ import annotations

import errno
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError, StorageFullError

Arrays = Mapping[str, npt.NDArray[Any]]


def keep(place: Path, arrays: Arrays) -> None:
    """Write arrays, whenever the program is killed whole or not at all.

    Raises:
        StorageFullError: no room left.
        DataError: cannot be written.
    """
    part = place.with_suffix(f".{os.getpid()}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as stream:
                np.savez(stream, **dict(arrays))  # type: ignore[arg-type]
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        reason = f"{place}: cannot be written: {error.strerror or error}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(f"{reason}; free some space and run it again") from None
        raise DataError(reason) from None


def kept(place: Path) -> dict[str, npt.NDArray[Any]]:
    """What `keep` wrote; raises `DataError`."""
    try:
        with np.load(place, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{place}: cannot be read: {error}; delete it and run again") from None
