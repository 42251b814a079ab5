"""I_t, the raw image. It lives in the darkroom and cannot be taken out by accident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from mizaru.errors import WallError


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Frame:
    """One raw image. Cannot be pickled, copied, printed or serialised.

    Attributes:
        frame_id: number since the stream began, counting dropped frames too.
        t_ms: the camera's clock, milliseconds since the epoch.
        captured_ns: monotonic clock when the frame arrived, for latency.
        pixels: shape (H, W, 3) uint8, RGB, sRGB, upright; read-only. It may be a view of
            shared memory: valid until the next frame is asked for.
    """

    frame_id: int
    t_ms: int
    captured_ns: int
    pixels: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(
                f"pixels must be (H, W, 3) uint8, got {self.pixels.shape} {self.pixels.dtype}"
            )

    @property
    def resolution_wh(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def _refuse(self, *_: object) -> NoReturn:
        raise WallError("a raw frame cannot be pickled or copied: it dies in the darkroom")

    __reduce__ = __reduce_ex__ = __copy__ = __deepcopy__ = __getstate__ = _refuse

    def __repr__(self) -> str:
        return f"<Frame {self.frame_id}: pixels withheld>"
