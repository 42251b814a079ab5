"""The side channel: beats, errors before the first frame, and no words after it."""

from __future__ import annotations

import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizaru import errors
from mizaru.edge.darkroom.developer import whereabouts
from mizaru.edge.darkroom.side import Report, SideReader, SideWriter, report_of
from mizaru.errors import MizaruError, ModelError, PermanentError, TemporaryError

KINDS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)
]


def sent(*reports: Report, beats: int = 0) -> bytes:
    r, w = os.pipe()
    writer = SideWriter(w)
    for report in reports:
        writer.report(report)
    for _ in range(beats):
        writer.beat()
    os.close(w)
    with os.fdopen(r, "rb") as pipe:
        return pipe.read()


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_arrives_as_itself(kind: type[MizaruError]) -> None:
    error = kind("a.tflite: wrong checksum; run mizaru models pull")
    data = sent(report_of(error, place="x"), beats=3)
    (report,) = SideReader().feed(data, ready=False)
    assert type(report.as_error()) is kind
    assert str(report.as_error()) == str(error)


def test_a_missing_library_is_permanent_and_other_bugs_are_not() -> None:
    missing = report_of(ImportError("No module named 'av'"), place="x").as_error()
    assert isinstance(missing, PermanentError)
    assert "install mizaru[edge]" in str(missing)
    bug = report_of(RuntimeError("two\nlines"), place="RuntimeError in mizaru.x:3").as_error()
    assert isinstance(bug, TemporaryError)
    assert str(bug) == "darkroom: RuntimeError in mizaru.x:3: two lines"


@pytest.mark.parametrize(
    "text",
    [
        "a face at 3,4",
        "KeyError in mizaru.edge:12 and more",
        "KeyError in mizaru.edge:123456",
        "KeyError in " + "a" * 81 + ":1",
        "",
    ],
)
def test_no_words_once_frames_were_seen(text: str) -> None:
    data = sent(Report("TemporaryError", text))
    assert SideReader().feed(data, ready=True) == []
    assert len(SideReader().feed(data, ready=False)) == 1


def test_the_place_of_a_bug_may_be_said_at_any_time() -> None:
    try:
        msgspec.json.decode(b"{")
        pytest.fail("it must raise")
    except msgspec.DecodeError as error:
        text = whereabouts(error)
    data = sent(Report("TemporaryError", text), Report("X", "KeyError in mizaru.edge.x:31"))
    assert len(SideReader().feed(data, ready=True)) == 2


@given(st.lists(st.integers(0, 2)), st.integers(1, 50))
def test_pieces_make_the_same_whole(kinds: list[int], size: int) -> None:
    reports = [Report("ModelError", f"number {kind}") for kind in kinds if kind]
    data = sent(*reports, beats=kinds.count(0))
    reader, found = SideReader(), []
    for start in range(0, len(data), size):
        found += reader.feed(data[start : start + size], ready=False)
    assert found == reports


@given(st.binary(max_size=4000))
def test_rubbish_is_survived_and_bounded(data: bytes) -> None:
    for report in SideReader().feed(data, ready=False):
        assert len(report.text) <= 600
        assert isinstance(report.as_error(), MizaruError)


def test_an_error_that_is_none_of_ours_stays_harmless() -> None:
    for kind in ("Path", "annotations", "SystemExit", "MizaruErro"):
        assert type(Report(kind, "x").as_error()) is TemporaryError
    assert type(Report("ModelError", "x").as_error()) is ModelError
