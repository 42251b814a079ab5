"""What an edge's configuration may say, and what happens to paths and passwords in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mizaru.edge.settings import (
    EdgeSettings,
    Pace,
    absent_files,
    complaints,
    is_file,
    is_loopback,
    load_edge_settings,
    resolve_source,
    warnings,
)
from mizaru.errors import SettingsError

EXAMPLE = Path(__file__).parents[2] / "examples" / "edge.toml"

GOOD = """\
[edge.link]
url = "ws://127.0.0.1:7443/edge"

[[edge.camera]]
id = "a"
source = "clip.mp4"

[[edge.camera]]
id = "b"
source = "rtsp://watcher:${CAMERA_PASSWORD}@192.0.2.10/stream"
"""


def load(tmp_path: Path, text: str = GOOD) -> EdgeSettings:
    file = tmp_path / "site.toml"
    file.write_text(text)
    return load_edge_settings(file)


def test_the_example_is_valid_and_shows_every_default() -> None:
    settings = load_edge_settings(EXAMPLE)
    (camera,) = settings.camera
    bare = EdgeSettings(camera=(type(camera)(id="restroom", source=camera.source),))
    assert settings.camera == bare.camera
    assert settings.link == bare.link
    assert settings.sandbox == bare.sandbox
    assert settings.spool.max_mb == bare.spool.max_mb
    assert settings.spool.path == str(EXAMPLE.parent / bare.spool.path)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    text = GOOD + '[edge.camera.perceive.keypoint_model]\npath = "m.onnx"\nsha256 = "%s"\n' % (
        "0" * 64
    )
    settings = load(tmp_path, 'edge.models = "models"\n' + text)
    assert settings.spool.path == str(tmp_path / "mizaru-spool.sqlite")
    assert settings.models == str(tmp_path / "models")
    model = settings.camera[1].perceive.keypoint_model
    assert model is not None
    assert model.path == str(tmp_path / "m.onnx")
    assert settings.camera[0].source == "clip.mp4"


@pytest.mark.parametrize(
    ("source", "resolved"),
    [
        ("clip.mp4", "/etc/mizaru/clip.mp4"),
        ("/data/clip.mp4", "/data/clip.mp4"),
        ("${NAME}.mp4", "/etc/mizaru/door.mp4"),
        ("${URL}", "rtsp://u:secret@h/s"),
        ("rtsp://u:${PASSWORD}@h/s", "rtsp://u:secret@h/s"),
        ("0", "0"),
    ],
)
def test_a_source_is_resolved(source: str, resolved: str) -> None:
    environment = {"NAME": "door", "PASSWORD": "secret", "URL": "rtsp://u:secret@h/s"}
    assert resolve_source(source, environment, Path("/etc/mizaru"), key="k") == resolved


@pytest.mark.parametrize(
    ("source", "file"), [("a.mp4", True), ("/dev/video0", True), ("rtsp://h", False), ("0", False)]
)
def test_a_source_is_a_file_or_not(source: str, file: bool) -> None:
    assert is_file(source) is file


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "words"),
    [
        ('id = "b"', 'id = "a"', "edge.camera[1].id", 9, "edge.camera[0] already"),
        ("127.0.0.1", "192.0.2.1", "edge.link.url", 2, "loopback"),
        ("127.0.0.1", "cloud.example", "edge.link.url", 2, "loopback"),
        ("127.0.0.1", "0.0.0.0", "edge.link.url", 2, "loopback"),
        ("127.0.0.1", "localhost.example", "edge.link.url", 2, "loopback"),
        ("127.0.0.1", "127.0.0.1.example", "edge.link.url", 2, "loopback"),
        ("127.0.0.1", "[fe80::1]", "edge.link.url", 2, "loopback"),
        ("127.0.0.1:7443", "127.0.0.1:99999", "edge.link.url", 2, "address"),
        ("ws://127.0.0.1", "ws://me:secret@127.0.0.1", "edge.link.url", 2, "password"),
        ("ws://127.0.0.1:7443/edge", "ws://", "edge.link.url", 2, "host"),
        ("ws://127.0.0.1:7443", "wss://127.0.0.1:7443", "edge.link.url", 2, "ws://"),
        ('id = "b"', 'id = "b"\npace = "fast"', "edge.camera[1].pace", 10, "live"),
        ("[edge.link]", "[edges.link]", "edges", 1, "known are [edge] and [cloud]"),
    ],
)
def test_a_mistake_is_named(
    tmp_path: Path, old: str, new: str, key: str, line: int, words: str
) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert words in caught.value.message
    assert (caught.value.key, caught.value.line) == (key, line)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "line", "key", "words"),
    [
        ("embedding]\nenabled = true\nsigma = 0.15", 3, "embedding.sigma", "0.2 or more"),
        ("embedding]\nclip = 5\nsigma = 0.5", 3, "embedding.sigma", "take 1 or more"),
        ("embedding]\nbudget_nats = 2", 2, "embedding.budget_nats", "single z"),
        ("embedding]\nwidth = 9", 2, "embedding.width", "9"),
        ("embedding]\nsticky = 1.0", 2, "embedding.sticky", "0.95"),
        ("embedding]\ntier = 'huge'", 2, "embedding.tier", "huge"),
        ("embedding]\nevery_ms = 150", 2, "embedding.every_ms", "100"),
        ("embedding]\nsigmaa = 1", 2, "embedding.sigmaa", "did you mean 'sigma'"),
        ("pose_channel]\njitter = 0.3", 2, "pose_channel.jitter", "0.25"),
        ("pose_channel]\nhold_ms = 50", 2, "pose_channel.hold_ms", "100"),
    ],
)
def test_a_mistake_about_what_leaves_is_named(
    tmp_path: Path, table: str, line: int, key: str, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, f"{GOOD}[edge.camera.{table}\n")
    assert words in caught.value.message
    assert caught.value.key == f"edge.camera[1].{key}"
    assert caught.value.line == GOOD.count("\n") + line


@pytest.mark.parametrize("text", ["", "edge = 3\n", "[cloud]\n"])
def test_without_a_table_there_is_no_edge(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="edge"):
        load(tmp_path, text)


@pytest.mark.parametrize(
    "url",
    ["ws://localhost:1/", "ws://127.8.9.1:1/", "ws://[::1]:7443/edge", "ws://LOCALHOST:1/"],
)
def test_loopback_is_allowed(tmp_path: Path, url: str) -> None:
    assert load(tmp_path, GOOD.replace("ws://127.0.0.1:7443/edge", url)).link.url == url


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("::1", True), ("10.0.0.1", False), ("localhost", False), ("", False)],
)
def test_loopback_addresses(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


def test_absent_files_are_named(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert [key for key, _ in absent_files(settings, {}, tmp_path)] == ["edge.camera[0].source"]
    (tmp_path / "clip.mp4").touch()
    assert list(absent_files(settings, {}, tmp_path)) == []
    settings = load(tmp_path, GOOD + '[edge.spool]\npath = "no/s.sqlite"\n')
    assert [key for key, _ in absent_files(settings, {}, tmp_path)] == ["edge.spool.path"]


@pytest.mark.parametrize(
    ("source", "environment", "words"),
    [
        ("rtsp://u:secret@h/s", {}, "plain text"),
        ("rtsp://u:sec${X}ret@h/s", {"X": "1"}, "plain text"),
        ("rtsp://u:s@ecret@h/s", {}, "plain text"),
        ("rtsp://u:${PASSWORD}@h/s", {}, "PASSWORD is not set"),
        ("rtsp://u:${PASSWORD}@h/s", {"PASSWORD": "x"}, None),
        ("rtsp://u@h/s", {}, None),
        ("rtsp://h:554/s", {}, None),
        ("odd:name@here.mp4", {}, None),
    ],
)
def test_passwords_in_plain_text_are_warned_about(
    tmp_path: Path, source: str, environment: dict[str, str], words: str | None
) -> None:
    settings = load(tmp_path, f'[[edge.camera]]\nid = "a"\nsource = "{source}"\n')
    said = list(warnings(settings, environment))
    assert len(said) == (words is not None)
    for key, message in said:
        assert key == "edge.camera[0].source"
        assert words in message  # type: ignore[operator]
        assert "secret" not in message


def test_a_loud_sandbox_is_warned_about(tmp_path: Path) -> None:
    settings = load(tmp_path, 'edge.sandbox = "loud"\n' + GOOD)
    assert "edge.sandbox" in [key for key, _ in warnings(settings, {"CAMERA_PASSWORD": ""})]


def test_fast_is_for_files(tmp_path: Path) -> None:
    fast = 'pace = "fast"\nsource = '
    settings = load(tmp_path, GOOD.replace("source = ", fast, 1))
    assert settings.camera[0].pace is Pace.FAST
    assert list(complaints(settings)) == []
