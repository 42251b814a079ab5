"""When the plate is worth sending again, and as which bytes.

Wraps OpenCV's encoder: `cv2.error` and a refused encoding become `WireError`.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from mizaru.edge.darkroom.desensitize.plate import PlateModel
from mizaru.edge.darkroom.desensitize.stillness import Image
from mizaru.errors import WireError
from mizaru.wire.messages import MAX_PLATE_BYTES, PLATE_PERIOD_S, Plate

_FIRST_SHARE: Final = (0.10, 0.35)  # of the room: worth a plate after a while, and at once
_FIRST_PATIENCE_MS: Final = 20_000
_CHANGED_LEVELS: Final = 8
_CHANGED_SHARE: Final = 0.01
_SETTLED_MS: Final = 2_000
_PATIENCE_MS: Final = 10_000
_CHECK_MS: Final = 500
_QUALITIES: Final = (80, 65, 50, 35, 20, 10, 5, 1)


def encode_webp(picture: Image) -> bytes:
    """WebP bytes of a picture (h, w, 3) RGB, ≤ `MAX_PLATE_BYTES`, at the best quality that fits.

    The finest texture is smoothed away first. Raises `WireError` where nothing fits.
    """
    smooth = cv2.GaussianBlur(picture, (3, 3), 0)
    bgr = cv2.cvtColor(smooth, cv2.COLOR_RGB2BGR)
    for quality in _QUALITIES:
        try:
            done, data = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, quality])
        except cv2.error as error:
            raise WireError(f"plate: OpenCV cannot encode WebP: {error.err}") from None
        if not done:
            raise WireError("plate: OpenCV cannot encode WebP; install a build that can")
        if len(data) <= MAX_PLATE_BYTES:
            return bytes(data.tobytes())
    raise WireError(f"plate: {picture.shape} does not fit into {MAX_PLATE_BYTES} bytes")


class Publisher:
    """At most one plate per `PLATE_PERIOD_S` of camera time, and only when there is news."""

    def __init__(self) -> None:
        self._sent: Image | None = None
        self._sent_ms = 0
        self._checked_ms: int | None = None
        self._latest: Image | None = None
        self._news_ms: int | None = None
        self._changed_ms = 0
        self._some_ms: int | None = None

    def next(self, model: PlateModel, t_ms: int) -> Plate | None:
        """The plate to send at this moment of the camera's clock, or None."""
        if self._checked_ms is not None and 0 <= t_ms - self._checked_ms < _CHECK_MS:
            return None
        self._checked_ms = t_ms
        picture = model.picture()
        if self._sent is None and not self._is_worth_a_first(model.known_share, t_ms):
            return None
        if not _differs(picture, self._sent):
            self._news_ms = None
            return None
        if self._news_ms is None:
            self._news_ms = self._changed_ms = t_ms
        elif _differs(picture, self._latest):
            self._changed_ms = t_ms
        self._latest = picture
        settled = t_ms - self._changed_ms >= _SETTLED_MS or t_ms - self._news_ms >= _PATIENCE_MS
        due = self._sent is None or t_ms - self._sent_ms >= PLATE_PERIOD_S * 1000
        if not (settled and due):
            return None
        self._sent, self._sent_ms, self._news_ms = picture, t_ms, None
        return Plate(encode_webp(picture), round(100 * model.known_share))

    def _is_worth_a_first(self, share: float, t_ms: int) -> bool:
        """The next one may only follow a minute later, so the first should show something."""
        some, much = _FIRST_SHARE
        if share < some:
            self._some_ms = None
            return False
        self._some_ms = t_ms if self._some_ms is None else self._some_ms
        return share >= much or t_ms - self._some_ms >= _FIRST_PATIENCE_MS


def _differs(picture: Image, other: Image | None) -> bool:
    if other is None or other.shape != picture.shape:
        return True
    levels = np.asarray(cv2.absdiff(picture, other)).max(axis=2)
    return bool((levels > _CHANGED_LEVELS).mean() > _CHANGED_SHARE)
