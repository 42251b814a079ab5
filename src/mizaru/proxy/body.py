"""The canonical body: one set of proportions that every subject gets.

Segment lengths are fractions of the stature after R. Drillis and R. Contini, *Body segment
parameters* (1966), as tabulated in D. Winter, *Biomechanics and Motor Control of Human
Movement*, fig. 4.1. Winter's breadths are those of the outline; the keypoints of `COCO17` are
joint centres, which lie one limb radius inside it.
"""

from __future__ import annotations

from typing import Final

STATURE: Final = 1.70
"""Height of the canonical body in metres. Everybody is this tall once outside the darkroom."""

THIGH: Final = 0.245 * STATURE
SHANK: Final = 0.246 * STATURE
UPPER_ARM: Final = 0.186 * STATURE
FOREARM: Final = 0.146 * STATURE
TRUNK: Final = (0.818 - 0.530) * STATURE
"""Middle of the hips to middle of the shoulders."""
NECK: Final = (0.930 - 0.818) * STATURE
"""Middle of the shoulders to middle of the ears."""
SHOULDERS: Final = (0.259 - 2 * 0.027) * STATURE
"""Between the shoulder joints."""
HIPS: Final = (0.191 - 2 * 0.043) * STATURE
"""Between the hip joints."""
FOOT: Final = 0.152 * STATURE
HAND: Final = 0.108 * STATURE

HEAD_BREADTH: Final = 0.044 * STATURE
"""Half the breadth of the head."""
HEAD_HEIGHT: Final = 0.066 * STATURE
"""Half the height of the head, chin to crown (0.130 of the stature)."""

HEAD_POINTS: Final = (
    (0.000, 0.006, -0.058),
    (0.018, -0.006, -0.047),
    (-0.018, -0.006, -0.047),
    (0.041, 0.000, 0.000),
    (-0.041, 0.000, 0.000),
)
"""Nose, left eye, right eye, left ear, right ear of a head that faces the camera, as fractions
of the stature from the middle of the ears: x to the image's right, y down, z away from it."""

BONES: Final = (
    (5, 7, UPPER_ARM),
    (6, 8, UPPER_ARM),
    (7, 9, FOREARM),
    (8, 10, FOREARM),
    (11, 13, THIGH),
    (12, 14, THIGH),
    (13, 15, SHANK),
    (14, 16, SHANK),
    (5, 6, SHOULDERS),
    (11, 12, HIPS),
)
"""(parent, child, length in metres) between rows of `COCO17`. The trunk and the neck, which
run between middles, are not among them."""
