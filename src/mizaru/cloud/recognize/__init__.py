"""Observations in, findings out. `finding` is the seam; what ships is `learned`, which the rules
of `rules` came before and still judge place and time in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from mizaru.cloud.recognize.adaptation import (
    DEFAULT_SENSITIVITY,
    TOLD_AT,
    Feedback,
    Sensitivity,
    Verdict,
    adapt,
)
from mizaru.cloud.recognize.finding import (
    Finding,
    Measured,
    Observation,
    Recognizer,
    Risk,
    SubjectFinding,
)
from mizaru.cloud.recognize.info import RecognizerInfo, learned_info
from mizaru.cloud.recognize.learned import LearnedRecognizer
from mizaru.cloud.recognize.network import shipped_model
from mizaru.cloud.recognize.thresholds import Thresholds
from mizaru.cloud.settings import CloudCameraSettings, ZoneKind

__all__ = [
    "DEFAULT_SENSITIVITY",
    "TOLD_AT",
    "Feedback",
    "Finding",
    "Measured",
    "Observation",
    "Recognizer",
    "RecognizerInfo",
    "Risk",
    "Sensitivity",
    "SubjectFinding",
    "Verdict",
    "adapt",
    "build_recognizer",
    "memory_ms",
    "recognizer_info",
]

LEAST_MEMORY_S: Final = 90.0
MOST_MEMORY_S: Final = 1800.0
WARM_UP_S: Final = 30.0


def build_recognizer(
    camera: CloudCameraSettings,
    *,
    local_time: Callable[[int], datetime],
    sensitivity: Sensitivity = DEFAULT_SENSITIVITY,
) -> Recognizer:
    """A recognizer for one camera.

    Args:
        camera: zones and rules of the camera.
        local_time: camera clock (ms since the epoch, UTC) → the cloud's local time, for the
            hours of zones.
        sensitivity: what operators made of its thresholds, see `adapt`.

    Raises:
        SettingsError: a zone whose polygon crosses itself or whose hours no clock shows.
        ModelError: weights or card of this release are damaged.
    """
    return LearnedRecognizer(
        camera, local_time=local_time, model=shipped_model(), sensitivity=sensitivity
    )


def recognizer_info() -> RecognizerInfo:
    """Which recognizer `build_recognizer` builds, and on what it was shown to work."""
    return learned_info(shipped_model().card)


def memory_ms(camera: CloudCameraSettings) -> int:
    """How much of the past a new recognizer must see again to go on as if it had not stopped.

    At least 90 s; longer where a rule waits longer, but at most half an hour: a stay that is
    only told after more than that begins to count anew.
    """
    rules = camera.rules
    waits = [rules.long_lie_s, rules.crowd_s]
    for zone in camera.zone:
        if zone.kind is not ZoneKind.REST:
            default = rules.loiter_s if zone.kind is ZoneKind.LOITER else 0.0
            waits.append(default if zone.seconds is None else zone.seconds)
    seconds = max(LEAST_MEMORY_S, Thresholds().fall_report_s + WARM_UP_S, max(waits) + WARM_UP_S)
    return round(min(seconds, MOST_MEMORY_S) * 1000)
