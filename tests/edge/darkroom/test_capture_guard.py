"""When to try again and when to give up."""

from __future__ import annotations

import pytest

from mizaru.edge.darkroom.capture.guard import BACKOFF_S, CRASHES, Retries
from mizaru.edge.darkroom.capture.source import Fault

PERMANENT = [f for f in Fault if not f.is_temporary and f is not Fault.ENDED]
TEMPORARY = [f for f in Fault if f.is_temporary]
NEVER_HEALS = {Fault.UNAUTHORIZED, Fault.NO_SANDBOX, Fault.NO_AV}


@pytest.mark.parametrize("fault", PERMANENT)
@pytest.mark.parametrize("is_file", [True, False])
def test_what_is_wrong_at_the_start_is_final(fault: Fault, is_file: bool) -> None:
    retries = Retries(is_file=is_file, seen=False)
    assert retries.after(fault, delivered=False, position_ms=-1)[0] is fault


@pytest.mark.parametrize("fault", PERMANENT)
def test_a_camera_that_once_delivered_is_waited_for(fault: Fault) -> None:
    retries = Retries(is_file=False, seen=True)
    reported, wait_s = retries.after(fault, delivered=False, position_ms=-1)
    assert reported is (fault if fault in NEVER_HEALS else Fault.LOST)
    assert (wait_s > 0) or fault in NEVER_HEALS


@pytest.mark.parametrize("fault", TEMPORARY)
def test_a_camera_is_called_again_for_ever_and_soon(fault: Fault) -> None:
    retries = Retries(is_file=False, seen=False)
    waits = [retries.after(fault, delivered=False, position_ms=-1) for _ in range(100)]
    assert {reported for reported, _ in waits} == {fault}
    assert [wait for _, wait in waits][:3] == list(BACKOFF_S[1:4])
    assert max(wait for _, wait in waits) <= 2.0  # streaming again ≤ 10 s after it returns


def test_a_frame_resets_the_pause() -> None:
    retries = Retries(is_file=False, seen=False)
    for _ in range(5):
        retries.after(Fault.UNREACHABLE, delivered=False, position_ms=-1)
    assert retries.after(Fault.LOST, delivered=True, position_ms=-1)[1] == BACKOFF_S[0]


def test_the_end_of_a_camera_is_a_loss() -> None:
    retries = Retries(is_file=False, seen=False)
    assert retries.after(Fault.ENDED, delivered=True, position_ms=-1)[0] is Fault.LOST


def test_the_end_of_a_file_is_the_end() -> None:
    retries = Retries(is_file=True, seen=False)
    assert retries.after(Fault.ENDED, delivered=True, position_ms=900) == (Fault.ENDED, 0.0)


@pytest.mark.parametrize("fault", [Fault.CRASHED, Fault.HUNG])
def test_a_file_that_kills_its_decoder_at_one_place_is_given_up(fault: Fault) -> None:
    retries = Retries(is_file=True, seen=False)
    reports = [retries.after(fault, delivered=True, position_ms=800)[0] for _ in range(CRASHES)]
    assert reports == [fault] * (CRASHES - 1) + [Fault.KEEPS_CRASHING]


def test_crashes_at_different_places_of_a_file_are_survived() -> None:
    retries = Retries(is_file=True, seen=False)
    for position_ms in range(0, 5000, 100):
        fault, _ = retries.after(Fault.CRASHED, delivered=True, position_ms=position_ms)
        assert fault is Fault.CRASHED
