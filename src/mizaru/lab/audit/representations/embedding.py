"""z_t as it leaves: the shipped encoder on Ĩ_t, clipped, noisy, quantised, paid for.

The darkroom's own stage says it, from poses as packed and the plate as published; only its noise
comes from the audit's generator, so that a run can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.desensitize.publish import encode_webp
from mizaru.edge.darkroom.encode.stage import build_stage
from mizaru.edge.settings import EmbeddingSettings, EncoderTier
from mizaru.errors import DataError
from mizaru.lab.audit.contract import Medium, Visit
from mizaru.wire.codec import pack_pose
from mizaru.wire.messages import GRID_MS, Plate, Representation, plate_digest

Shown = npt.NDArray[np.float32]

SETTINGS: Final = EmbeddingSettings(enabled=True, tier=EncoderTier.BASE)
"""Those of a camera on which only z was switched on, but for the tier: it must not depend on the
machine."""
_NAME: Final = "z"


@dataclass(frozen=True, slots=True)
class Seeded:
    """Noise that can be repeated; never in a darkroom."""

    rng: np.random.Generator

    def gaussian(self, size: int) -> npt.NDArray[np.float64]:
        """Shape (size,)."""
        return self.rng.standard_normal(size)


@dataclass(frozen=True, slots=True)
class ReleasedEmbedding:
    """z_t alone."""

    name: str = _NAME
    words: str = (
        f"z: {SETTINGS.width} numbers about the whole room, clipped to {SETTINGS.clip:g}, with "
        f"noise of {SETTINGS.sigma:g}"
    )
    medium: Medium = Medium.EMBEDDING
    control: bool = False

    def show(self, visit: Visit, rng: np.random.Generator) -> Shown:
        """Shape (T, D); NaN where nobody was or the budget was spent."""
        return embedded(visit, rng)


def embedded(
    visit: Visit, rng: np.random.Generator, settings: EmbeddingSettings = SETTINGS
) -> Shown:
    """Shape (T, D), NaN where there is none.

    Raises:
        DataError: nobody was seen in the whole visit.
        ModelError: the encoder's weights cannot be used.
    """
    if not any(visit.poses):
        raise DataError(f"{visit.dataset}/{visit.person}: has no poses to make z of")
    stage = build_stage(settings, noise=lambda: Seeded(rng))
    shown = np.full((len(visit.poses), settings.width), np.nan, np.float32)
    if stage is None:
        return shown
    width, height = visit.resolution_wh
    digest = b""
    if visit.plate is not None:
        image = encode_webp(visit.plate)
        digest = plate_digest(image)
        stage.encode([Plate(image, 100)], width / height)
    for tick, pose in enumerate(visit.poses):
        records = () if pose is None else (pack_pose(pose),)
        (said,) = stage.encode(
            [Representation(tick, tick * GRID_MS, digest, records)], width / height
        )
        if isinstance(said, Representation) and said.embedding is not None:
            z = np.frombuffer(said.embedding.z, np.int8).astype(np.float32)
            shown[tick] = z * said.embedding.scale / 1024
    return shown
