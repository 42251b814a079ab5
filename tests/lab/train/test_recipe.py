from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from mizaru.errors import SettingsError
from mizaru.lab.data.sources import SOURCES
from mizaru.lab.train.recipe import SHIPPED, AlarmSettings, Purpose, load_recipe

SMALL = """[recipe]
title = "small"
purpose = "ship"

[[recipe.source]]
name = "sim"

[recipe.network]
width = 32
"""


def test_what_is_committed_can_be_read() -> None:
    recipes = {file.stem: load_recipe(file) for file in SHIPPED.parent.glob("*.toml")}
    assert recipes["recognizer"].purpose is Purpose.SHIP
    shippable = {source.name for source in SOURCES if source.shippable}
    assert {source.name for source in recipes["recognizer"].source} <= shippable
    assert recipes["research"].purpose is Purpose.RESEARCH


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("width = 32", "width = 4", 9, "recipe.network.width"),
        ("width = 32", "wdith = 32", 9, "did you mean 'width'?"),
        ('"ship"', '"sell"', 3, "recipe.purpose"),
        ('name = "sim"', 'name = "upfall"', 6, "may not be shipped"),
        ('name = "sim"', 'name = "scfd"', 6, "may not be shipped"),
        ('name = "sim"', 'name = "simm"', 6, "no source is called 'simm'"),
        ('name = "sim"\n', 'name = "sim"\nhours = 0\n', 7, "recipe.source[0].hours"),
        ("[recipe]", "[other]\n[recipe]", 1, "unknown table"),
        (
            "[recipe.network]",
            "[recipe.alarm]\nseed = 0\n[recipe.network]",
            9,
            "on what was learnt",
        ),
        (
            'name = "sim"\n',
            'name = "sim"\n[[recipe.source]]\nname = "sim"\n',
            8,
            "named twice",
        ),
    ],
)
def test_a_complaint_names_file_line_and_key(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    file = tmp_path / "r.toml"
    file.write_text(SMALL)
    assert load_recipe(file).title == "small"
    file.write_text(SMALL.replace(old, new))
    with pytest.raises(SettingsError) as caught:
        load_recipe(file)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert said in str(caught.value)


def test_research_may_learn_from_what_may_not_be_shipped(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text(SMALL.replace('"ship"', '"research"').replace('"sim"', '"upfall"'))
    assert load_recipe(file).source[0].name == "upfall"


def test_a_recipe_has_its_table(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text("")
    with pytest.raises(SettingsError, match=r"the table \[recipe\] is missing"):
        load_recipe(file)


def test_thresholds_are_chosen_again_without_learning_again() -> None:
    recipe = load_recipe(SHIPPED)
    later = replace(recipe, alarm=AlarmSettings(hours=1.0))
    assert later.learning() == recipe.learning()
    assert replace(recipe, seed=recipe.seed + 1).learning() != recipe.learning()
