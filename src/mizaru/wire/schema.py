"""JSON Schema of the wire messages, for programs in other languages.

The messages cross the wire as MessagePack arrays; the schema describes the same arrays with
binary data written as Base64, which is how `msgspec` maps them to JSON. Rules that a schema
cannot say stand in the descriptions.
"""

from __future__ import annotations

import inspect
import json
from typing import Any, Final

import msgspec

from mizaru.wire.budget import MESSAGES, PARTS, largest_message
from mizaru.wire.messages import PROTOCOL_VERSION, FromCloud, FromEdge

_RULES: Final = (
    "MessagePack, integers and lengths in their shortest form: a message that decodes and would"
    " be encoded otherwise is refused. Binary data is shown here as Base64. Also refused:"
    " more than 20 poses in a segment, representations whose times do not grow, a time off the"
    " 100 ms grid, a subject twice in one representation, a camera twice in one hello."
)


def wire_schema() -> dict[str, Any]:
    """The document, JSON Schema 2020-12."""
    (edge, cloud), components = msgspec.json.schema_components(
        (FromEdge, FromCloud), ref_template="#/$defs/{name}"
    )
    for component in components.values():
        if "description" in component:
            component["description"] = inspect.cleandoc(component["description"])
    for kind in (*MESSAGES, *PARTS):
        component = components[kind.__name__]
        component["x-largest-bytes"] = largest_message(kind)
        # Every field is always written, defaults too.
        component["minItems"] = component["maxItems"]
        tag = [] if kind.__struct_config__.tag is None else ["tag"]
        names = tag + [field.name for field in msgspec.structs.fields(kind)]
        for item, name in zip(component["prefixItems"], names, strict=True):
            item["title"] = name
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Mizaru wire protocol, version {PROTOCOL_VERSION}",
        "description": _RULES,
        "anyOf": [{"$ref": "#/$defs/FromEdge"}, {"$ref": "#/$defs/FromCloud"}],
        "$defs": {"FromEdge": edge, "FromCloud": cloud, **components},
    }


def wire_schema_text() -> str:
    """The document as it is committed."""
    return json.dumps(wire_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
