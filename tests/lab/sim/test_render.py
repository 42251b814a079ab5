from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mizaru.errors import SimError
from mizaru.lab.sim.scenario import Scenario
from mizaru.lab.sim.taint import Appearance, taint_pattern
from mizaru.vocabulary import COCO17, Behavior

pytestmark = pytest.mark.usefixtures("sim")
Shipped = Callable[[str], Scenario]
Make = Callable[[str], Scenario]


@dataclass(frozen=True)
class Clip:
    frames: np.ndarray
    truths: list


def clip(scenario: Scenario, frames: int | None = None, **options: object) -> Clip:
    from mizaru.lab.sim import render

    shots = list(islice(render(scenario, **options), frames))
    return Clip(np.stack([frame for frame, _ in shots]), [truth for _, truth in shots])


def people(*places: tuple[float, float]) -> str:
    return "".join(
        f'[[scenario.person]]\nname = "p{k}"\nidentity = {k}\nstart = [{x}, {y}]\nheading = 270\n'
        for k, (x, y) in enumerate(places)
    )


def test_equal_seeds_give_equal_pixels_and_truth(shipped: Shipped) -> None:
    first, second = clip(shipped("walk"), 4), clip(shipped("walk"), 4)
    assert np.array_equal(first.frames, second.frames)
    for a, b in zip(first.truths, second.truths, strict=True):
        assert np.array_equal(a.mask, b.mask)
        assert msgspec.structs.replace(a, mask=None) == msgspec.structs.replace(b, mask=None)
    other = clip(shipped("walk"), 4, seed=2)
    assert not np.array_equal(first.frames, other.frames)


def test_a_walk_is_seen_from_end_to_end(shipped: Shipped) -> None:
    seen = clip(shipped("walk"), fps=5.0)
    assert seen.frames.shape == (20, 128, 192, 3)
    assert seen.frames.dtype == np.uint8
    assert [t.frame_id for t in seen.truths] == list(range(20))
    assert [t.t_s for t in seen.truths] == [k / 5 for k in range(20)]
    assert {t.count for t in seen.truths} == {1}
    behaviours = {t.subjects[0].behavior for t in seen.truths}
    assert behaviours == {Behavior.WALK, Behavior.STAND}
    height = [s.box[3] - s.box[1] for t in seen.truths for s in t.subjects if s.box]
    assert min(height) > 0.35
    travelled = seen.truths[-1].subjects[0].joints[0][0] - seen.truths[0].subjects[0].joints[0][0]
    assert travelled > 1.5


@pytest.mark.parametrize("camera", ["wall", "ceiling"])
def test_keypoints_lie_on_the_people_they_belong_to(camera: str, scenario_of: Make) -> None:
    actions = [
        '[[scenario.person.action]]\ndo = "walk"\nto = [3.6, 3.6]\n',
        '[[scenario.person.action]]\ndo = "fall"\n',
        '[[scenario.person.action]]\ndo = "wave_for_help"\n',
    ]
    places = [(1.4, 3.6), (2.9, 2.6), (1.4, 2.4)]
    everybody = people(*places).split("[[scenario.person]]")[1:]
    scenario = scenario_of(
        "".join(
            f"[[scenario.person]]{one}{action}"
            for one, action in zip(everybody, actions, strict=True)
        )
        + '[[scenario.camera]]\nname = "ceiling"\nposition = [2.5, 2.5, 2.55]\n'
        "look_at = [2.5, 2.55, 0]\nfov = 100\n"
    )
    seen, visible, inside = 0, 0, 0
    for truth in clip(scenario, 7, camera=camera, fps=2.0, size_wh=(320, 240)).truths:
        height, width = truth.mask.shape
        for number, subject in enumerate(truth.subjects, start=1):
            seen += subject.in_view
            rows, columns = np.nonzero(truth.mask == number)
            assert subject.pixels == len(rows)
            assert subject.box == pytest.approx(
                (columns.min() / width, rows.min() / height,
                 (columns.max() + 1) / width, (rows.max() + 1) / height), abs=1e-4,
            )  # fmt: skip
            for u, v, flag in subject.keypoints:
                if flag == 2:
                    visible += 1
                    distance = np.hypot(columns - u * width, rows - v * height).min()
                    inside += distance <= 2.0
    assert seen >= 18
    assert visible > 120
    assert inside / visible > 0.97


def test_who_is_behind_furniture_or_another_is_hidden_not_visible(scenario_of: Make) -> None:
    front_and_back = clip(scenario_of(people((2.5, 2.0), (2.5, 2.7))), 1).truths[0]
    front, back = front_and_back.subjects
    flags = {name: k for k, name in enumerate(COCO17.keypoints)}
    assert front.keypoints[flags["left_knee"]][2] == 2
    assert back.keypoints[flags["left_knee"]][2] == 1
    alone = clip(scenario_of(people((4.6, 0.1), (2.5, 2.7))), 1).truths[0]
    assert alone.subjects[1].keypoints[flags["left_knee"]][2] == 2
    assert alone.subjects[0].keypoints[flags["left_knee"]][2] == 0
    assert not alone.subjects[0].in_view


