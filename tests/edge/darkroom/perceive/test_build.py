"""The whole of perception with its real models, on pictures of nobody and on the sample."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from tests.edge.darkroom.perceive.conftest import frame

from mizaru.edge.darkroom.perceive import build_perceiver
from mizaru.edge.darkroom.perceive.perception import Perceiver
from mizaru.edge.darkroom.perceive.runtime import load
from mizaru.edge.models import POSE_DETECTION, POSE_LANDMARK, ModelStore
from mizaru.edge.settings import PerceiveSettings, Runtime
from mizaru.errors import ModelError


def build(models: Path, seed: int = 0, **settings) -> Perceiver:
    return build_perceiver(
        PerceiveSettings(**settings),
        models,
        rng=np.random.default_rng(seed),
        clock=lambda: 0.0,
    )


@pytest.fixture(scope="module")
def walk(sample: Path) -> list[np.ndarray]:
    """Two seconds in which one person stands and walks in full view."""
    with av.open(str(sample)) as container:
        pictures = islice(container.decode(video=0), 560, 590)
        return [picture.to_ndarray(format="rgb24") for picture in pictures]


def test_somebody_who_walks_is_found_and_stays_himself(models: Path, walk: list) -> None:
    eyes = build(models)
    seen = [eyes.perceive(frame(n, pixels, step_ms=66)) for n, pixels in enumerate(walk)]
    counts = [len(s.persons) for s in seen]
    assert np.mean([c == 1 for c in counts]) >= 0.85
    people = [p for s in seen for p in s.persons]
    assert len({p.subject_id for p in people}) == 1
    for s in seen:
        for person in s.persons:
            x, y = person.keypoints[23:25, :2].mean(axis=0)
            assert s.mask[int(y) // 2, int(x) // 2]
            assert person.world is not None
            height = np.ptp(person.world[:, 1])
            assert 1.0 < height < 2.2


def test_the_same_seed_gives_the_same_people(models: Path, walk: list) -> None:
    def run(seed: int) -> list[bytes]:
        eyes = build(models, seed)
        return [
            p.keypoints.tobytes() + p.subject_id.to_bytes(4, "big")
            for n, pixels in enumerate(walk[:10])
            for p in eyes.perceive(frame(n, pixels)).persons
        ]

    assert run(1) == run(1) != run(2)


def test_nobody_is_seen_where_nobody_is(models: Path) -> None:
    rng = np.random.default_rng(0)
    eyes = build(models)
    for n in range(12):
        noise = rng.integers(0, 256, (360, 640, 3), np.uint8)
        assert eyes.perceive(frame(n, noise)).persons == ()


@pytest.mark.parametrize("shape", [(1080, 1920), (480, 640), (640, 360), (33, 17), (1, 1)])
def test_any_size_of_frame_will_do(models: Path, shape: tuple[int, int]) -> None:
    eyes = build(models)
    for n in range(6):
        seen = eyes.perceive(frame(n, np.full((*shape, 3), 40 * n, np.uint8)))
        assert seen.mask.shape == ((shape[0] + 1) // 2, (shape[1] + 1) // 2)


_NOTHING_IS_OPENED = """
import sys
from pathlib import Path
import numpy as np
import av
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive import build_perceiver
from mizaru.edge.settings import PerceiveSettings

with av.open(sys.argv[2]) as container:
    pictures = [p.to_ndarray(format="rgb24") for n, p in enumerate(container.decode(video=0))
                if 1370 <= n < 1395]
eyes = build_perceiver(PerceiveSettings(), Path(sys.argv[1]), rng=np.random.default_rng(0),
                       clock=lambda: 0.0)
events = []
def hook(event, args):
    if event in ("open", "import", "socket.connect", "os.listdir") and watching:
        events.append((event, args[0]))
watching = False
sys.addaudithook(hook)
watching = True
people = [eyes.perceive(Frame(n, 66 * n, 0, p)).persons for n, p in enumerate(pictures)]
watching = False
assert any(people), "nobody seen: the test proves nothing"
assert not events, events
"""


def test_nothing_is_opened_or_imported_after_building(models: Path, sample: Path) -> None:
    """The sandbox closes between the two; a lazy import would kill the darkroom."""
    code = [sys.executable, "-c", _NOTHING_IS_OPENED, str(models), str(sample)]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_missing_models_are_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"pose_detection\.tflite: .*mizaru models pull"):
        build(tmp_path)


def test_openvino_equals_litert_or_says_that_it_is_not_installed(models: Path) -> None:
    """Inference by inference; whole streams differ, as they do from one noise to another."""
    store = ModelStore(models)
    try:
        import openvino  # noqa: F401
    except ImportError:
        with pytest.raises(ModelError, match=r"openvino is not installed.*mizaru\[openvino\]"):
            build(models, runtime=Runtime.OPENVINO)
        return
    for file in (POSE_DETECTION, POSE_LANDMARK):
        one, other = (load(file, store, runtime) for runtime in Runtime)
        array = np.random.default_rng(0).random(one.input_shape).astype(np.float32)
        for a, b in zip(one(array), other(array), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-3 * float(np.abs(a).max()))
