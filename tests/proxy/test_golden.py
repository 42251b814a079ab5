"""Python and TypeScript draw the same mannequin: ``web/src/proxy/golden.json`` holds both.

``python tests/proxy/test_golden.py`` writes the file anew; ``psi.test.ts`` reads it.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np

from mizaru.proxy import body, primitives
from mizaru.vocabulary import HeadOrientation, Pose

GOLDEN = Path(__file__).parents[2] / "web/src/proxy/golden.json"

UPRIGHT = {
    "trunk": (0, -1),
    "arms": (((0.25, 1), (0.15, 1)), ((-0.25, 1), (-0.15, 1))),
    "legs": (((0.08, 1), (0.05, 1)), ((-0.08, 1), (-0.05, 1))),
    "across": 1.0,
}


def figure(subject_id, at, scale, head=None, rho=1.0, aspect=16 / 9, **posture):
    """A flat figure with canonical lengths, good enough to exercise every branch of Ψ."""
    posture = UPRIGHT | posture
    unit = lambda v: np.array(v, float) / np.hypot(*v)  # noqa: E731
    trunk, half = unit(posture["trunk"]), posture["across"] / 2
    across = np.array([-trunk[1], trunk[0]])
    xy = np.zeros((17, 2))
    chest = trunk * body.TRUNK
    xy[11], xy[12] = across * body.HIPS * half, -across * body.HIPS * half
    xy[5], xy[6] = chest + across * body.SHOULDERS * half, chest - across * body.SHOULDERS * half
    for side in (0, 1):
        upper, lower = posture["arms"][side]
        xy[7 + side] = xy[5 + side] + unit(upper) * body.UPPER_ARM
        xy[9 + side] = xy[7 + side] + unit(lower) * body.FOREARM
        upper, lower = posture["legs"][side]
        xy[13 + side] = xy[11 + side] + unit(upper) * body.THIGH
        xy[15 + side] = xy[13 + side] + unit(lower) * body.SHANK
    points = np.array(body.HEAD_POINTS)[:, :2] * body.STATURE
    xy[:5] = chest + trunk * body.NECK + points[:, :1] * across * posture["across"]
    xy[:5] -= points[:, 1:] * trunk
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[:, 0] = at[0] + xy[:, 0] * scale / aspect
    keypoints[:, 1] = at[1] + xy[:, 1] * scale
    keypoints[:, 2] = rho
    return Pose(subject_id, keypoints, head)


def cases():
    """(name, pose, aspect): every branch of Ψ."""
    hidden_right = np.ones(17)
    hidden_right[[8, 10, 14, 16]] = 1 / 3
    half_body = np.ones(17)
    half_body[11:] = 0
    no_ears = np.ones(17)
    no_ears[[3, 4]] = 0
    head_only = np.zeros(17)
    head_only[:5] = 1
    lying = {
        "trunk": (-1, 0.1),
        "legs": (((1, 0.1), (1, 0.2)), ((0.6, -0.7), (0.5, 0.9))),
        "arms": (((0.4, 1), (1, 0.4)), ((1, 0.2), (1, 0.2))),
    }
    wave = {"arms": (((1, -0.3), (0.4, -1)), ((-1, -0.3), (-0.4, -1)))}
    wide = 16 / 9
    front = HeadOrientation(0, 0, 0)
    return [
        ("standing", figure(1, (0.5, 0.5), 0.3, front), wide),
        ("standing, no head orientation", figure(2, (0.3, 0.4), 0.21), wide),
        ("from behind", figure(3, (0.5, 0.5), 0.3, HeadOrientation(180, 0, 0), across=-1), wide),
        ("from behind, no head orientation", figure(4, (0.5, 0.5), 0.3, across=-1.0), wide),
        (
            "from the side",
            figure(5, (0.5, 0.5), 0.3, HeadOrientation(90, -15, 0), hidden_right, across=0.0),
            wide,
        ),
        ("lying", figure(6, (0.7, 0.8), 0.3, HeadOrientation(30, 30, -90), **lying), wide),
        ("waving", figure(7, (0.2, 0.5), 0.35, HeadOrientation(-45, 15, 15), **wave), wide),
        ("upper body only", figure(8, (0.5, 0.9), 0.5, front, half_body), wide),
        ("no ears seen", figure(9, (0.5, 0.5), 0.3, None, no_ears), wide),
        ("head only", figure(10, (0.5, 0.5), 0.3, None, head_only), wide),
        ("nobody", figure(11, (0.5, 0.5), 0.3, None, np.zeros(17)), wide),
        ("portrait image", figure(12, (0.5, 0.5), 0.2, front, aspect=0.75), 0.75),
    ]


def golden():
    return [
        {
            "name": name,
            "aspect": aspect,
            "pose": {
                "id": pose.subject_id,
                "keypoints": [[float(value) for value in row] for row in pose.keypoints],
                "head": pose.head and dataclasses.asdict(pose.head),
            },
            "expected": [dataclasses.asdict(primitive) for primitive in primitives(pose, aspect)],
        }
        for name, pose, aspect in cases()
    ]


def test_the_golden_file_is_what_psi_says_today():
    assert GOLDEN.read_text(encoding="utf-8") == text(golden())


def text(data):
    rounded = json.loads(json.dumps(data), parse_float=lambda token: round(float(token), 9))
    return json.dumps(rounded, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n"


if __name__ == "__main__":
    GOLDEN.write_text(text(golden()), encoding="utf-8")
