"""`mizaru wire`: the budget in words and numbers, the schema, and the tap on a socket."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from mizaru.cli.wire import RATE_WINDOW_S, Rate, app, describe
from mizaru.edge.tap import TapServer, tap_path
from mizaru.errors import SettingsError, WireError
from mizaru.vocabulary import CameraState
from mizaru.wire import budget
from mizaru.wire import messages as m
from mizaru.wire.codec import encode
from mizaru.wire.schema import wire_schema_text

POSE = m.PoseRecord(0xABC, bytes([1, 255, 0]), b"\xff" * 46 + b"\xfc")
SEGMENT = m.Segment(
    "ward-3", bytes(8), 12, m.GENESIS, 640, 360, 0,
    (m.Representation(7, 100, b"12345678", (POSE,)), m.Representation(8, 200, b"", ())),
    m.Plate(b"RIFF\0\0\0\0WEBPVP8L", 40),
)  # fmt: skip
HELLO = m.Hello(2, bytes(16), (m.Offer("ward-3", bytes(8), 3, 9), m.Offer("b", bytes(8), 1, 0)))
STATUS = m.Status("ward-3", CameraState.BLIND, 0, 10, 2, 255)


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


def test_the_budget_is_a_table_with_sum_and_limit(runner: CliRunner) -> None:
    result = runner.invoke(app, ["budget"], env={"COLUMNS": "120"})
    assert result.exit_code == 0
    assert "31.92" in result.output
    assert "32.00" in result.output
    for row in budget.rows():
        assert row.what in result.output


def test_the_budget_in_json_adds_up(runner: CliRunner) -> None:
    document = json.loads(runner.invoke(app, ["budget", "--json"]).output)
    total = sum(part["bytes_each"] * part["per_second"] for part in document["parts"])
    assert total == pytest.approx(document["bytes_per_s"])
    assert document["bytes_per_s"] <= document["limit_bytes_per_s"] == 4000
    assert document["largest_bytes"]["Segment"] == budget.MAX_FROM_EDGE_BYTES


@pytest.mark.parametrize("arguments", [["budget"], ["budget", "--json"]])
def test_a_worst_case_over_the_limit_is_an_error(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr(budget, "LIMIT_BYTES_PER_S", 3000)
    result = runner.invoke(app, arguments)
    assert isinstance(result.exception, WireError)
    assert "over the limit" in str(result.exception)


def test_the_schema_is_printed_as_it_is_committed(runner: CliRunner) -> None:
    assert runner.invoke(app, ["schema"]).output == wire_schema_text()


def test_a_segment_is_described_without_leaving_anything_out() -> None:
    lines = "\n".join(describe(SEGMENT))
    assert "frame 7, plate 3132333435363738" in lines
    assert "frame 8, plate none yet" in lines
    assert "subject 00000abc: 17/17 keypoints" in lines
    assert "head +15° -15° +0°" in lines
    assert f"plate {m.plate_digest(SEGMENT.plate.image).hex()}: 16 B of WebP" in lines  # type: ignore[union-attr]
    assert "40 % of the room known" in lines


def test_z_is_described_with_its_channel_or_why_there_is_none() -> None:
    z = m.Embedding(256, bytes([4, 0xFC]))
    segment = replace(
        SEGMENT,
        channel=m.ChannelRecord(2, 1000, 350, 50, 3000, b"abcd"),
        representations=(
            m.Representation(1, 100, b"", (), z, spent_percent=7),
            m.Representation(2, 200, b"", (), withheld=m.Withheld.SPENT, spent_percent=100),
            m.Representation(3, 300, b"", (), withheld=m.Withheld.FAILED),
        ),
    )
    lines = "\n".join(describe(segment))
    assert "z: 2 entries, clipped to 1, noise 0.35 (50 % of it kept for a whole track)" in lines
    assert "3,000 nats a track, weights 61626364" in lines
    assert "z (+1.00 -1.00), 7 % of a budget spent" in lines
    assert "no z: somebody's budget is spent" in lines
    assert "no z: the encoder failed" in lines


def test_the_other_messages_are_described() -> None:
    hello = list(describe(HELLO))
    assert hello[1].endswith("holds 3 … 9")
    assert hello[2].endswith("holds nothing")
    (status,) = describe(STATUS)
    assert "10 frames in, 2 dropped, 25.5 fps" in status
    assert "NOT LOCKED IN" in status
    assert list(describe(m.Bye()))


def test_the_rate_is_per_camera_over_a_window() -> None:
    rate = Rate()
    rate.see("a")
    assert rate.add(100.0, 92) == 98
    assert rate.add(100.5, 92) == 196
    assert rate.add(102.0, 92) == pytest.approx(147)
    assert rate.add(102.0 + RATE_WINDOW_S, 92) == pytest.approx(2 * 98 / RATE_WINDOW_S)
    rate.see("b")
    assert rate.add(102.0 + RATE_WINDOW_S, 92) == pytest.approx(3 * 98 / RATE_WINDOW_S / 2)


@pytest.mark.parametrize("raw", [False, True])
def test_the_tap_prints_what_left_until_the_edge_ends(
    runner: CliRunner, tmp_path: Path, raw: bool
) -> None:
    spool = tmp_path / "s.sqlite"
    server = TapServer(tap_path(spool), lambda: 1_700_000_000_000)

    def edge() -> None:
        while not server._readers:
            threading.Event().wait(0.002)
        for message in (HELLO, SEGMENT, STATUS, m.Bye()):
            server(encode(message))
        server.close()

    thread = threading.Thread(target=edge)
    thread.start()
    arguments = ["tap", "--spool", str(spool), *(["--hex"] if raw else [])]
    result = runner.invoke(app, arguments, env={"COLUMNS": "160"})
    thread.join(10)
    assert result.exit_code == 0, result.exception
    lines = result.output.splitlines()
    heads = [line for line in lines if "of the budget)" in line]
    assert [line.split()[1] for line in heads] == ["hello", "segment", "status", "bye"]
    assert f" {len(encode(SEGMENT))} B " in heads[1]
    assert "ward-3 #12" in heads[1]
    assert (encode(m.Bye()).hex(" ", 4) in result.output) is raw


@pytest.mark.parametrize("arguments", [[], ["edge.toml", "--spool", "s.sqlite"]])
def test_the_tap_wants_one_of_config_and_spool(runner: CliRunner, arguments: list[str]) -> None:
    assert isinstance(runner.invoke(app, ["tap", *arguments]).exception, SettingsError)
