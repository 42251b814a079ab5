"""`mizaru check` says what is fine, or where every mistake is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mizaru.cli.check import check
from mizaru.errors import ModelError, SettingsError

EXAMPLES = Path(__file__).parents[2] / "examples"

EDGE = """\
[[edge.camera]]
id = "a"
source = "rtsp://${USER_NAME_NOT_SET}:secret@192.0.2.10/stream"
"""

CLOUD = """\
[cloud]
[[cloud.camera]]
id = "a"
[[cloud.camera.zone]]
name = "door"
kind = "intrude"
polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site.toml"


def test_both_tables_of_one_file_are_checked(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.write_text(EDGE + CLOUD)
    check(site)
    out, err = capsys.readouterr()
    assert "edge: fine, 1 camera (a) → ws://127.0.0.1:7443/edge" in out
    assert "cloud: fine, 1 camera listed, 1 zone" in out
    assert err.count("warning: ") == 2
    assert f"{site}:3: edge.camera[0].source: " in err
    assert "USER_NAME_NOT_SET" in err
    assert "secret" not in out + err


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("[0.9, 0.1], [0.9, 0.9]", "[0.9, 0.9], [0.1, 0.9], [0.9, 0.1]", 7, "crosses"),
        ("kind =", "kindd =", 6, "did you mean 'kind'?"),
        ("[cloud]\n", '[cloud]\nlisten = "0.0.0.0:80"\n', 2, "loopback"),
        ("[cloud]\n", "[clout]\n[cloud]\n", 1, "unknown table"),
    ],
)
def test_a_mistake_has_file_line_and_key(
    site: Path, old: str, new: str, line: int, words: str
) -> None:
    site.write_text(CLOUD.replace(old, new, 1))
    with pytest.raises(SettingsError, match=words) as caught:
        check(site)
    assert str(caught.value).startswith(f"{site}:{line}: ")
    assert caught.value.exit_code == 78


def test_every_mistake_is_said_not_only_the_first(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edge = EDGE.replace("rtsp://${USER_NAME_NOT_SET}:secret@192.0.2.10/stream", "no.mp4")
    site.write_text(edge + '[edge.spool]\npath = "no/s.sqlite"\n' + CLOUD.replace("0.1,", "7.1,"))
    with pytest.raises(SettingsError, match="cloud"):
        check(site)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{site}:3: edge.camera[0].source: no such file" in err
    assert f"{site}:5: edge.spool.path: no such folder" in err


def test_a_file_without_a_known_table_is_no_configuration(site: Path) -> None:
    site.write_text("# nothing yet\n")
    with pytest.raises(SettingsError, match="neither"):
        check(site)


def test_the_examples_are_fine_but_for_a_clip_that_may_be_absent() -> None:
    check(EXAMPLES / "cloud.toml")
    if (EXAMPLES / "sample" / "restroom.mp4").exists():
        check(EXAMPLES / "edge.toml")


def test_missing_weights_of_the_encoder_are_a_mistake_only_where_it_is_on(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise ModelError("weights/encoder.json: cannot be read; install Mizaru again")

    monkeypatch.setattr("mizaru.edge.darkroom.check_weights", missing)
    site.write_text(EDGE + "[edge.camera.embedding]\nenabled = false\n")
    check(site)
    site.write_text(EDGE + "[edge.camera.embedding]\nenabled = true\n")
    with pytest.raises(SettingsError, match="install Mizaru again") as caught:
        check(site)
    assert (caught.value.line, caught.value.key) == (5, "edge.camera[0].embedding.enabled")
