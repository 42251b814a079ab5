from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mizaru.errors import SettingsError, SimError
from mizaru.lab.sim.scenario import PARAMETERS, Do, Scenario, load_scenario

SCENARIOS = Path(__file__).parents[3] / "examples" / "scenarios"

GOOD = """\
[scenario]
title = "t"
duration = 5.0
size = [160, 120]
room = { size = [4.0, 4.0, 2.5] }

[[scenario.camera]]
name = "wall"
position = [2.0, 0.1, 2.2]
look_at = [2.0, 3.0, 0.8]

[[scenario.furniture]]
name = "chair"
kind = "chair"
position = [2.0, 3.5]

[[scenario.person]]
name = "ann"
identity = 1
start = [1.0, 2.0]

[[scenario.person.action]]
do = "walk"
to = [3.0, 2.0]

[[scenario.person]]
name = "ben"
identity = 2
start = [3.0, 3.0]
"""


def test_the_good_scenario_is_good(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(GOOD)
    scenario = load_scenario(file)
    assert [p.name for p in scenario.person] == ["ann", "ben"]
    assert scenario.person[0].action[0].do is Do.WALK


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "words"),
    [
        ('title = "t"', 'titel = "t"', 2, "scenario.titel", "did you mean 'title'"),
        ("duration = 5.0", "duration = 0", 3, "scenario.duration", "> 0"),
        ("size = [160, 120]", "size = [161, 120]", 4, "scenario.size", "even"),
        ('kind = "chair"', 'kind = "throne"', 14, "scenario.furniture[0].kind", "throne"),
        ("identity = 1", "identity = -1", 19, "scenario.person[0].identity", ">= 0"),
        ('do = "walk"', 'do = "fly"', 23, "scenario.person[0].action[0].do", "fly"),
        ("to = [3.0, 2.0]", "", 22, "scenario.person[0].action[0]", "needs the key 'to'"),
        ("to = [3.0, 2.0]", 'to = [3.0, 2.0]\nwho = "ben"', 22, "scenario.person[0].action[0]",
         "does not take 'who'; it takes at, to, via"),
        ("to = [3.0, 2.0]", 'to = "sofa"', 24, "scenario.person[0].action[0].to",
         "no furniture is called 'sofa'; the file has: chair"),
        ('do = "walk"\nto = [3.0, 2.0]', 'do = "push"\nwho = "ann"', 24,
         "scenario.person[0].action[0].who", "no other person is called 'ann'"),
        ('do = "walk"\nto = [3.0, 2.0]', 'do = "wash_hands"\non = "chair"', 24,
         "scenario.person[0].action[0].on", "not one of: basin"),
        ('name = "ben"', 'name = "ann"', 27, "scenario.person[1].name", "used twice"),
        ('do = "walk"', 'do = "walk"\nat = 9', 24, "scenario.person[0].action[0].at", "ends after"),
        ("look_at = [2.0, 3.0, 0.8]", "look_at = [2.0, 0.1, 2.2]", 10,
         "scenario.camera[0].look_at", "differ"),
    ],
)  # fmt: skip
def test_a_complaint_names_file_line_key_and_remedy(
    tmp_path: Path, old: str, new: str, line: int, key: str, words: str
) -> None:
    file = tmp_path / "s.toml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(SettingsError) as caught:
        load_scenario(file)
    assert (caught.value.line, caught.value.key) == (line, key)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{file}:{line}: {key}: ")


@pytest.mark.parametrize("text", ["", "[other]\n", "[scenario]\nx = [\n"])
def test_a_file_that_is_no_scenario_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"s\.toml"):
        load_scenario(file)


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.toml")), ids=lambda f: f.stem)
def test_every_shipped_scenario_is_sound(file: Path) -> None:
    assert load_scenario(file).title


def test_every_action_says_what_it_takes() -> None:
    assert set(PARAMETERS) == set(Do)


def test_an_unknown_camera_is_refused(shipped: Callable[[str], Scenario]) -> None:
    with pytest.raises(SimError, match="no camera 'attic' in the scenario; it has wall, ceiling"):
        shipped("restroom").named_camera("attic")
