"""Read pictures from a file, an RTSP camera or a USB camera.

Wraps `av.error.FFmpegError` and `OSError` of PyAV: what can be wrong with a source becomes a
`FaultError` with one of the words of `Fault`; packets that cannot be decoded are counted and
skipped. Must not be imported outside the capture child, the probe, benchmarks and tests.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from mizaru.edge.darkroom.capture.slots import MAX_LONG, MAX_SHORT
from mizaru.edge.darkroom.capture.source import (
    Fault,
    FileSource,
    RtspSource,
    Source,
    SourceInfo,
    UsbSource,
    check_device,
    check_file,
)

OPEN_S: Final = 8.0
READ_S: Final = 4.0
"""Longest wait for a camera to open (its next key frame included), and between packets."""
MIN_SIDE: Final = 32
DEFAULT_FPS: Final = 25.0
_UNSPECIFIED: Final = 2
_HD_HEIGHT: Final = 720


class FaultError(Exception):
    """A source cannot be read; crosses processes as ``fault`` alone."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One decoded picture, still in the decoder's own format.

    Attributes:
        frame: PyAV's frame.
        position_s: time from the first frame of a file; a camera's own timestamp, NaN where it
            gives none (RTP before the first report).
        arrived_ns: monotonic clock when its packet arrived, before decoding.
        undecodable: packets skipped since the picture before.
    """

    frame: VideoFrame
    position_s: float
    arrived_ns: int
    undecodable: int


class Video:
    """An open source.

    Args:
        source: what to open.
        address: of a network camera, already resolved.
        rotate: degrees clockwise on top of the file's own flag.

    Raises:
        FaultError: with the reason.
    """

    def __init__(self, source: Source, *, address: str | None = None, rotate: int = 0) -> None:
        self._is_file = isinstance(source, FileSource)
        self._rotate = rotate
        self._container = _open(source, address)
        streams = self._container.streams.video
        if not streams:
            raise FaultError(Fault.NO_VIDEO_STREAM)
        self._stream: VideoStream = streams[0]
        if self._stream.codec_context is None:
            raise FaultError(Fault.NO_DECODER)
        # One thread: more would add a frame of delay each, and the cores are perception's.
        self._stream.thread_count = 1
        self._fps = float(self._stream.average_rate or self._stream.guessed_rate or 0)
        self._reformatter = VideoReformatter()
        self._origin_s: float | None = None

    def close(self) -> None:
        self._container.close()

    def info(self, picture: Picture) -> SourceInfo:
        """Facts about the source, given its first picture."""
        height, width = self.upright_size(picture.frame)
        duration = self._container.duration if self._is_file else None
        return SourceInfo(
            width, height, min(self._fps, 1000.0), duration / 1e6 if duration else None
        )

    def pictures(
        self,
        *,
        before_packet: Callable[[float | None], None] = lambda _: None,
        start_s: float = 0.0,
    ) -> Iterator[Picture]:
        """Decode until the end of a file; a camera ends with `FaultError`.

        Args:
            before_packet: called when a packet is there and before it is decoded, with its
                time from the first frame (None if unknown): a place to wait for the clock.
            start_s: leave out what lies before this time of a file.
        """
        undecodable, last_s = 0, -1.0
        if start_s > 0:
            self._find_origin()
            self._seek(start_s)
        for packet in self._packets():
            if packet.size == 0 and not self._is_file:
                continue
            stamp = packet.dts if packet.dts is not None else packet.pts
            before_packet(self._position(stamp))
            arrived_ns = time.monotonic_ns()
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError):
                undecodable += 1
                continue
            for frame in frames:
                position_s = last_s = self._position_of(frame, last_s)
                if start_s and position_s <= start_s:
                    continue
                if min(frame.width, frame.height) < MIN_SIDE:
                    raise FaultError(Fault.TOO_SMALL)
                yield Picture(frame, position_s, arrived_ns, undecodable)
                undecodable = 0

    def upright_size(self, frame: VideoFrame) -> tuple[int, int]:
        """(height, width) that `develop_into` needs."""
        width, height = _fit(frame.width, frame.height)
        return (width, height) if self._quarter_turns(frame) % 2 else (height, width)

    def develop_into(self, frame: VideoFrame, target: npt.NDArray[np.uint8]) -> None:
        """Convert to upright sRGB of at most 1920×1080 (either way up).

        Args:
            frame: as decoded.
            target: shape of `upright_size` plus 3, uint8, written in place.
        """
        width, height = _fit(frame.width, frame.height)
        rgb = self._reformatter.reformat(
            frame,
            width,
            height,
            "rgb24",
            src_colorspace=_colorspace(frame),
            dst_colorspace=Colorspace.ITU709,
            interpolation=Interpolation.AREA if width != frame.width else Interpolation.BILINEAR,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        plane = rgb.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(height, plane.line_size)  # type: ignore[call-overload]
        pixels = rows[:, : width * 3].reshape(height, width, 3)
        target[:] = np.rot90(pixels, self._quarter_turns(frame))

    def _quarter_turns(self, frame: VideoFrame) -> int:
        """Counter-clockwise quarter turns that make the picture upright."""
        return round((frame.rotation - self._rotate) / 90) % 4

    def _packets(self) -> Iterator[av.Packet[Any]]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                yield next(packets)
            except (StopIteration, av.error.EOFError):
                if self._is_file:
                    return
                raise FaultError(Fault.LOST) from None
            except (av.error.FFmpegError, OSError, TimeoutError):
                if self._is_file:  # the rest of a damaged file
                    return
                raise FaultError(Fault.LOST) from None

    def _position_of(self, frame: VideoFrame, last_s: float) -> float:
        if frame.pts is None or not frame.time_base:
            if not self._is_file:
                return math.nan
            return last_s + 1 / (self._fps or DEFAULT_FPS) if last_s >= 0 else 0.0
        seconds = float(frame.pts * frame.time_base)
        if self._origin_s is None:
            self._origin_s = seconds if self._is_file else 0.0
        return seconds - self._origin_s

    def _position(self, stamp: int | None) -> float | None:
        if stamp is None or self._stream.time_base is None:
            return None
        return float(stamp * self._stream.time_base) - (self._origin_s or 0.0)

    def _find_origin(self) -> None:
        start, base = self._stream.start_time, self._stream.time_base
        self._origin_s = float(start * base) if start is not None and base is not None else 0.0

    def _seek(self, start_s: float) -> None:
        base = self._stream.time_base
        if base is None:
            return
        target = round((start_s + (self._origin_s or 0.0)) / float(base))
        try:
            self._container.seek(target, stream=self._stream, backward=True)
        except av.error.FFmpegError:
            self._container.seek(0)


def _open(source: Source, address: str | None) -> InputContainer:
    match source:
        case FileSource(path=path):
            return _open_file(path)
        case RtspSource():
            return _open_rtsp(source, address or source.host)
        case UsbSource():
            return _open_usb(source)


def _open_file(path: str) -> InputContainer:
    # "file:" keeps a name such as "http:x.mp4" a name; the whitelist keeps a playlist from
    # opening anything but files, and Landlock anything but this one.
    if (fault := check_file(Path(path))) is not None:
        raise FaultError(fault)
    try:
        return av.open(f"file:{path}", options={"protocol_whitelist": "file"})
    except av.error.DecoderNotFoundError:
        raise FaultError(Fault.NO_DECODER) from None
    except (av.error.FFmpegError, OSError, ValueError):
        with open(path, "rb") as file:
            is_mp4 = file.read(8)[4:] == b"ftyp"
        raise FaultError(Fault.TRUNCATED if is_mp4 else Fault.NOT_VIDEO) from None


def _open_rtsp(source: RtspSource, address: str) -> InputContainer:
    options = {
        "rtsp_transport": "tcp",
        "timeout": str(round(READ_S * 1e6)),
        "protocol_whitelist": "rtsp,tcp,rtp",
        # Not fflags=nobuffer: it throws away the key frame that the analysis has read.
        "analyzeduration": "2000000",
        "fpsprobesize": "3",
        "allowed_media_types": "video",
    }
    try:
        return av.open(source.at(address), options=options, timeout=(OPEN_S, READ_S))
    except (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError):
        raise FaultError(Fault.UNAUTHORIZED) from None
    except (av.error.HTTPClientError, av.error.InvalidDataError):
        raise FaultError(Fault.NO_SUCH_STREAM) from None
    except (av.error.FFmpegError, OSError):
        raise FaultError(Fault.UNREACHABLE) from None


def _open_usb(source: UsbSource) -> InputContainer:
    if (fault := check_device(source)) is not None:
        raise FaultError(fault)
    try:
        return av.open(str(source.device), format="v4l2", timeout=(OPEN_S, READ_S))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        gone = getattr(error, "errno", None) in (2, 6, 19)  # ENOENT, ENXIO, ENODEV
        raise FaultError(Fault.NO_DEVICE if gone else Fault.DEVICE_BUSY) from None


def _fit(width: int, height: int) -> tuple[int, int]:
    """Largest size of the same shape within 1920×1080 or 1080×1920; never enlarges."""
    long, short = max(width, height), min(width, height)
    scale = min(1.0, MAX_LONG / long, MAX_SHORT / short)
    if scale == 1.0:
        return width, height
    return max(2, int(width * scale)) & ~1, max(2, int(height * scale)) & ~1


def _colorspace(frame: VideoFrame) -> int:
    """The frame's own matrix; where unsaid, BT.709 for HD and BT.601 below, as players do."""
    if frame.colorspace != _UNSPECIFIED:
        return int(frame.colorspace)
    return Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601
