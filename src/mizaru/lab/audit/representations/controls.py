"""The two ends of the scale: an embedding made for nothing in particular, and noise.

Wraps what LiteRT raises where it cannot run the model: `ModelError`.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.edge.models import POSE_DETECTION, ModelStore
from mizaru.errors import DataError, ModelError
from mizaru.lab.audit.contract import Medium, Visit

Shown = npt.NDArray[np.float32]

_LAYERS: Final = ("add/add", "add_1/add", "add_5/add")
"""Ends of the names of the inner maps that are pooled: 56, 28 and 14 pixels a side, with 24, 40
and 112 channels."""
_SHEET: Final = (2, 4)
"""Rows and columns of pictures that are looked at together: the detector's input is a square that
cannot be made smaller, and eight runs in one are eight times as fast. Where two pictures of one
visit meet, each sees a little of the other."""
_GRID: Final = (4, 2)
"""Bands from top to bottom and from left to right over which each map is pooled."""


@dataclass(slots=True)
class GeneralEmbedding:
    """Inner maps of the shipped pose detector, pooled over bands of the person.

    Nobody made it to tell people apart, nor to keep them from being told apart: on it attacks on
    embeddings must succeed, else they prove nothing elsewhere.

    Args:
        models: folder of the model store.
    """

    models: Path
    name: str = "general_embedding"
    words: str = "a general-purpose embedding of the picture (inner layers of a pose detector)"
    medium: Medium = Medium.EMBEDDING
    control: bool = True
    _interpreter: Any = field(default=None, init=False, repr=False)
    _layers: tuple[int, ...] = field(default=(), init=False, repr=False)

    def show(self, visit: Visit, rng: np.random.Generator) -> Shown:
        """Shape (T, D)."""
        if visit.crops is None:
            raise DataError(f"{visit.dataset}/{visit.person}: has no pictures")
        if self._interpreter is None:
            self._open()
        count = _SHEET[0] * _SHEET[1]
        sheets = range(0, len(visit.crops), count)
        return np.concatenate([self._embed(visit.crops[at : at + count]) for at in sheets])

    def _embed(self, crops: npt.NDArray[np.uint8]) -> Shown:
        """Shape (n, D) of n ≤ 8 pictures."""
        entry = self._interpreter.get_input_details()[0]
        side = int(entry["shape"][1])
        rows, columns = _SHEET
        high, wide = side // rows, side // columns
        sheet = np.full((side, side, 3), -1.0, np.float32)
        for k, crop in enumerate(crops):
            y, x = k // columns * high, k % columns * wide
            small = cv2.resize(crop, (wide, high), interpolation=cv2.INTER_AREA)
            sheet[y : y + high, x : x + wide] = small / 127.5 - 1
        self._interpreter.set_tensor(entry["index"], sheet[None])
        self._interpreter.invoke()
        parts: list[list[Shown]] = [[] for _ in crops]
        for layer in self._layers:
            found = self._interpreter.get_tensor(layer)[0]
            for k, own in enumerate(parts):
                own.extend(_bands(found, k // columns / rows, k % columns / columns))
        return np.stack([np.concatenate(own) for own in parts]).astype(np.float32)

    def _open(self) -> None:
        try:
            module = importlib.import_module("ai_edge_litert.interpreter")
        except ImportError:
            raise ModelError(
                "ai_edge_litert is not installed; run: pip install 'mizaru[edge]'"
            ) from None
        # Delegates fuse layers away, and the library warns whoever keeps them.
        plain = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                self._interpreter = module.Interpreter(
                    model_content=ModelStore(self.models).read(POSE_DETECTION),
                    num_threads=1,
                    experimental_op_resolver_type=plain,
                    experimental_preserve_all_tensors=True,
                )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{POSE_DETECTION.name}: LiteRT cannot load it: {error}") from None
        indices = {
            entry["name"]: int(entry["index"]) for entry in self._interpreter.get_tensor_details()
        }
        self._layers = tuple(
            index
            for end in _LAYERS
            for name, index in indices.items()
            if name.endswith(f"model/{end}")
        )
        if len(self._layers) != len(_LAYERS):
            raise ModelError(f"{POSE_DETECTION.name}: its inner layers have other names")


def _bands(found: Shown, top: float, left: float) -> Iterator[Shown]:
    """Means of a map (h, w, C) over the bands of one picture of the sheet."""
    side = found.shape[0]
    for row in range(_GRID[0]):
        for column in range(_GRID[1]):
            y0 = side * (top + row / _GRID[0] / _SHEET[0])
            x0 = side * (left + column / _GRID[1] / _SHEET[1])
            y1 = max(int(y0) + 1, round(y0 + side / _GRID[0] / _SHEET[0]))
            x1 = max(int(x0) + 1, round(x0 + side / _GRID[1] / _SHEET[1]))
            yield found[int(y0) : y1, int(x0) : x1].mean(axis=(0, 1))


@dataclass(frozen=True, slots=True)
class Noise:
    """Numbers that know nothing of anybody: what the best of so many attackers gets by luck."""

    name: str = "random"
    words: str = "noise, which holds nothing: what the best of all attackers gets by luck"
    medium: Medium = Medium.EMBEDDING
    control: bool = False

    def show(self, visit: Visit, rng: np.random.Generator) -> Shown:
        """Shape (T, 32)."""
        return rng.normal(size=(len(visit.behaviors), 32)).astype(np.float32)
