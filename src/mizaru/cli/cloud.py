"""``mizaru cloud CONFIG``: recognise, keep incidents, serve the dashboard."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def cloud(
    config: Annotated[
        Path, typer.Argument(help="TOML file with a \\[cloud] table.", show_default=False)
    ],
    json: Annotated[
        str | None,
        typer.Option(
            help="Also write JSON Lines: to a file, or - for standard output.", show_default=False
        ),
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(
            help="Write both addresses here, as JSON, once edges and browsers can come.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Take in what edges send, recognise behaviour, open incidents, serve the dashboard.

    Stops in order on Ctrl-C or SIGTERM. Log lines go to standard error; MIZARU_LOG=warning
    makes it quieter.

    Example: mizaru cloud examples/cloud.toml --json results.jsonl
    """
    from mizaru.cloud.main import run_cloud
    from mizaru.cloud.settings import load_cloud_settings
    from mizaru.log import configure_log

    configure_log(os.environ.get("MIZARU_LOG", "info"), sys.stderr)
    run_cloud(load_cloud_settings(config), json_lines=json, ready_file=ready_file)
