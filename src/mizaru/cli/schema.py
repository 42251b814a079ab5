"""``mizaru schema``: the published formats, for programs in other languages."""

from __future__ import annotations

import enum
from typing import Annotated

import typer


class Document(enum.StrEnum):
    """What can be printed."""

    EVENTS = "events"
    OPENAPI = "openapi"


def schema(
    document: Annotated[
        Document,
        typer.Argument(
            help="[bold]events[/bold]: JSON Schema of the JSON Lines of run and cloud. "
            "[bold]openapi[/bold]: OpenAPI of the cloud's REST interface."
        ),
    ] = Document.EVENTS,
) -> None:
    """Print a published format: the JSON Schema of results, or the cloud's OpenAPI.

    Example: mizaru schema openapi > openapi.json
    """
    from mizaru.cloud.api import openapi_document
    from mizaru.cloud.sink import event_schema

    typer.echo(event_schema() if document is Document.EVENTS else openapi_document(), nl=False)
