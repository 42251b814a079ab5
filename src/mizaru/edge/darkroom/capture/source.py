"""What a camera's ``source`` means, and the closed list of things that can be wrong with it.

A fault crosses processes as one byte, never as text: whoever decodes hostile input must not
be able to say more than that. The words are added by the side that was never near a frame.
"""

from __future__ import annotations

import enum
import re
import sys
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit, urlunsplit

from msgspec import Meta, Struct

from mizaru.errors import MizaruError, SourceError, SourceLostError

RTSP_PORT: Final = 554


class FileSource(Struct, frozen=True, tag="file"):
    """A video file."""

    path: str


class RtspSource(Struct, frozen=True, tag="rtsp"):
    """A network camera. ``url`` may hold credentials: print `redact`'s result only."""

    url: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or RTSP_PORT

    def at(self, address: str) -> str:
        """The URL with the host replaced by an address already resolved."""
        parts = urlsplit(self.url)
        user, at, _ = parts.netloc.rpartition("@")
        host = f"[{address}]" if ":" in address else address
        return urlunsplit(parts._replace(netloc=f"{user}{at}{host}:{self.port}"))


class UsbSource(Struct, frozen=True, tag="usb"):
    """A USB camera by number."""

    index: int

    @property
    def device(self) -> Path:
        return Path(f"/dev/video{self.index}")


Source = FileSource | RtspSource | UsbSource


class SourceInfo(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a source turned out to be.

    Attributes:
        width, height: pixels, upright (after the file's rotation flag) and after reduction to
            at most 1920×1080.
        fps: nominal frames per second; 0 where the source does not say.
        duration_s: of a file; None for a camera.
    """

    width: Annotated[int, Meta(ge=1, le=2**14)]
    height: Annotated[int, Meta(ge=1, le=2**14)]
    fps: Annotated[float, Meta(ge=0, le=1000)]
    duration_s: Annotated[float, Meta(ge=0, le=1e7)] | None = None


class Fault(enum.IntEnum):
    """Why there are no frames; the value is the capture child's exit status."""

    ENDED = 0
    NOT_FOUND = 20
    NOT_READABLE = 21
    EMPTY = 22
    NOT_VIDEO = 23
    NO_VIDEO_STREAM = 24
    TRUNCATED = 25
    NO_DECODER = 26
    NO_FRAME = 27
    TOO_SMALL = 28
    UNAUTHORIZED = 30
    NO_SUCH_STREAM = 31
    NO_DEVICE = 40
    DEVICE_BUSY = 41
    NO_SANDBOX = 50
    NO_AV = 51
    KEEPS_CRASHING = 60
    UNREACHABLE = 70
    NO_ADDRESS = 71
    LOST = 72
    CRASHED = 73
    HUNG = 74

    @property
    def is_temporary(self) -> bool:
        """True if the camera may come back by itself."""
        return self >= Fault.UNREACHABLE


_WORDS: Final = {
    Fault.ENDED: "has ended",
    Fault.NOT_FOUND: "no such file; check the path",
    Fault.NOT_READABLE: "cannot be read; check its permissions, and that it is a file",
    Fault.EMPTY: "the file is empty; copy it again",
    Fault.NOT_VIDEO: "is not a video that FFmpeg knows; give a video file, rtsp://… or a number",
    Fault.NO_VIDEO_STREAM: "has no picture (sound only?); give a video",
    Fault.TRUNCATED: "the video is cut off: its index (moov) is missing; copy or record it again",
    Fault.NO_DECODER: "FFmpeg has no decoder for this video; convert it, for example to H.264",
    Fault.NO_FRAME: "holds no frame that can be decoded; copy or record it again",
    Fault.TOO_SMALL: "the picture is smaller than 32×32 pixels; use a larger stream",
    Fault.UNAUTHORIZED: "the camera refused user or password; correct them in the source's URL",
    Fault.NO_SUCH_STREAM: "the camera has no such stream; correct the path in the source's URL",
    Fault.NO_DEVICE: "no such camera; plug it in, or see v4l2-ctl --list-devices for its number",
    Fault.DEVICE_BUSY: "the camera cannot be opened; another program uses it, or add yourself to "
    "the group video",
    Fault.NO_SANDBOX: "the capture child could not lock itself in; "
    'set sandbox = "loud" to run without',
    Fault.NO_AV: "PyAV cannot be imported; install mizaru[edge]",
    Fault.KEEPS_CRASHING: "the decoder crashes again and again at the same place of this file; "
    "convert it, for example to H.264",
    Fault.UNREACHABLE: "cannot be reached; check address, port, network and power of the camera",
    Fault.NO_ADDRESS: "the host's name cannot be resolved; check it, or use the IP address",
    Fault.LOST: "the camera stopped sending; check network and power",
    Fault.CRASHED: "the decoder crashed on what the camera sent",
    Fault.HUNG: "the decoder hung on what the camera sent",
}


def error_of(fault: Fault, source: str) -> MizaruError:
    """The error to raise for a fault, without the source's credentials."""
    kind = SourceLostError if fault.is_temporary else SourceError
    return kind(f"{redact(source)}: {_WORDS[fault]}")


def parse_source(text: str) -> Source:
    """``"0"`` is a USB camera, ``"rtsp://…"`` a network camera, all else a file.

    Raises:
        SourceError: for other URLs and for an RTSP URL without a host.
    """
    if re.fullmatch(r"\d{1,3}", text):
        return UsbSource(int(text))
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text)
    if scheme is None:
        return FileSource(text)
    if scheme[1].lower() != "rtsp":
        raise SourceError(
            f"{redact(text)}: {scheme[1]}:// is not supported; give a file, rtsp://… or a number"
        )
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host:
        raise SourceError(f"{redact(text)}: not a valid RTSP URL; write rtsp://host:port/path")
    return RtspSource(text)


def redact(source: str) -> str:
    """A source that may be shown: a URL's user, password and query become ``***``."""
    if "://" not in source:
        return source
    scheme, _, rest = source.partition("://")
    # By hand, not urlsplit: a password with '/', '#' or '?' must not slip through.
    authority_end = rest.rfind("@")
    shown = "***@" + rest[authority_end + 1 :] if authority_end >= 0 else rest
    path, question, _ = shown.partition("?")
    return f"{scheme}://{path}{question}{'***' if question else ''}"


def check_file(path: Path) -> Fault | None:
    """What can be said about a file without decoding it; None if nothing is wrong."""
    try:
        if path.is_dir():
            return Fault.NOT_READABLE
        with path.open("rb") as file:
            return Fault.EMPTY if not file.read(1) else None
    except FileNotFoundError:
        return Fault.NOT_FOUND
    except (OSError, ValueError):
        return Fault.NOT_READABLE


def check_device(source: UsbSource) -> Fault | None:
    """Whether a camera's node is there; None if nothing is wrong."""
    if sys.platform != "linux" or not source.device.exists():
        return Fault.NO_DEVICE
    return None
