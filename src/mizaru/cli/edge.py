"""``mizaru edge CONFIG``: watch cameras, let poses out, never a picture of a person."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer


def edge(
    config: Annotated[
        Path, typer.Argument(help="TOML file with an [edge] table.", show_default=False)
    ],
) -> None:
    """Watch cameras, turn people into mannequins, and send those to the cloud.

    What the cloud has not acknowledged waits in the spool, through outages and restarts. Ends
    when every source has ended and the cloud has everything, or in order on Ctrl-C or SIGTERM.
    Log lines go to standard error; MIZARU_LOG=warning makes it quieter.

    Example: mizaru edge examples/edge.toml
    """
    import structlog

    from mizaru.edge.darkroom import develop
    from mizaru.edge.main import Rim, run_edge
    from mizaru.edge.settings import load_edge_settings
    from mizaru.log import configure_log

    configure_log(os.environ.get("MIZARU_LOG", "info"), sys.stderr)
    settings = load_edge_settings(config)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    outcome = run_edge(
        settings,
        folder=config.parent.absolute(),
        stop=stop,
        rim=Rim(develop=develop, environment=os.environ),
        log=structlog.get_logger(),
    )
    if outcome.dropped:
        typer.echo(f"mizaru: {outcome.dropped} segments were lost: spool or disk full", err=True)
