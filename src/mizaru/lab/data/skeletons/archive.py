"""Skeleton archives: ``.npz`` files of many sequences, as ``../shared/data/README.md`` says.

Read without pickle, and only if what they declare fits into memory: an archive is input like
any other, and may be damaged.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError

Array = npt.NDArray[Any]

MAX_BYTES: Final = 1 << 30
"""An archive that unpacks to more than this is refused."""


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One sequence of an archive, in the source's own axes.

    Attributes:
        name: unique in the archive.
        xyz: shape (T, J, 3) float32.
        label, raw: the harmonised word and the source's own.
        subject, camera, split: as the archive says, "" where it does not.
        frame_label: shape (T,) or None.
        frame_no: shape (T,), numbers of the frames in the source, or None.
    """

    name: str
    xyz: npt.NDArray[np.float32]
    label: str
    raw: str
    subject: str
    camera: str
    split: str
    frame_label: Array | None
    frame_no: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """All sequences of a file.

    Attributes:
        file: where it lies, for messages.
        joints: J names.
        fps: frames per second, > 0.
        takes: in the archive's order.
    """

    file: Path
    joints: tuple[str, ...]
    fps: float
    takes: tuple[Take, ...]


def read_arrays(file: Path) -> dict[str, Array]:
    """Every array of an ``.npz`` file.

    Raises:
        DataError: it cannot be read, is no such file, is too large or holds objects.
    """
    try:
        with zipfile.ZipFile(file) as packed:
            size = sum(item.file_size for item in packed.infolist())
        if size > MAX_BYTES:
            raise DataError(f"{file}: unpacks to {size} bytes, more than {MAX_BYTES}")
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None
    except _BROKEN as error:
        raise DataError(f"{file}: not a usable npz archive: {_line(error)}") from None


_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, MemoryError, SyntaxError,
    NotImplementedError, RuntimeError, AttributeError, OverflowError, TypeError, IndexError,
)  # fmt: skip
"""What zipfile and numpy raise on damaged archives (``NotImplementedError``: a method of
compression that nobody has; ``RuntimeError``: encrypted)."""


def _line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def read_archive(file: Path) -> Archive:
    """The sequences of a skeleton archive.

    Raises:
        DataError: an array is missing, or does not fit to the others.
    """
    arrays = read_arrays(file)

    def need(name: str) -> Array:
        if name not in arrays:
            raise DataError(f"{file}: the array {name!r} is missing")
        return arrays[name]

    xyz, start, joints = need("xyz"), need("start"), need("joint_names")
    if xyz.ndim != 3 or xyz.shape[2] != 3 or xyz.dtype.kind != "f":
        raise DataError(
            f"{file}: xyz must be floats of shape (frames, joints, 3), got {xyz.dtype} {xyz.shape}"
        )
    if joints.shape != (xyz.shape[1],):
        raise DataError(f"{file}: {xyz.shape[1]} joints need as many names, got {joints.shape}")
    if (
        start.ndim != 1 or start.dtype.kind not in "iu" or not len(start)
        or start[0] != 0 or start[-1] != len(xyz) or (np.diff(start.astype(np.int64)) <= 0).any()
    ):  # fmt: skip
        raise DataError(f"{file}: start must grow from 0 to the {len(xyz)} frames of xyz")
    fps = read_fps(file, arrays)
    sequences = len(start) - 1

    def words(name: str) -> list[str]:
        if name not in arrays:
            return [""] * sequences
        if arrays[name].shape != (sequences,):
            raise DataError(f"{file}: {name} must have one entry per sequence ({sequences})")
        return [str(word) for word in arrays[name]]

    def per_frame(name: str) -> Array | None:
        if name in arrays and arrays[name].shape != (len(xyz),):
            raise DataError(f"{file}: {name} must have one entry per frame ({len(xyz)})")
        return arrays.get(name)

    labels, raws, names = words("label"), words("label_raw"), words("seq_id")
    subjects, cameras, splits = words("subject"), words("camera"), words("split")
    frame_label, frame_no = per_frame("frame_label"), per_frame("frame_no")
    takes = []
    for i in range(sequences):
        part = slice(int(start[i]), int(start[i + 1]))
        takes.append(
            Take(
                name=names[i] or f"{i:04d}",
                xyz=xyz[part].astype(np.float32),
                label=labels[i],
                raw=raws[i],
                subject=subjects[i],
                camera=cameras[i],
                split=splits[i],
                frame_label=None if frame_label is None else frame_label[part],
                frame_no=None if frame_no is None else frame_no[part],
            )
        )
    return Archive(file, tuple(str(name) for name in joints), fps, tuple(takes))


def read_fps(file: Path, arrays: dict[str, Array]) -> float:
    """The rate that an archive states.

    Raises:
        DataError: it states none, or none above 0.
    """
    fps = arrays.get("fps")
    if fps is None or fps.size != 1 or fps.dtype.kind not in "fiu":
        raise DataError(f"{file}: fps must be one number")
    rate = float(fps.ravel()[0])
    if not (np.isfinite(rate) and rate > 0.0):
        raise DataError(f"{file}: fps must be positive, got {rate}")
    return rate
