"""One error tree for the whole of Mizaru.

    MizaruError
    ├── TemporaryError                try again later; the caller backs off
    │   ├── SourceLostError           the camera went away (cable, network, power)
    │   ├── LinkDownError             the cloud cannot be reached
    │   ├── StorageFullError          no room left on a disk
    │   └── PerceptionTimeoutError    a frame took too long and was dropped
    └── PermanentError                trying again changes nothing
        ├── SettingsError             a configuration file; carries file, line and key
        ├── SourceError               a source that is not a video or a camera
        ├── ModelError                a model file is missing or has the wrong checksum
        ├── SandboxError              the darkroom could not lock itself in
        ├── WallError                 something tried to carry a pixel across the wall
        ├── WireError                 a message that breaks the wire's rules
        ├── RefusedError              the other side said no, and why
        ├── PortInUseError            another program listens there
        ├── StoreError                a database of another version, or not ours
        ├── SimError                  a scenario that cannot be rendered
        └── DataError                 a manifest, clip or skeleton file that cannot be used

Every error's text is one line that says what is wrong, where, and what to do.
Errors are raised, never returned. An adapter's module says which vendor errors it wraps.
"""

from __future__ import annotations

from pathlib import Path


class MizaruError(Exception):
    """Root of everything Mizaru raises on purpose. `exit_code` is the program's status."""

    exit_code = 1


class TemporaryError(MizaruError):
    """Trying again later may work."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h


class SourceLostError(TemporaryError):
    """The camera went away."""


class LinkDownError(TemporaryError):
    """The cloud cannot be reached."""


class StorageFullError(TemporaryError):
    """No room left on a disk."""


class PerceptionTimeoutError(TemporaryError):
    """A frame took too long and was dropped."""


class PermanentError(MizaruError):
    """Trying again changes nothing."""


class SettingsError(PermanentError):
    """A configuration file that cannot be used.

    Args:
        message: what is wrong, and the remedy, in one line.
        file: the configuration file.
        line: 1-based line, or None where it is not known.
        key: dotted key such as ``edge.camera[0].source``, or None for the whole file.
    """

    exit_code = 78  # EX_CONFIG

    def __init__(
        self,
        message: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
        key: str | None = None,
    ) -> None:
        self.message, self.file, self.line, self.key = message, file, line, key
        place = "" if file is None else f"{file}:{line}: " if line else f"{file}: "
        super().__init__(f"{place}{f'{key}: ' if key else ''}{message}")


class SourceError(PermanentError):
    """A source that is not a video or a camera."""

    exit_code = 66  # EX_NOINPUT


class ModelError(PermanentError):
    """A model file is missing or has the wrong checksum."""


class SandboxError(PermanentError):
    """The darkroom could not lock itself in."""


class WallError(PermanentError):
    """Something tried to carry a pixel across the wall."""


class WireError(PermanentError):
    """A message that breaks the wire's rules."""

    exit_code = 76  # EX_PROTOCOL


class RefusedError(PermanentError):
    """The other side said no."""

    exit_code = 77  # EX_NOPERM


class PortInUseError(PermanentError):
    """Another program listens on the address."""

    exit_code = 69  # EX_UNAVAILABLE


class StoreError(PermanentError):
    """A database of another version, or not ours."""


class SimError(PermanentError):
    """A scenario that cannot be rendered."""


class DataError(PermanentError):
    """A manifest, clip or skeleton file that cannot be used."""

    exit_code = 65  # EX_DATAERR
