"""A configuration that cannot be right is refused with file, line, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizaru.cloud.settings import CloudSettings, load_cloud_settings
from mizaru.errors import SettingsError

ZONE = """[cloud]
[[cloud.camera]]
id = "ward"
[[cloud.camera.zone]]
name = "bed"
kind = "rest"
polygon = {polygon}
"""


def load(tmp_path: Path, text: str) -> CloudSettings:
    file = tmp_path / "site.toml"
    file.write_text(text)
    return load_cloud_settings(file)


def test_the_example_is_right(root: Path) -> None:
    settings = load_cloud_settings(root / "examples" / "cloud.toml")
    assert settings.store.path == str((root / "examples" / "mizaru-cloud.sqlite").resolve())
    assert settings.ledger.cards == ()
    assert [zone.name for zone in settings.camera[0].zone] == ["bench", "store room door"]


def test_an_empty_table_is_enough(tmp_path: Path) -> None:
    settings = load(tmp_path, "[cloud]\n")
    assert settings.store.path == str(tmp_path.resolve() / "mizaru-cloud.sqlite")
    assert settings.listen == "127.0.0.1:8080"


def test_an_edge_may_be_in_the_same_file(tmp_path: Path) -> None:
    load(tmp_path, '[cloud]\n[[edge.camera]]\nid = "x"\n')


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("", None, "cloud", "add one"),
        ("[clowd]\n", 1, "clowd", "did you mean 'cloud'"),
        ("cloud = 3\n", 1, "cloud", "must be a table"),
        ('[cloud]\nlisten = "0.0.0.0:80"\n', 2, "cloud.listen", "use 127.0.0.1:80"),
        ('[cloud]\nlisten = "nas.local:80"\n', 2, "cloud.listen", "use 127.0.0.1:80"),
        ('[cloud]\nlisten = "127.0.0.1:70000"\n', 2, "cloud.listen", "65535"),
        ('[cloud]\n\nedge_listen = "10.0.0.1:1"\n', 3, "cloud.edge_listen", "loopback"),
        ('[cloud]\nedge_listen = "127.0.0.1:8080"\n', 2, "cloud.edge_listen", "another port"),
        ("[cloud]\nlissen = 1\n", 2, "cloud.lissen", "did you mean 'listen'"),
        ("[cloud]\n[cloud.store]\nkeep_hours = 0\n", 3, "cloud.store.keep_hours", "> 0"),
        (
            '[cloud]\n[[cloud.camera]]\nid = "a"\n[[cloud.camera]]\nid = "a"\n',
            5, "cloud.camera[1].id", "listed twice",
        ),
        (
            ZONE.format(polygon="[[0,0],[1,1],[1,0],[0,1]]"),
            7, "cloud.camera[0].zone[0].polygon", "edge 1 crosses or touches edge 3",
        ),
        (
            ZONE.format(polygon="[[0,0],[0.5,0.5],[1,1]]"),
            7, "cloud.camera[0].zone[0].polygon", "",
        ),
        (
            ZONE.format(polygon="[[0,0],[0.005,0],[0.005,0.005]]"),
            7, "cloud.camera[0].zone[0].polygon", "no area",
        ),
        (
            ZONE.format(polygon="[[0,0],[1,0]]"),
            7, "cloud.camera[0].zone[0].polygon", ">= 3",
        ),
        (
            ZONE.format(polygon="[[0,0],[1,0],[1,2]]"),
            7, "cloud.camera[0].zone[0].polygon[2][1]", "<= 1",
        ),
        (
            ZONE.format(polygon="[[0,0],[1,0],[1,1]]") + 'hours = "25:00-06:00"\n',
            8, "cloud.camera[0].zone[0].hours", "25:00 is not a time",
        ),
        (
            ZONE.format(polygon="[[0,0],[1,0],[1,1]]") + 'hours = "06:00-06:00"\n',
            8, "cloud.camera[0].zone[0].hours", "leave it out",
        ),
        (
            ZONE.format(polygon="[[0,0],[1,0],[1,1]]")
            + '[[cloud.camera.zone]]\nname = "bed"\nkind = "intrude"\n'
            "polygon = [[0,0],[1,0],[1,1]]\n",
            9, "cloud.camera[0].zone[1].name", "listed twice",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    tmp_path: Path, text: str, line: int | None, key: str, words: str
) -> None:
    with pytest.raises(SettingsError) as complaint:
        load(tmp_path, text)
    error = complaint.value
    assert (error.line, error.key) == (line, key)
    assert words in error.message
    assert str(tmp_path / "site.toml") in str(error)
    assert "\n" not in str(error)


def test_cards_lie_beside_the_file(tmp_path: Path) -> None:
    card = tmp_path / "own" / "encoder.json"
    card.parent.mkdir()
    card.write_text('{"clip": 1, "calibration_set": "rooms", "tiers": {}}')
    settings = load(tmp_path, '[cloud.ledger]\ncards = ["own/encoder.json"]\n')
    assert settings.ledger.cards == (str(card.resolve()),)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read (No such file"),
        ("{", "not an encoder's card"),
        ('{"clip": 1, "tiers": {}}', "calibration_set"),
        (
            '{"clip": 1, "calibration_set": "rooms", "tiers": {"a": {"eigenvalues": {"2": [1]}}}}',
            "eigenvalues of width 2",
        ),
    ],
)
def test_a_bad_card_is_named_with_its_file(tmp_path: Path, content: str | None, words: str) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"clip": 1, "calibration_set": "rooms", "tiers": {}}')
    if content is not None:
        bad.write_text(content)
    with pytest.raises(SettingsError) as complaint:
        load(tmp_path, '[cloud]\n[cloud.ledger]\ncards = ["good.json", "bad.json"]\n')
    error = complaint.value
    assert (error.line, error.key) == (3, "cloud.ledger.cards[1]")
    assert error.message.startswith(f"{bad.resolve()}: ")
    assert words in error.message
    assert "\n" not in str(error)


@given(
    centre=st.tuples(st.floats(0.4, 0.6), st.floats(0.4, 0.6)),
    radii=st.lists(st.floats(0.05, 0.35), min_size=3, max_size=20),
    reverse=st.booleans(),
)
def test_a_polygon_around_a_point_never_crosses_itself(
    tmp_path_factory: pytest.TempPathFactory,
    centre: tuple[float, float],
    radii: list[float],
    reverse: bool,
) -> None:
    import math

    corners = [
        [
            round(centre[0] + r * math.cos(2 * math.pi * i / len(radii)), 6),
            round(centre[1] + r * math.sin(2 * math.pi * i / len(radii)), 6),
        ]
        for i, r in enumerate(radii)
    ]
    corners = corners[::-1] if reverse else corners
    load(tmp_path_factory.getbasetemp(), ZONE.format(polygon=corners))
    if len(corners) >= 5:
        # Exchanging two neighbours that are not on one line through the centre crosses.
        star = [corners[(2 * i) % len(corners)] for i in range(len(corners))]
        if len(corners) % 2:
            with pytest.raises(SettingsError, match="crosses or touches"):
                load(tmp_path_factory.getbasetemp(), ZONE.format(polygon=star))
