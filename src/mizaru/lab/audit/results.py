"""What an audit leaves behind: rows, where they come from, and pictures, as JSON.

``results.json`` holds all rows of a run and no picture, so that it can be committed as a baseline;
``pairs/`` beside it one file for every representation × attack, so that a run that was broken off
goes on. Not-a-number is null.
"""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import Final

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.audit.contract import Example, Row

FORMAT: Final = 1
RESULTS: Final = "results.json"
PAIRS: Final = "pairs"
SHOWCASE: Final = "showcase.json"
USES: Final = frozenset({"utility"})
"""Attacks that measure what a representation is good for: more of it is no leak."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A `Row` as JSON has it."""

    representation: str
    attack: str
    measure: str
    setting: str
    dataset: str
    value: float | None
    low: float | None
    high: float | None
    chance: float | None
    raw: float | None = None
    higher_leaks: bool = True
    family: str = ""
    tried: int = 0
    void: str = ""
    curve: tuple[tuple[float, float | None], ...] = ()

    @staticmethod
    def of(row: Row) -> Record:
        """From a row."""
        return Record(
            representation=row.representation,
            attack=row.attack,
            measure=row.measure,
            setting=row.setting,
            dataset=row.dataset,
            value=_number(row.value),
            low=_number(row.low),
            high=_number(row.high),
            chance=_number(row.chance),
            raw=_number(row.raw),
            higher_leaks=row.higher_leaks,
            family=row.family,
            tried=row.tried,
            void=row.void,
            curve=tuple((float(x), _number(y)) for x, y in row.curve),
        )

    def row(self) -> Row:
        """Back to a row."""
        return Row(
            representation=self.representation,
            attack=self.attack,
            measure=self.measure,
            setting=self.setting,
            dataset=self.dataset,
            value=_float(self.value),
            low=_float(self.low),
            high=_float(self.high),
            chance=_float(self.chance),
            raw=_float(self.raw),
            higher_leaks=self.higher_leaks,
            family=self.family,
            tried=self.tried,
            void=self.void,
            curve=tuple((x, _float(y)) for x, y in self.curve),
        )


class Picture(msgspec.Struct, frozen=True):
    """A caption and a PNG, base64."""

    caption: str
    png: str


class Shown(msgspec.Struct, frozen=True):
    """An `Example` as JSON has it."""

    title: str
    pictures: tuple[Picture, ...]

    @staticmethod
    def of(example: Example) -> Shown:
        """From an example."""
        return Shown(
            example.title,
            tuple(Picture(caption, as_png(picture)) for caption, picture in example.pictures),
        )


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """What one attack on one representation gave.

    Attributes:
        key: digest of everything it depends on; another key, and it is run again.
        seconds: that it took.
        failed: why it could not be run, or "".
    """

    key: str
    representation: str
    attack: str
    seconds: float
    rows: tuple[Record, ...] = ()
    examples: tuple[Shown, ...] = ()
    failed: str = ""


class Dataset(msgspec.Struct, frozen=True):
    """What was attacked.

    Attributes:
        sha256: of all that representations can show of it.
    """

    name: str
    people: int
    visits: int
    ticks: int
    sha256: str


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """A whole audit.

    Attributes:
        representations, attacks: name → words.
        versions: what it was run with, name → version or checksum.
        failed: (representation, attack, why) of pairs that could not be run.
    """

    format: int = FORMAT
    profile: str
    seed: int
    representations: dict[str, str]
    attacks: dict[str, str]
    controls: tuple[str, ...]
    versions: dict[str, str]
    datasets: tuple[Dataset, ...]
    rows: tuple[Record, ...]
    failed: tuple[tuple[str, str, str], ...] = ()
    seconds: float = 0.0


def read_results(file: Path) -> Results:
    """Raises `DataError` where there are none, or of another format."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Results)
    except OSError as error:
        raise DataError(
            f"{file}: cannot be read: {error.strerror or error}; run: mizaru audit run"
        ) from None
    except msgspec.DecodeError as error:
        raise DataError(f"{file}: not the results of an audit: {error}") from None
    if found.format != FORMAT:
        raise DataError(f"{file}: has format {found.format}, not {FORMAT}; run the audit again")
    return found


def read_pair(file: Path) -> Pair | None:
    """A pair that was run; None where there is none or it cannot be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Pair)
    except (OSError, msgspec.DecodeError):
        return None


def read_showcase(file: Path) -> tuple[Shown, ...]:
    """What representations look like; nothing where it was not kept."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=tuple[Shown, ...])
    except (OSError, msgspec.DecodeError):
        return ()


def as_json(thing: object) -> bytes:
    """Readable, and the same for the same."""
    return msgspec.json.format(msgspec.json.encode(thing), indent=1) + b"\n"


def as_png(picture: npt.NDArray[np.uint8]) -> str:
    """Base64 of a PNG of (H, W, 3) RGB."""
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise DataError(f"a picture of shape {picture.shape} cannot be written as PNG")
    return base64.b64encode(data.tobytes()).decode()


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None


def _float(value: float | None) -> float:
    return float("nan") if value is None else value
