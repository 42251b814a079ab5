"""What a source means, what is wrong with it, and what may be shown of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizaru.edge.darkroom import probe
from mizaru.edge.darkroom.capture.source import (
    Fault,
    FileSource,
    RtspSource,
    UsbSource,
    error_of,
    parse_source,
    redact,
)
from mizaru.errors import SourceError, SourceLostError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", UsbSource(0)),
        ("12", UsbSource(12)),
        ("clip.mp4", FileSource("clip.mp4")),
        ("/a b/0.mp4", FileSource("/a b/0.mp4")),
        ("1234", FileSource("1234")),
        ("rtsp://camera/1", RtspSource("rtsp://camera/1")),
        ("RTSP://camera", RtspSource("RTSP://camera")),
    ],
)
def test_a_source_is_a_number_a_url_or_a_file(text: str, expected: object) -> None:
    assert parse_source(text) == expected


@pytest.mark.parametrize(
    "text", ["http://u:secret@h/x", "rtsp://", "rtsp:///x", "rtsp://h:99999/x", "rtsps://h/"]
)
def test_other_urls_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_source(text)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_address_replaces_the_host_and_nothing_else() -> None:
    source = RtspSource("rtsp://u:p%40@cam.local/live?x=1")
    assert source.at("10.0.0.9") == "rtsp://u:p%40@10.0.0.9:554/live?x=1"
    assert source.at("::1") == "rtsp://u:p%40@[::1]:554/live?x=1"
    assert (source.host, source.port) == ("cam.local", 554)


secrets = st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=1)


@given(user=secrets, password=secrets, encoded=st.booleans())
def test_no_credential_of_a_url_is_ever_shown(user: str, password: str, encoded: bool) -> None:
    if encoded:
        user, password = quote(user, safe=""), quote(password, safe="")
    token = quote(password, safe="")
    shown = redact(f"rtsp://{user}:{password}@\N{BALLOT BOX}/stream?token={token}")
    assert shown == "rtsp://***@\N{BALLOT BOX}/stream?***"


def test_what_holds_no_secret_is_shown_as_it_is() -> None:
    for text in ("rtsp://10.0.0.1:8554/live", "/media/x@y.mp4", "0"):
        assert redact(text) == text


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_is_one_line_with_a_remedy_and_without_a_secret(fault: Fault) -> None:
    error = error_of(fault, "rtsp://admin:hunter2@10.0.0.1/live")
    assert isinstance(error, SourceLostError if fault.is_temporary else SourceError)
    assert "hunter2" not in str(error)
    assert "admin" not in str(error)
    assert str(error).startswith("rtsp://***@10.0.0.1/live: ")
    assert "\n" not in str(error)


def test_every_fault_survives_an_exit_status() -> None:
    assert all(0 <= fault < 128 for fault in Fault)
    assert not any(fault in (1, 2, 75) for fault in Fault)  # Python's own, and "again"


def test_probe_says_what_a_file_is(video: Path) -> None:
    info = probe(str(video))
    assert (info.width, info.height) == (320, 180)
    assert info.fps == pytest.approx(25, abs=0.5)
    assert info.duration_s == pytest.approx(2, abs=0.1)


def bad_inputs(tmp_path: Path, video: Path, sound: Path) -> dict[str, tuple[str, str]]:
    text = tmp_path / "text.mp4"
    text.write_text("this is not a video\n" * 50)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    playlist = tmp_path / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXTINF:10,\n/etc/passwd\n#EXT-X-ENDLIST\n")
    return {
        "missing": (str(tmp_path / "missing.mp4"), "no such file"),
        "text": (str(text), "not a video"),
        "empty": (str(empty), "empty"),
        "sound only": (str(sound), "no picture"),
        "truncated": (str(cut), "cut off"),
        "folder": (str(tmp_path), "cannot be read"),
        "playlist": (str(playlist), ""),
        "absent USB": ("77", "no such camera"),
    }


@pytest.mark.parametrize(
    "case",
    ["missing", "text", "empty", "sound only", "truncated", "folder", "playlist", "absent USB"],
)
def test_bad_input_gets_one_clear_line(case: str, tmp_path: Path, video: Path, sound: Path) -> None:
    source, words = bad_inputs(tmp_path, video, sound)[case]
    with pytest.raises(SourceError) as caught:
        probe(source)
    assert words in str(caught.value)
    assert str(caught.value).startswith(source)
    assert "\n" not in str(caught.value)


def test_an_address_where_nobody_listens_is_lost_not_wrong() -> None:
    with pytest.raises(SourceLostError, match="cannot be reached"):
        probe("rtsp://u:hunter2@127.0.0.1:1/x")


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_credentials(auth: str, rtsp_server: Callable[..., Any]) -> None:
    url = rtsp_server(auth=auth).url
    right = quote("s3cret/#?@", safe="")
    assert probe(url.replace("//", f"//admin:{right}@")).width == 320
    with pytest.raises(SourceError, match="refused user or password") as caught:
        probe(url.replace("//", "//admin:wr0ng@"))
    assert "wr0ng" not in str(caught.value)


def test_a_wrong_path_is_said(rtsp_server: Callable[..., Any]) -> None:
    with pytest.raises(SourceError, match="no such stream"):
        probe(rtsp_server().url.replace("stream", "nope"))
