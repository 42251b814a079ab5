"""The last stage of the darkroom: what leaves anyway gets its z, or the reason why there is none.

Ĩ_t is drawn from the representation itself: its poses as packed for the wire, and the plate as
published, decoded from the bytes that leave. Nothing of the frame is looked at again, so that z is
a function of what is sent beside it, and of noise: by the data processing inequality it says
nothing of anybody that plate and poses do not. The clip, the noise and the budget of
`mizaru.edge.darkroom.encode.release` bound z by itself all the same; they stand ready for kinds of
desensitization whose input is not sent.

Fail closed: whatever goes wrong costs the z and is counted in `Withheld.FAILED`; the
representation leaves without it. The only thing that is ever put into a message is what `Release`
returned.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from mizaru.edge.darkroom.encode.canvas import CANVAS_HW, canvas
from mizaru.edge.darkroom.encode.card import WEIGHTS
from mizaru.edge.darkroom.encode.encoder import load_encoder
from mizaru.edge.darkroom.encode.release import Noise, Release, Released, SystemNoise
from mizaru.edge.settings import EmbeddingSettings
from mizaru.ledger.account import Channel
from mizaru.ledger.record import channel_of, record_of
from mizaru.wire.codec import unpack_pose
from mizaru.wire.messages import (
    GRID_MS,
    ChannelRecord,
    Plate,
    Representation,
    Withheld,
)

Image = npt.NDArray[np.uint8]


class Mean(Protocol):
    """f_θ."""

    def __call__(self, frame: Image) -> npt.NDArray[np.float32]:
        """μ, shape (D,), of Ĩ_t, shape (*CANVAS_HW, 3) uint8 RGB."""
        ...


class EncodeStage:
    """Representations and plates in the order in which they leave, in and out.

    Args:
        mean: f_θ.
        release: the channel.
        record: its parameters as they are sent along.
        every_ms: least time between two z.

    Attributes:
        channel: ``record``, for the segments.
        failed: representations without z because something went wrong.
    """

    def __init__(
        self, mean: Mean, release: Release, record: ChannelRecord, every_ms: int = GRID_MS
    ) -> None:
        self.channel: Final = record
        self.failed = 0
        self._mean, self._release, self._every_ms = mean, release, every_ms
        self._room: Image | None = None
        self._due_ms = 0

    def encode(
        self, leaving: Iterable[Representation | Plate], aspect: float
    ) -> list[Representation | Plate]:
        """The same with z.

        Args:
            leaving: what the desensitizer let out of one frame.
            aspect: width / height of the camera's image.
        """
        return [
            self._follow(item) if isinstance(item, Plate) else self._complete(item, aspect)
            for item in leaving
        ]

    def _follow(self, plate: Plate) -> Plate:
        """Draw on this plate from now on; where it cannot be read, on none."""
        rows, columns = CANVAS_HW
        self._room = None
        with contextlib.suppress(cv2.error):
            bgr = cv2.imdecode(np.frombuffer(plate.image, np.uint8), cv2.IMREAD_COLOR)
            if bgr is not None:
                small = cv2.resize(bgr, (columns, rows), interpolation=cv2.INTER_AREA)
                self._room = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8)
        return plate

    def _complete(self, representation: Representation, aspect: float) -> Representation:
        if not representation.poses:
            return replace(representation, withheld=Withheld.NOBODY)
        if representation.t_ms < self._due_ms:
            return replace(representation, withheld=Withheld.RESTING)
        try:
            released = self._say(representation, aspect)
            if released is None:
                return replace(representation, withheld=Withheld.SPENT, spent_percent=100)
            self._due_ms = representation.t_ms + self._every_ms
            most = max(spending.total for spending in released.spendings)
            percent = min(100, math.ceil(100 * most / self.channel.budget))
            return replace(representation, embedding=released.embedding, spent_percent=percent)
        except Exception:
            # Its text may hold anything; the frame's z is gone, and that is all there is to say.
            self.failed += 1
            return replace(representation, withheld=Withheld.FAILED)

    def _say(self, representation: Representation, aspect: float) -> Released | None:
        poses = [unpack_pose(record) for record in representation.poses]
        mu = self._mean(canvas(self._room, poses, aspect))
        present = [record.subject for record in representation.poses]
        return self._release.release(mu, present, representation.t_ms)


def build_stage(
    settings: EmbeddingSettings,
    *,
    folder: Path = WEIGHTS,
    noise: Callable[[], Noise] = SystemNoise,
) -> EncodeStage | None:
    """The stage that a camera's settings ask for; None where they ask for none.

    Args:
        settings: checked.
        folder: of the weights.
        noise: source of chance; anything but the default is for tests.

    Raises:
        ModelError: weights are missing, damaged or cannot be run.
    """
    if not settings.enabled:
        return None
    loaded = load_encoder(settings.tier, settings.width, folder)
    record = record_of(
        Channel(settings.width, settings.clip, settings.sigma, settings.sticky),
        settings.budget_nats,
        loaded.digest,
    )
    release = Release(channel_of(record), noise(), settings.budget_nats)
    canvas(np.zeros((90, 160, 3), np.uint8), [], 16 / 9)  # OpenCV loads before the lock-in
    return EncodeStage(loaded.encoder, release, record, settings.every_ms)
