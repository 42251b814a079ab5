"""One contract for every way to desensitize: proxy now, SPA-D and single-pixel later."""

from __future__ import annotations

from typing import Protocol

from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.perception import Perception
from mizaru.wire.messages import Plate, Representation


class Desensitizer(Protocol):
    """Frames with their perceptions in time order in; what may leave, out.

    Laws, tested over all members: the outcome is encodable and inside its byte budget; it
    holds no pixel of a person; the same seed and frames give the same bytes.
    """

    def desensitize(
        self, frame: Frame, perception: Perception
    ) -> tuple[Representation | Plate, ...]:
        """What leaves after this frame: nothing off the time grid, else one representation,
        preceded at most once per `PLATE_PERIOD_S` by the plate that it refers to."""
        ...