@pytest.mark.parametrize(
    ("places", "count", "crowd"),
    [
        ((), 0, False),
        (((2.5, 2.5),), 1, False),
        (((1.5, 2.5), (3.5, 2.5)), 2, False),
        (((1.2, 2.5), (2.5, 2.8), (3.8, 2.5)), 3, True),
        (((1.2, 2.5), (9.0, 9.0)), 1, False),
    ],
)
def test_the_count_is_of_people_in_view(
    places: tuple[tuple[float, float], ...], count: int, crowd: bool, scenario_of: Make
) -> None:
    truth = clip(scenario_of(people(*places)), 1).truths[0]
    assert truth.count == count
    assert truth.scene == ((Behavior.CROWD,) if crowd else ())
    assert len(truth.subjects) == len(places)
    assert set(np.unique(truth.mask)) <= set(range(len(places) + 1))


def test_feet_touch_the_floor_and_a_sitter_the_chair(scenario_of: Make) -> None:
    action = '[[scenario.person.action]]\ndo = "sit_down"\non = "chair"\n'
    truths = clip(scenario_of(people((2.5, 3.7)) + action), 42, fps=4.0, size_wh=(64, 64)).truths
    assert {"left_foot:floor", "right_foot:floor"} <= set(truths[0].subjects[0].contacts)
    assert truths[-1].subjects[0].behavior is Behavior.SIT
    assert any(pair.endswith(":chair") for pair in truths[-1].subjects[0].contacts)


def test_zones_and_time_make_intruding_and_loitering(scenario_of: Make) -> None:
    zones = (
        '[[scenario.zone]]\nname = "a"\npolygon = [[1, 2], [4, 2], [4, 3], [1, 3]]\n'
        '[[scenario.zone]]\nname = "b"\npolygon = [[1, 2], [4, 2], [4, 3], [1, 3]]\n'
        'meaning = "loiter"\nafter_s = 1.0\n'
    )
    truths = clip(scenario_of(people((2.5, 2.5)) + zones), 7, fps=4.0, size_wh=(64, 64)).truths
    assert truths[2].subjects[0].situations == (Behavior.INTRUDE,)
    assert truths[5].subjects[0].situations == (Behavior.INTRUDE, Behavior.LOITER)
    outside = clip(scenario_of(people((2.5, 3.5)) + zones), 6, fps=4.0, size_wh=(64, 64)).truths
    assert outside[-1].subjects[0].situations == ()


def test_taint_covers_people_and_nothing_else(scenario_of: Make) -> None:
    scenario = scenario_of(people((1.7, 2.2), (3.2, 2.2)))
    plain = clip(scenario, 2, size_wh=(320, 240))
    tainted = clip(scenario, 2, size_wh=(320, 240), appearance=Appearance(taint_seed=7))
    mask = plain.truths[1].mask
    assert np.array_equal(mask, tainted.truths[1].mask)
    # Edges are anti-aliased; away from them nothing but people changes.
    import cv2

    wide = cv2.dilate(mask, np.ones((5, 5), np.uint8)) > 0
    assert np.array_equal(plain.frames[1][~wide], tainted.frames[1][~wide])
    for number in (1, 2):
        on = cv2.erode((mask == number).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        pixels = tainted.frames[1][on].astype(float)
        assert len(pixels) > 1500
        changed = np.abs(pixels - plain.frames[1][on]).max(axis=1) > 20
        assert changed.mean() > 0.8
        # Every corner of the colour cube occurs: the pattern is there in all its colours.
        bright = pixels > pixels.max(axis=1, keepdims=True) * 0.6
        corners = np.unique(bright @ [1, 2, 4])
        assert len(corners) >= 7
    assert not np.array_equal(taint_pattern(7, 0), taint_pattern(7, 1))


def test_noise_is_seeded_and_has_the_size_asked_for(scenario_of: Make) -> None:
    quiet = scenario_of(people())
    loud = msgspec.structs.replace(
        quiet, camera=(msgspec.structs.replace(quiet.camera[0], noise=4.0),)
    )
    calm, first, second = (clip(s, 2).frames.astype(float) for s in (quiet, loud, loud))
    assert np.array_equal(first, second)
    assert 3.0 < (first - calm).std() < 5.0
    assert not np.array_equal(first[0], first[1])


def test_a_missing_camera_is_an_error(shipped: Shipped) -> None:
    with pytest.raises(SimError, match="no camera"):
        clip(shipped("walk"), 1, camera="attic")


def test_the_committed_sample_tells_its_story() -> None:
    from mizaru.lab.sim import read_truth

    sample = Path(__file__).parents[3] / "examples" / "sample"
    files = [sample / "restroom.mp4", sample / "restroom.truth.jsonl.gz"]
    assert sum(file.stat().st_size for file in files) <= 2_000_000
    truths = list(read_truth(files[1]))
    fps = 15
    assert 60 <= len(truths) / fps <= 120
    assert {t.count for t in truths[: 10 * fps]} == {0}
    assert max(t.count for t in truths) == 3
    ann = [t.subjects[0].behavior for t in truths]
    story = list(dict.fromkeys(ann))
    told = ["walk", "wash_hands", "sit_down", "sit", "stand_up", "fall", "lie", "long_lie"]
    assert [word for word in story if word != "stand"] == told
    assert len(ann) - ann.index(Behavior.LIE) >= 20 * fps
    pushed = next(k for k, t in enumerate(truths) if t.subjects[2].behavior is Behavior.PUSH)
    toppled = next(k for k, t in enumerate(truths) if t.subjects[1].behavior is Behavior.FALL)
    assert 0 < toppled - pushed < 2 * fps

    import av

    with av.open(str(files[0])) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.codec_context.name) == (640, 360, "h264")
        assert stream.frames == len(truths)
