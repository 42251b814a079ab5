"""The laws of contract.py, over all members, and the taint test of the way out."""

import cv2
import numpy as np
import pytest

from mizaru.edge.darkroom.desensitize import build_desensitizer
from mizaru.edge.darkroom.desensitize.plate import PlateModel
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.perception import Perception
from mizaru.edge.settings import CameraSettings, PlateSettings, PoseChannelSettings
from mizaru.wire import codec
from mizaru.wire.messages import (
    GRID_MS,
    MAX_PLATE_BYTES,
    MAX_POSES_PER_SEGMENT,
    MAX_SUBJECTS,
    PLATE_PERIOD_S,
    SEGMENT_MS,
    Developed,
    Plate,
    Representation,
    plate_digest,
)

MEMBERS = {
    "proxy, default": CameraSettings(id="cam", source="x"),
    "proxy, patient": CameraSettings(
        id="cam", source="x", plate=PlateSettings(commit_s=45.0, absorb_s=1800.0)
    ),
    "proxy, coarse poses": CameraSettings(
        id="cam",
        source="x",
        pose_channel=PoseChannelSettings(step=0.03, jitter=0.02, smooth_s=0.2, hold_ms=200),
    ),
}


@pytest.fixture(params=MEMBERS)
def build(request):
    def make():
        camera = MEMBERS[request.param]
        return build_desensitizer(camera, rng=np.random.default_rng(4), clock=lambda: 0)

    return make


def scene(people, count, at=0, mask=True):
    """So many persons side by side, the farthest first."""
    persons = tuple(
        people.person(k + 1, 20 + 30 * k + at, 40, 24, 60 + 4 * k) for k in range(count)
    )
    seen = people.masked(20 + at, 40, 30 * count, 120) if mask else people.nobody_seen()
    return Perception(persons, seen.mask)


def run(desensitizer, room, seconds, seen, *painted):
    return [
        message
        for frame in room.play(seconds, *painted)
        for message in desensitizer.desensitize(frame, seen)
    ]


def test_same_frames_give_the_same_bytes_and_each_message_is_encodable(build, make_room, people):
    def bytes_out():
        out = run(build(), make_room(fps=3), 50, scene(people, 2))
        return [
            codec.encode(
                Developed(message, 320, 184, 0) if isinstance(message, Representation) else message
            )
            for message in out
        ]

    first = bytes_out()
    assert first == bytes_out()
    assert all(codec.decode_outgoing(data) for data in first)


def test_representations_sit_on_the_time_grid_and_never_after_their_frame(build, make_room, people):
    desensitizer, room = build(), make_room(fps=23)
    ticks = []
    for frame in room.play(4):
        out = desensitizer.desensitize(frame, scene(people, 1))
        assert len(out) <= 1
        for message in out:
            assert message.t_ms % GRID_MS == 0
            assert 0 <= frame.t_ms - message.t_ms < GRID_MS
            assert message.frame_id == frame.frame_id
            ticks.append(message.t_ms)
    assert len(ticks) == len(set(ticks)) >= 39
    assert ticks == sorted(ticks)


