"""A darkroom whose perception finds one person who walks, and which encodes: see the test."""

import os
from pathlib import Path

import numpy as np

from mizaru.edge.darkroom import process
from mizaru.edge.darkroom.desensitize import build_desensitizer
from mizaru.edge.darkroom.encode.stage import build_stage
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.perception import Perception, Person
from mizaru.edge.darkroom.side import Job
from mizaru.vocabulary import COCO17


class Walker:
    """From left to right, the second half of the frames nobody."""

    def perceive(self, frame: Frame) -> Perception:
        width, height = frame.resolution_wh
        mask = np.zeros((height // 2, width // 2), bool)
        if frame.frame_id >= 40:
            return Perception((), mask)
        x = 40 + 3 * frame.frame_id
        keypoints = np.ones((17, 3), np.float32)
        keypoints[:, 0] = x + np.tile((8, -8), 9)[:17]
        keypoints[:, 1] = np.linspace(40, 140, 17)
        mask[15:75, x // 2 - 8 : x // 2 + 8] = True
        box = (x - 15.0, 30.0, x + 15.0, 150.0)
        person = Person(7, box, COCO17, keypoints, None, None, 0.9)
        return Perception((person,), mask)


def build(job: Job):
    desensitizer = build_desensitizer(job.camera, rng=np.random.default_rng(), clock=lambda: 0)
    stage = build_stage(job.camera.embedding, folder=Path(job.models))
    return Walker(), desensitizer, stage


if __name__ == "__main__":
    os._exit(process.main(build))
