"""What may leave is made here: plate, canonical poses, and their encoding.

`build_desensitizer` is the door. Everything that opens a file or loads lazily is done when it
returns, since the process is locked in afterwards.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mizaru.edge.darkroom.desensitize.contract import Desensitizer
from mizaru.edge.darkroom.desensitize.proxy_mode import ProxyDesensitizer
from mizaru.edge.darkroom.desensitize.publish import encode_webp
from mizaru.edge.settings import CameraSettings

__all__ = ["Desensitizer", "build_desensitizer"]


def build_desensitizer(
    camera: CameraSettings, *, rng: np.random.Generator, clock: Callable[[], int]
) -> Desensitizer:
    """The desensitizer that a camera's settings ask for.

    Args:
        camera: settings; `CameraSettings.plate` holds the plate's times.
        rng: for members that add noise; proxy mode's pose channel may.
        clock: wall clock, milliseconds. Proxy mode needs none: every time in it is the
            camera's own (`Frame.t_ms`), so that a file played fast gives the same bytes.
    """
    encode_webp(np.full((16, 16, 3), 128, np.uint8))  # loads the encoder before the lock-in
    return ProxyDesensitizer(camera.plate, camera.pose_channel, rng=rng)
