"""Real clips with the detector off, played to and fro: nobody may end up in the plate."""

import cv2
import numpy as np
import pytest

from mizaru.edge.darkroom.desensitize.plate import PlateModel
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.perception import Perception
from mizaru.edge.settings import PlateSettings

CLIPS = {
    "somebody walks": ("video/upfall/S01_A06_T1_C1.mp4", "images/backgrounds/upfall_cam1.png"),
    "somebody lies and breathes": (
        "video/upfall/S01_A11_T1_C1.mp4",
        "images/backgrounds/upfall_cam1.png",
    ),
    "people come and stand": (
        "video/people/intel_one_by_one.mp4",
        "images/backgrounds/intel_table_room.png",
    ),
}


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("clip", CLIPS)
def test_plate_leak_is_nil_without_any_detector(shared_data, clip):
    video, background = (shared_data / name for name in CLIPS[clip])
    frames, rate = read(video, every=2)
    model = PlateModel(PlateSettings())
    for k in range(round(120 * rate)):
        pixels = frames[to_and_fro(k, len(frames))]
        seen = Perception(
            (), np.zeros(((pixels.shape[0] + 1) // 2, (pixels.shape[1] + 1) // 2)) > 0
        )
        model.update(Frame(k, 10**12 + round(1000 * k / rate), 0, pixels), seen)
    assert leaking_tiles(model, background) == 0


def read(path, every):
    capture = cv2.VideoCapture(str(path))
    rate, frames = capture.get(cv2.CAP_PROP_FPS) / every, []
    while (pair := capture.read())[0]:
        frames.append(cv2.cvtColor(pair[1], cv2.COLOR_BGR2RGB))
    assert frames, f"{path.name} cannot be read"
    return frames[::every], rate


def to_and_fro(k, count):
    k %= 2 * count - 2
    return min(k, 2 * count - 2 - k)


def leaking_tiles(model, background):
    """Known tiles that differ from the empty room in structure, or in more than the light."""
    picture = model.picture().astype(np.float32)
    height, width = picture.shape[:2]
    empty = cv2.cvtColor(cv2.imread(str(background)), cv2.COLOR_BGR2RGB)
    empty = cv2.resize(empty, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    leaking = 0
    for ty, tx in np.argwhere(model.known):
        tile = np.s_[8 * ty : 8 * ty + 8, 8 * tx : 8 * tx + 8]
        error = picture[tile] - empty[tile]
        structure = np.abs(error - error.mean((0, 1))).mean()
        leaking += bool(structure > 15 or np.abs(error).mean() > 60)
    return leaking
