"""What other languages are told is what this one does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mizaru.wire.budget import MESSAGES
from mizaru.wire.schema import wire_schema, wire_schema_text

COMMITTED = Path(__file__).parents[2] / "docs" / "schema" / "wire.schema.json"


def test_the_committed_schema_is_current() -> None:
    assert COMMITTED.read_text("utf-8") == wire_schema_text(), (
        "run: mizaru wire schema > docs/schema/wire.schema.json"
    )


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = wire_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("kind", MESSAGES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_valid_message_obeys_the_schema(
    kind: type,
    valid: dict[type, Any],
    validator: jsonschema.Draft202012Validator,
    data: st.DataObject,
) -> None:
    validator.validate(json.loads(msgspec.json.encode(data.draw(valid[kind]))))


@pytest.mark.parametrize("kind", MESSAGES)
def test_one_field_more_or_less_breaks_the_schema(
    kind: type, maximal: dict[type, Any], validator: jsonschema.Draft202012Validator
) -> None:
    fields = json.loads(msgspec.json.encode(maximal[kind]))
    validator.validate(fields)
    assert not validator.is_valid([*fields, 0])
    assert not validator.is_valid(fields[:-1])


def test_every_field_has_its_name() -> None:
    for name, definition in wire_schema()["$defs"].items():
        for item in definition.get("prefixItems", ()):
            assert item["title"], name
    assert json.loads(wire_schema_text()) == wire_schema()
