"""Log lines: for machines unless on a terminal, and never a password."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from mizaru.errors import SettingsError
from mizaru.log import LEVELS, blot, configure_log


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "blotted"),
    [
        ("rtsp://watcher:secret@192.0.2.1/s", "rtsp://***@192.0.2.1/s"),
        ("open rtsp://watcher:sec@ret@h/s failed", "open rtsp://***@h/s failed"),
        ("rtsp://watcher@h/s and http://a:b@c", "rtsp://***@h/s and http://***@c"),
        ("rtsp://h/a@b", "rtsp://h/a@b"),
        ("mail@example", "mail@example"),
    ],
)
def test_credentials_are_blotted_out(text: str, blotted: str) -> None:
    assert blot(text) == blotted


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_no_password_reaches_a_log(stream: type[io.StringIO]) -> None:
    out = stream()
    configure_log("info", out)
    structlog.get_logger().warning("rtsp://u:secret@h gone", url="rtsp://u:secret@h", n=1)
    assert "secret" not in out.getvalue()
    assert "***@h" in out.getvalue()


def test_a_line_is_json_for_machines_and_words_for_people() -> None:
    out, terminal = io.StringIO(), Terminal()
    configure_log("info", out)
    structlog.get_logger().info("hello", camera="a")
    line = json.loads(out.getvalue())
    assert (line["event"], line["camera"], line["level"]) == ("hello", "a", "info")
    configure_log("info", terminal)
    structlog.get_logger().info("hello", camera="a")
    assert not terminal.getvalue().startswith("{")


@pytest.mark.parametrize("level", LEVELS)
def test_levels_are_obeyed(level: str) -> None:
    out = io.StringIO()
    configure_log(level.upper(), out)
    for name in LEVELS:
        getattr(structlog.get_logger(), name)("said")
    assert len(out.getvalue().splitlines()) == len(LEVELS) - LEVELS.index(level)


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(SettingsError, match="MIZARU_LOG"):
        configure_log("loud", io.StringIO())