@pytest.mark.parametrize("count", range(12))
def test_the_wire_is_never_asked_for_more_than_a_segment_holds(build, make_room, people, count):
    out = run(build(), make_room(fps=20), 5, scene(people, count))
    assert all(len(message.poses) == min(count, MAX_SUBJECTS) for message in out)
    if count > 4:
        assert all(message.t_ms % (2 * GRID_MS) == 0 for message in out)
    windows = {}
    for message in out:
        windows.setdefault(message.t_ms // SEGMENT_MS, []).append(len(message.poses))
    assert all(sum(poses) <= MAX_POSES_PER_SEGMENT for poses in windows.values())
    assert len(out) >= 5 * (2 if count > 6 else 4 if count > 4 else 9)


def test_poses_keep_the_occlusion_order_and_the_near_and_certain_ones_stay(
    build, make_room, people
):
    message = run(build(), make_room(), 1, scene(people, 11))[0]
    assert [pose.subject for pose in message.poses] == list(range(4, 12))


def test_a_lost_person_fades_at_once_and_is_gone_after_three_frames(build, make_room, people):
    room, confidence = make_room(fps=10), []
    desensitizer = build()
    for lost in range(6):
        person = people.person(5, 100, 40, 40, 100, lost_frames=lost)
        frame = room.frame()
        seen = Perception((person,), people.masked(100, 40, 40, 100).mask)
        (message,) = desensitizer.desensitize(frame, seen)
        poses = [codec.unpack_pose(record) for record in message.poses]
        confidence.append(float(poses[0].keypoints[:, 2].max()) if poses else 0.0)
    assert confidence[0] == 1.0
    assert all(0.0 < value < 1.0 for value in confidence[1:4])
    assert confidence[4:] == [0.0, 0.0]


def test_plates_are_small_rare_and_come_before_what_refers_to_them(build, make_room, people):
    room, desensitizer = make_room(fps=2), build()
    sent, digest = [], b""
    for second in range(240):
        light = 0.5 if 80 <= second < 160 else 1.0
        for frame in room.play(1, light=light):
            out = desensitizer.desensitize(frame, people.nobody_seen())
            for message in out:
                if isinstance(message, Plate):
                    sent.append(frame.t_ms)
                    digest = plate_digest(message.image)
                    assert len(message.image) <= MAX_PLATE_BYTES
                    assert 0 <= message.known_percent <= 100
                else:
                    assert message.plate == digest
            assert [type(m) for m in out] in (
                [],
                [Representation],
                [Plate, Representation],
            )
    assert len(sent) >= 2, "the light changed: that is news"
    assert np.diff(sent).min() >= PLATE_PERIOD_S * 1000


def test_a_quiet_room_is_sent_once(build, make_room, people):
    out = run(build(), make_room(fps=2), 160, people.nobody_seen())
    assert sum(isinstance(message, Plate) for message in out) == 1


@pytest.mark.parametrize("shape", [(1, 1), (7, 2000), (1080, 1920), (480, 640)])
def test_any_picture_size_is_survived(build, shape):
    pixels = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    mask = np.zeros(((shape[0] + 1) // 2, (shape[1] + 1) // 2), np.bool_)
    mask[:1] = True
    desensitizer = build()
    for k in range(3):
        frame = Frame(k, 10**12 + 100 * k, 0, pixels)
        (message,) = desensitizer.desensitize(frame, Perception((), mask))
        assert message.poses == ()


# --- taint --------------------------------------------------------------------------------


def taint(messages, pattern):
    """Largest |correlation| of any outgoing plate with the pattern, tile by tile of 32 pixels,
    and of the rest of the bytes with the pattern's own bytes."""
    worst = 0.0
    grey = cv2.cvtColor(pattern.astype(np.uint8), cv2.COLOR_RGB2GRAY).astype(np.float32)
    for message in messages:
        if not isinstance(message, Plate):
            continue
        plate = cv2.imdecode(np.frombuffer(message.image, np.uint8), cv2.IMREAD_COLOR)
        picture = cv2.cvtColor(plate, cv2.COLOR_BGR2GRAY).astype(np.float32)
        height, width = picture.shape
        for y in range(0, height - 31, 8):
            for x in range(0, width - 31, 8):
                a, b = picture[y : y + 32, x : x + 32], grey[y : y + 32, x : x + 32]
                if a.std() > 1.0:
                    worst = max(worst, abs(float(np.corrcoef(a.ravel(), b.ravel())[0, 1])))
    return worst


BOX = (120, 64, 64, 96)


def tainted_stay(desensitizer, room, people, blind, painter, seconds=150):
    """Somebody patterned comes, stays on the spot for a minute and a half, and leaves; at
    frames for which ``blind`` says so the detector sees nothing."""
    out, box = [], BOX
    person = people.person(9, *box)
    for frame_number in range(seconds * room.fps):
        inside = 20 <= room.seconds < 110
        painted = (painter,) if inside else ()
        frame = room.frame(*painted)
        seen = people.nobody_seen()
        if inside and not blind(frame_number):
            seen = Perception((person,), people.masked(*box).mask)
        out += desensitizer.desensitize(frame, seen)
    return out


@pytest.mark.parametrize("blindness", [0.0, 0.5, 1.0])
def test_no_pattern_painted_on_a_person_gets_out(make_room, people, blindness):
    rng = np.random.default_rng(11)
    room = make_room(seed=6, fps=3)
    desensitizer = build_desensitizer(
        MEMBERS["proxy, default"], rng=np.random.default_rng(4), clock=lambda: 0
    )
    out = tainted_stay(
        desensitizer, room, people, lambda _: rng.random() < blindness, people.sleeping(*BOX, 0.6)
    )
    assert any(isinstance(message, Plate) for message in out)
    control = taint(
        out, np.random.default_rng(77).permutation(room.pattern.ravel()).reshape(room.pattern.shape)
    )
    assert taint(out, room.pattern) < max(0.4, 1.5 * control)


def test_the_taint_test_sees_a_plate_that_commits_too_early(make_room, people, monkeypatch):
    monkeypatch.setattr(PlateModel, "_guarded", lambda self, _: np.zeros_like(self._known))
    monkeypatch.setattr(
        "mizaru.edge.darkroom.desensitize.stillness.Stillness._around_breathing",
        lambda self: np.zeros_like(self.moving),
    )
    monkeypatch.setattr("mizaru.edge.darkroom.desensitize.stillness._NEAR_TILES", 0)
    camera = CameraSettings(id="cam", source="x", plate=PlateSettings(commit_s=1.0, absorb_s=2.0))
    room = make_room(seed=6, fps=3)
    desensitizer = build_desensitizer(camera, rng=np.random.default_rng(4), clock=lambda: 0)
    out = tainted_stay(desensitizer, room, people, lambda _: True, people.standing(*BOX))
    assert taint(out, room.pattern) > 0.6
