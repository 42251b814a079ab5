"""Log lines to standard error: for people on a terminal, for machines otherwise."""

from __future__ import annotations

import logging
from typing import TextIO

import structlog

from mizaru.errors import SettingsError

LEVELS = ("debug", "info", "warning", "error")


def configure_log(level: str, stream: TextIO) -> None:
    """Send this program's log lines of at least a level to a stream.

    Raises:
        SettingsError: a level that does not exist.
    """
    if level.lower() not in LEVELS:
        raise SettingsError(f"{level!r} is no log level; use {', '.join(LEVELS)}", key="MIZARU_LOG")
    renderers = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if stream.isatty()
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
    # What uvicorn and websockets report goes the same way, from warnings on.
    logging.basicConfig(level=logging.WARNING, stream=stream, format="%(name)s: %(message)s")
