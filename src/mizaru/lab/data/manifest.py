"""A manifest: one row per file, with its label, who is in it, its group, its split, its licence.

The columns are those of ``../shared/data/MANIFEST.csv``. Only ``path``, ``kind``, ``task`` and
``label`` are needed; the others are empty where a manifest lacks them.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mizaru.errors import DataError

NEEDED: Final = ("path", "kind", "task", "label")


@dataclass(frozen=True, slots=True)
class Clip:
    """One row of a manifest.

    Attributes:
        file: where the file lies.
        path: as the manifest spells it; the clip's name in reports.
        kind: video, image, skeleton or label.
        task: what it is labelled for: fall, fight, action, counting, smoking, ….
        label: harmonised word; several are parted by ``|``.
        label_raw: the source's own words.
        identity: ``set:person``, or "" where unknown.
        group: what must stay on one side of a split (source video, room), or "".
        camera: "" where unknown.
        split: train, eval or holdout, or "".
        licence: as found.
        fps: frames per second, or None where the manifest does not say.
        note: whatever else.
    """

    file: Path
    path: str
    kind: str
    task: str
    label: str
    label_raw: str = ""
    identity: str = ""
    group: str = ""
    camera: str = ""
    split: str = ""
    licence: str = ""
    fps: float | None = None
    note: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The words of `label`."""
        return tuple(self.label.split("|"))


def read_manifest(manifest: Path, root: Path | None = None) -> Iterator[Clip]:
    """The rows of a manifest, in its order.

    Args:
        manifest: a CSV file with a header.
        root: folder that paths are relative to; the manifest's own if None.

    Raises:
        DataError: naming the file, the line and what is wrong with it.
    """
    root = manifest.parent if root is None else root
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            header = rows.fieldnames or ()
            for column in NEEDED:
                if column not in header:
                    raise DataError(f"{manifest}:1: the column {column!r} is missing")
            for row in rows:
                yield _clip(row, root, f"{manifest}:{rows.line_num}")
    except OSError as error:
        raise DataError(f"{manifest}: cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{manifest}: not a CSV file: {error}") from None


def _clip(row: dict[str, str | None], root: Path, where: str) -> Clip:
    def word(column: str) -> str:
        return (row.get(column) or "").strip()

    path = word("path")
    if not path:
        raise DataError(f"{where}: the path is empty")
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise DataError(f"{where}: the path {path!r} leaves the root folder")
    fps = None
    if word("fps"):
        try:
            fps = float(word("fps"))
        except ValueError:
            raise DataError(f"{where}: fps must be a number, got {word('fps')!r}") from None
        if not (math.isfinite(fps) and fps > 0.0):
            raise DataError(f"{where}: fps must be positive, got {fps}")
    return Clip(
        file=root / path,
        path=path,
        kind=word("kind"),
        task=word("task"),
        label=word("label"),
        label_raw=word("label_raw"),
        identity=word("identity"),
        group=word("group"),
        camera=word("camera"),
        split=word("split"),
        licence=word("licence"),
        fps=fps,
        note=word("note"),
    )
