"""One frame after another, with a finder that follows a script."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from tests.edge.darkroom.perceive.conftest import ScriptedFinder, candidate, frame

from mizaru.edge.darkroom.perceive.candidate import Candidate
from mizaru.edge.darkroom.perceive.perceiver import COAST_FRAMES, StreamPerceiver
from mizaru.edge.darkroom.perceive.tracker import CONFIRM_FRAMES, KEEP_LOST_FRAMES, Tracker
from mizaru.errors import PerceptionTimeoutError


def perceiver(script: list[list[Candidate]], seed: int = 0, **more) -> StreamPerceiver:
    tracker = Tracker(np.random.default_rng(seed), max_people=8)
    return StreamPerceiver(
        ScriptedFinder(script), tracker, **{"timeout_s": 1.0, "clock": lambda: 0.0, **more}
    )


def test_a_candidate_guards_the_plate_before_it_is_somebody() -> None:
    eyes = perceiver([[candidate(100, 90)]] * CONFIRM_FRAMES)
    for n in range(CONFIRM_FRAMES):
        seen = eyes.perceive(frame(n))
        assert seen.mask[45, 50]
        assert not seen.mask[45, 150]
        assert len(seen.persons) == (n == CONFIRM_FRAMES - 1)


def test_who_is_lost_coasts_then_is_remembered_then_forgotten() -> None:
    eyes = perceiver([[candidate(100, 90)]] * 5)
    for n in range(5):
        eyes.perceive(frame(n))
    for lost in range(1, KEEP_LOST_FRAMES + 5):
        seen = eyes.perceive(frame(4 + lost))
        assert [p.lost_frames for p in seen.persons] == ([lost] if lost <= COAST_FRAMES else [])
        assert bool(seen.mask[45, 50]) is (lost <= KEEP_LOST_FRAMES)


def test_the_mask_of_somebody_lost_grows_for_he_may_move() -> None:
    eyes = perceiver([[candidate(160, 90)]] * 5)
    areas = [int(eyes.perceive(frame(n)).mask.sum()) for n in range(25)]
    assert areas[4] < areas[6] < areas[14] < areas[24]


def test_confidence_falls_while_somebody_is_lost() -> None:
    eyes = perceiver([[candidate(100, 90)]] * 5)
    shown = [eyes.perceive(frame(n)).persons for n in range(5 + COAST_FRAMES)]
    rho = [float(persons[0].keypoints[:, 2].mean()) for persons in shown[4:]]
    assert all(b < a for a, b in pairwise(rho))


def test_who_walked_out_is_not_kept_in_the_room() -> None:
    walk = [[candidate(100 + 12 * n, 90)] for n in range(19)]  # the last at 316 of 320
    stand = [[candidate(100, 90)]] * 19

    def shown_after(script: list[list[Candidate]]) -> int:
        eyes = perceiver(script)
        seen = [bool(eyes.perceive(frame(n)).persons) for n in range(19 + COAST_FRAMES)]
        assert seen[18]
        return sum(seen[19:])

    assert shown_after(walk) <= 1
    assert shown_after(stand) == COAST_FRAMES


def test_the_mask_has_half_the_resolution_rounded_up() -> None:
    pixels = np.zeros((181, 323, 3), np.uint8)
    assert perceiver([]).perceive(frame(0, pixels)).mask.shape == (91, 162)


def test_a_frame_that_takes_too_long_is_dropped_and_the_next_one_is_not() -> None:
    now = [0.0]
    delays = iter([0.0, 0.2, 0.0])

    def work() -> None:
        now[0] += next(delays)

    tracker = Tracker(np.random.default_rng(0), max_people=8)
    finder = ScriptedFinder([[]] * 3, work=work)
    eyes = StreamPerceiver(finder, tracker, timeout_s=0.1, clock=lambda: now[0])
    eyes.perceive(frame(0))
    with pytest.raises(PerceptionTimeoutError, match=r"frame 1: .* longer than 100 ms"):
        eyes.perceive(frame(1))
    assert eyes.perceive(frame(2)).persons == ()


def test_the_same_seed_and_frames_give_the_same_perception() -> None:
    rng = np.random.default_rng(4)
    script = [
        [candidate(60 + 3 * n + rng.normal(), 90), candidate(250 - 3 * n, 95, colour=3)]
        for n in range(25)
    ]

    def run(seed: int) -> list[tuple[int, bytes]]:
        eyes = perceiver(script, seed)
        return [
            (p.subject_id, p.keypoints.tobytes())
            for n in range(25)
            for p in eyes.perceive(frame(n)).persons
        ]

    assert run(1) == run(1)
    assert {i for i, _ in run(1)}.isdisjoint({i for i, _ in run(2)})


def test_people_come_farthest_first() -> None:
    eyes = perceiver([[candidate(100, 110, size=120), candidate(130, 80, colour=4)]] * 5)
    for n in range(5):
        seen = eyes.perceive(frame(n))
    far, near = seen.persons
    assert far.box_xyxy[3] < near.box_xyxy[3]


def test_who_was_hidden_stays_behind_though_his_feet_are_lower() -> None:
    front, back = candidate(100, 80, colour=1), candidate(126, 92, colour=5)
    approach = [[front, candidate(200 - 6 * n, 92, colour=5)] for n in range(12)]

    def last(script: list[list[Candidate]]) -> list[int]:
        eyes = perceiver(script)
        for n in range(len(script)):
            seen = eyes.perceive(frame(n))
        return [round(p.box_xyxy[0]) for p in seen.persons]

    assert last([*approach, [front, back]]) == [80, 106]  # by ground contact
    assert last([*approach, *[[front]] * 3, [front, back]]) == [106, 80]  # he was hidden


def test_jumping_clocks_do_not_break_the_tracks() -> None:
    eyes = perceiver([[candidate(100, 90)]] * 6)
    for n, t_ms in enumerate([0, 40, 40, 20, 10_000_000, 10_000_040]):
        seen = eyes.perceive(frame(n, step_ms=0) if not t_ms else _at(n, t_ms))
    assert len(seen.persons) == 1


def _at(number: int, t_ms: int):
    return type(frame(0))(number, t_ms, 0, np.zeros((180, 320, 3), np.uint8))
