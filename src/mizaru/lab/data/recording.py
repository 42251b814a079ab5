"""What crossed the wall while a clip was seen: the only thing that recognition ever gets.

`record` develops a video file as the darkroom does (the same perception, retargeting and
quantisation) without its process and sandbox, and keeps the representations: canonical poses
on the 100 ms grid. No pixel, box or raw landmark is kept, not even in the cache.

At the pace ``live`` frames arrive by the clip's clock and a frame that comes while an earlier
one is still being developed is dropped, as at a camera. Nobody waits for the clip's clock:
each frame costs the processor time that it took, of all threads together, so that other work on
this machine does not count. That is hard on us: people looked at side by side are paid for
one after the other.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from mizaru.cloud.recognize.finding import Observation
from mizaru.edge.darkroom.capture.decode import FaultError, Video
from mizaru.edge.darkroom.capture.source import FileSource
from mizaru.edge.darkroom.desensitize import build_desensitizer
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive import build_perceiver
from mizaru.edge.darkroom.perceive.perception import Perceiver
from mizaru.edge.settings import CameraSettings, Pace, PerceiveSettings
from mizaru.errors import DataError, PerceptionTimeoutError, StorageFullError
from mizaru.vocabulary import SyncKey
from mizaru.wire.codec import unpack_pose
from mizaru.wire.messages import Representation

VERSION: Final = 2
"""Raise it when perception or retargeting change what they see: old recordings are remade."""


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """A clip as the cloud would have seen it.

    Attributes:
        version: see `VERSION`.
        width, height: of the picture, pixels.
        duration_s: length of the clip.
        frames_in, frames_dropped: that the clip has, and of these came too late or failed.
        representations: in time order; ``t_ms`` counts from the clip's first frame.
    """

    version: int
    width: int
    height: int
    duration_s: float
    frames_in: int
    frames_dropped: int
    representations: tuple[Representation, ...]

    def observations(self, camera: str = "camera-1") -> Iterator[Observation]:
        """In the recognizer's form."""
        for item in self.representations:
            poses = tuple(unpack_pose(record) for record in item.poses)
            key = SyncKey(camera, item.frame_id, item.t_ms)
            yield Observation(key, poses, self.width / self.height)


def _shipped_perceiver(models: Path) -> Perceiver:
    """Raises `ModelError` where a model is missing."""
    settings = PerceiveSettings()
    return build_perceiver(settings, models, rng=np.random.default_rng(0), clock=lambda: 0.0)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Develops video files, and remembers what it has developed.

    Args:
        models: folder of the model store.
        cache: folder for recordings; made if absent.
        clock: seconds; what passes on it is what a frame costs at the pace ``live``.
        perceiver: builds the perception of one clip from the folder of models.
    """

    models: Path
    cache: Path
    clock: Callable[[], float] = time.process_time
    perceiver: Callable[[Path], Perceiver] = _shipped_perceiver

    def known(self, file: Path, pace: Pace) -> Recording | None:
        """The recording of a file, if it is in the cache and readable."""
        try:
            recording = _decoder.decode(self._place(file, pace).read_bytes())
        except (OSError, msgspec.DecodeError):
            return None
        return recording if recording.version == VERSION else None

    def record(self, file: Path, pace: Pace) -> Recording:
        """From the cache, or developed now and then kept.

        Raises:
            DataError: the file cannot be read as a video, or the cache cannot be written.
            ModelError: a perception model is missing.
            StorageFullError: no room for the cache.
        """
        recording = self.known(file, pace)
        if recording is None:
            recording = _develop(file, pace, self.perceiver(self.models), self.clock)
            _keep(_encoder.encode(recording), self._place(file, pace))
        return recording

    def _place(self, file: Path, pace: Pace) -> Path:
        try:
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None
        return self.cache / f"v{VERSION}" / pace / f"{digest}.msgpack"


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Recording)


def _keep(data: bytes, place: Path) -> None:
    """Write a file that is either whole or not there, whenever the program is killed."""
    part = place.with_suffix(f".{os.getpid()}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(data)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        reason = f"{place}: cannot be written: {error.strerror or error}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(f"{reason}; free some space and run it again") from None
        raise DataError(reason) from None


def _develop(
    file: Path, pace: Pace, perceiver: Perceiver, clock: Callable[[], float]
) -> Recording:  # fmt: skip
    camera = CameraSettings(id="lab", source=str(file), pace=Pace.FAST)
    desensitizer = build_desensitizer(camera, rng=np.random.default_rng(0), clock=lambda: 0)
    try:
        video = Video(FileSource(str(file)))
    except FaultError as fault:
        raise DataError(f"{file}: not a readable video ({fault.fault.name.lower()})") from None
    kept: list[Representation] = []
    frames = dropped = 0
    width = height = 0
    position_s = free_s = 0.0
    try:
        for picture in video.pictures():
            frames += 1
            position_s = picture.position_s
            if pace is Pace.LIVE and position_s < free_s:
                dropped += 1
                continue
            began = clock()
            height, width = video.upright_size(picture.frame)
            pixels = np.empty((height, width, 3), np.uint8)
            video.develop_into(picture.frame, pixels)
            frame = Frame(frames - 1, round(position_s * 1000), 0, pixels)
            try:
                outcome = desensitizer.desensitize(frame, perceiver.perceive(frame))
            except PerceptionTimeoutError:
                dropped += 1
                outcome = ()
            kept += [item for item in outcome if isinstance(item, Representation)]
            free_s = position_s + clock() - began
    except FaultError as fault:
        raise DataError(f"{file}: not a readable video ({fault.fault.name.lower()})") from None
    finally:
        video.close()
    if not frames:
        raise DataError(f"{file}: not a readable video (it has no frames)")
    return Recording(
        version=VERSION,
        width=width,
        height=height,
        duration_s=position_s,
        frames_in=frames,
        frames_dropped=dropped,
        representations=tuple(kept),
    )
