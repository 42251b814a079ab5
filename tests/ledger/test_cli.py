"""`mizaru ledger`: what is printed and drawn is what the bounds say."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mizaru.cli import app
from mizaru.errors import DataError, MizaruError, SettingsError, StorageFullError
from mizaru.ledger import bounds, draw
from mizaru.ledger.account import Channel, Reading, embedding_bits, figures

EMPTY = {"clip": 1.0, "calibration_set": "none", "tiers": {}}


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["ledger", *arguments], env={"COLUMNS": "140"})
    if isinstance(result.exception, MizaruError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def empty(tmp_path: Path) -> str:
    """A card that calibrates nothing, so that tests do not hang on the shipped one."""
    return str(card(tmp_path / "empty.json", EMPTY))


def card(file: Path, content: Any) -> Path:
    file.write_text(json.dumps(content))
    return file


def test_the_tables_hold_every_line_and_where_z_stops(empty: str) -> None:
    said = run("--card", empty, "-s", "0.2")
    for line in ("capacity", "calibrated", "zCDP", "ε", "GDP", "TAR", "p_max, N = 40", "N = 1,000"):
        assert line in said
    for figure in ("5.67", "z stops", "nothing: see mizaru audit", "neither replaces"):
        assert figure in said


def test_the_document_says_what_the_bounds_say(empty: str) -> None:
    options = ("-d", "16", "-c", "2", "-s", "3", "--sticky", "0.25", "-t", "7", "-n", "12")
    document = json.loads(run("--card", empty, *options, "--visits", "3", "--json"))
    channel = Channel(16, 2.0, 3.0, 0.25)
    for line, reading in zip(document["lines"], Reading, strict=True):
        expected = figures(channel, reading, 7, visits=3, among=(12,))
        assert line["reading"] == reading.value
        for name in ("nats", "rho", "epsilon", "m", "tar"):
            assert line[name] == getattr(expected, name)
        assert line["top_1"] == [list(pair) for pair in expected.top_1]
    stops = document["stops_after_frames"]
    assert channel.nats(stops) <= document["budget_nats"] < channel.nats(stops + 1)
    assert max(row["frames"] for row in document["over_time"]) == stops
    assert document["wire"][0]["bits_each"] == embedding_bits(channel)


def test_a_card_calibrates_by_the_loudest_tier_rank_by_rank(tmp_path: Path) -> None:
    tiers = {
        "small": {"eigenvalues": {"2": [0.5, 0.1]}, "ms": 1.0},
        "base": {"eigenvalues": {"2": [0.3, 0.2]}},
    }
    content = {"clip": 2.0, "calibration_set": "played rooms", "tiers": tiers, "seed": 1}
    file = str(card(tmp_path / "encoder.json", content))
    document = json.loads(run("--card", file, "-d", "2", "--json"))
    assert document["channel"]["clip"] == 2.0
    assert document["calibration_set"] == "played rooms"
    assert document["lines"][0]["calibrated"] == bounds.calibrated([0.5, 0.2], 0.35)
    assert "played rooms" in run("--card", file, "-d", "2")
    # Measured under another clip or for another width, it says nothing.
    for other in (("-d", "2", "-c", "1"), ("-d", "3")):
        document = json.loads(run("--card", file, *other, "--json"))
        assert document["lines"][0]["calibrated"] is None


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"clip": 1.0},
        {**EMPTY, "tiers": {"small": {"eigenvalues": {"8": [1.0]}}}},
        {**EMPTY, "tiers": {"small": {"eigenvalues": {"8": [-1.0] * 8}}}},
    ],
)
def test_a_wrong_card_is_refused_by_name(tmp_path: Path, content: Any) -> None:
    file = card(tmp_path / "wrong.json", content)
    with pytest.raises(DataError, match=r"wrong\.json"):
        run("--card", str(file))
    with pytest.raises(DataError, match="cannot be read"):
        run("--card", str(tmp_path / "absent.json"))


@pytest.mark.parametrize(
    "options",
    [
        ("-s", "0"), ("-s", "nan"), ("-c", "-1"), ("-d", "33"), ("--sticky", "1"), ("-t", "0"),
        ("--budget", "0"), ("--budget", "inf"), ("--visits", "0"), ("-n", "1"),
        ("--plot", "ledger.png"),
    ],
)  # fmt: skip
def test_bad_options_end_in_one_line(empty: str, options: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError):
        run("--card", empty, *options)


def test_a_drawing_that_cannot_be_written_is_said(empty: str, tmp_path: Path) -> None:
    with pytest.raises(StorageFullError, match="cannot be written"):
        run("--card", empty, "--plot", str(tmp_path / "no" / "ledger.svg"))


def test_the_drawing_is_one_file_that_asks_for_nothing(empty: str, tmp_path: Path) -> None:
    for name in ("ledger.svg", "ledger.html"):
        run("--card", empty, "--plot", str(tmp_path / name))
        text = (tmp_path / name).read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "z stops: 67.4 s" in text
        for outside in ("http", "<script", "url(", "@import"):
            assert outside not in text


def heights(svg: str, css: str) -> list[tuple[float, float]]:
    """Points of the first curve of a class."""
    names = {"svg": "http://www.w3.org/2000/svg"}
    for line in ET.fromstring(svg).iterfind("svg:polyline", names):
        if line.get("class") == css:
            pairs = (point.split(",") for point in (line.get("points") or "").split())
            return [(float(x), float(y)) for x, y in pairs]
    raise AssertionError(f"no curve {css}")


def test_curves_rise_until_z_stops_and_are_flat_after() -> None:
    channel, frames = Channel(), 40
    svg = draw.curves(channel, channel.nats(frames) + 0.1, 100, eigenvalues=[0.1] * 8)
    (stop, _), _ = heights(svg, "stop")
    for css in ("any", "static", "any thin", "static thin"):
        points = heights(svg, css)
        before = [y for x, y in points if x <= stop + 0.1]
        after = [y for x, y in points if x >= stop - 0.1]
        assert before == sorted(before, reverse=True)  # y grows downwards
        assert before[0] > before[-1]
        assert set(after) == {before[-1]}
        assert len(after) > 3


@pytest.mark.parametrize("budget", [0.01, 3.0, 1e7])
@pytest.mark.parametrize("frames", [1, 1000])
def test_any_budget_can_be_drawn(budget: float, frames: int) -> None:
    assert "z stops" in draw.curves(Channel(), budget, frames, visits=2)
