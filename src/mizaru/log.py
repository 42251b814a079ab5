"""Log lines to standard error: for people on a terminal, for machines otherwise.

Credentials in addresses are blotted out of every line, wherever they come from.
"""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

from mizaru.errors import SettingsError

LEVELS: Final = ("debug", "info", "warning", "error")
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s@]*(?:@[^/\s@]*)*@")


def blot(text: str) -> str:
    """``rtsp://user:password@host`` → ``rtsp://***@host``."""
    return _CREDENTIALS.sub("***@", text)


def configure_log(level: str, stream: TextIO) -> None:
    """Send this program's log lines of at least a level to a stream.

    Raises:
        SettingsError: a level that does not exist.
    """
    if level.lower() not in LEVELS:
        raise SettingsError(f"{level!r} is no log level; use {', '.join(LEVELS)}", key="MIZARU_LOG")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            *([] if stream.isatty() else [structlog.processors.format_exc_info]),
            _blot_all,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if stream.isatty()
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
    # What websockets, uvicorn and asyncio report goes the same way, errors only: a cloud that is
    # away is our business and said once.
    logging.basicConfig(level=logging.ERROR, stream=stream, format="%(name)s: %(message)s")


def _blot_all(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = blot(value)
    return event
