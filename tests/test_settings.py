"""Every complaint about a configuration names file, line, key and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from mizaru.errors import SettingsError
from mizaru.settings import convert, expand, line_of, load_document


class Leaf(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: Annotated[str, Meta(min_length=1)]
    number: Annotated[int, Meta(ge=0, le=9)] = 0
    points: tuple[tuple[float, float], ...] = ()


class Branch(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    camera: Annotated[tuple[Leaf, ...], Meta(min_length=1)]
    link: Leaf | None = None


GOOD = """\
# a comment
[edge]

[[edge.camera]]
id = "one"
number = 1

[[edge.camera]]
id = "two"
points = [
  [0.0, 1.0],
  [0.5, 0.5],
]

[edge.link]
id = "x"
"""


def load(tmp_path: Path, text: str) -> Branch:
    file = tmp_path / "site.toml"
    file.write_text(text, "utf-8")
    document, text = load_document(file)
    return convert(document["edge"], Branch, file=file, text=text, root="edge")


def test_a_good_file_is_converted(tmp_path: Path) -> None:
    branch = load(tmp_path, GOOD)
    assert [leaf.id for leaf in branch.camera] == ["one", "two"]


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "words"),
    [
        ("number = 1", "numer = 1", 6, "edge.camera[0].numer", "did you mean 'number'?"),
        ("number = 1", "zzz = 1", 6, "edge.camera[0].zzz", "known keys: id, number, points"),
        ("number = 1", "number = 10", 6, "edge.camera[0].number", "<= 9"),
        ("number = 1", 'number = "1"', 6, "edge.camera[0].number", "int"),
        ("number = 1", "number = true", 6, "edge.camera[0].number", "int"),
        ('id = "two"', 'id = ""', 9, "edge.camera[1].id", "length >= 1"),
        ('id = "two"\n', "", 8, "edge.camera[1]", "id"),
        ("[0.5, 0.5]", "[0.5, true]", 10, "edge.camera[1].points", "float"),
        ("[0.5, 0.5]", "[0.5]", 10, "edge.camera[1].points", "length 2"),
        ('[edge.link]\nid = "x"', '[edge.link]\nidd = "x"', 16, "edge.link.idd", "'id'"),
        ("[edge]\n", "[edge]\nlinc = 1\n", 3, "edge.linc", "did you mean 'link'?"),
    ],
)
def test_a_mistake_is_named(
    tmp_path: Path, old: str, new: str, line: int, key: str, words: str
) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    error = caught.value
    assert (error.line, words in error.message) == (line, True), str(error)
    assert error.key is not None
    assert error.key.startswith(key)
    assert str(error).startswith(f"{tmp_path / 'site.toml'}:{line}: {key}")
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[edge", 1),
        ("[edge]\na = \n", 2),
        ("a = 1\na = 2\n", 2),
        ("[edge]\n\nx = 'open", 3),
    ],
)
def test_what_is_not_toml_is_named_by_line(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "site.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match="not valid TOML") as caught:
        load_document(file)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda file: None, "no such file"),
        (lambda file: file.mkdir(), "cannot be read"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, make: Any, words: str) -> None:
    file = tmp_path / "site.toml"
    make(file)
    with pytest.raises(SettingsError, match=words):
        load_document(file)


def test_variables_come_from_the_environment() -> None:
    environment = {"USER_1": "w", "PASSWORD": "p$w"}
    assert expand("rtsp://${USER_1}:${PASSWORD}@h", environment, key="k") == "rtsp://w:p$w@h"
    assert expand("$HOME ${ x }", environment, key="k") == "$HOME ${ x }"
    with pytest.raises(SettingsError, match="NOT_SET is not set") as caught:
        expand("${NOT_SET}", environment, key="edge.camera[0].source")
    assert caught.value.key == "edge.camera[0].source"
    assert "p$w" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("edge", 2),
        ("edge.camera[0].id", 5),
        ("edge.camera[1].id", 9),
        ("edge.camera[1].points[1]", 10),
        ("edge.camera[1].number", 8),
        ("edge.camera[2].id", None),
        ("edge.link.id", 16),
        ("edge.camera", 4),
        ("edge.camera[1]", 8),
        ("edge.absent", 2),
        ("cloud", None),
    ],
)
def test_the_line_of_a_key(key: str, line: int | None) -> None:
    found = line_of(GOOD, key)
    assert found == line or (line is None and found in (None, 2))


NESTED = """\
[[cloud.camera]]
id = "a"
[[cloud.camera.zone]]
name = "one"
[[cloud.camera.zone]]
name = "two"
[cloud.camera.rules]
crowd_people = 3
[[cloud.camera]]
id = "b"
[[cloud.camera.zone]]
name = "three"
[[cloud.camera.zone]]
name = "four"
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("cloud.camera[0].zone[1].name", 6),
        ("cloud.camera[0].rules.crowd_people", 8),
        ("cloud.camera[1].zone[0].name", 12),
        ("cloud.camera[1].zone[1].name", 14),
        ("cloud.camera[1].zone[1].kind", 13),
    ],
)
def test_tables_in_tables_are_counted_per_parent(key: str, line: int) -> None:
    assert line_of(NESTED, key) == line


def test_a_hash_or_equals_in_a_string_is_no_comment_and_no_key() -> None:
    text = '[edge]\nmessage = """\nid = 1\n"""\nid = "a # b"\n'
    assert line_of(text, "edge.id") == 5


def test_dotted_and_quoted_keys_are_found() -> None:
    text = '[edge]\nlink.url = "x"\n"spool" . "path" = "y"\n'
    assert line_of(text, "edge.link.url") == 2
    assert line_of(text, "edge.spool.path") == 3


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.text(max_size=40))
def test_looking_for_a_line_never_fails(text: str, key: str) -> None:
    line = line_of(text, key)
    assert line is None or 1 <= line <= len(text.splitlines())
