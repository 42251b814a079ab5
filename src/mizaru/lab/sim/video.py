"""Frames and truth into files, whole or not at all.

Wraps PyAV's ``av.FFmpegError`` and operating-system errors.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt

from mizaru.errors import SimError, StorageFullError
from mizaru.lab.sim.truth import FrameTruth, encode_truth

CRF: Final = 25
"""H.264 constant rate factor; lower is larger and better."""
_KEYFRAME_S: Final = 4.0


def truth_file(video: Path) -> Path:
    """Where the truth of a video lies: ``clip.mp4`` → ``clip.truth.jsonl``."""
    return video.with_name(f"{video.stem}.truth.jsonl")


def mask_file(video: Path) -> Path:
    """Where the masks of a video lie: ``clip.mp4`` → ``clip.masks.npz``."""
    return video.with_name(f"{video.stem}.masks.npz")


def write_video(
    frames: Iterable[tuple[npt.NDArray[np.uint8], FrameTruth]],
    file: Path,
    *,
    fps: float,
    masks: bool = False,
) -> Iterator[FrameTruth]:
    """Write an H.264 video, its truth and perhaps its masks; yields each truth once written.

    All files appear together when the last frame is written, none if anything fails or the
    iteration is given up.

    Args:
        frames: of `mizaru.lab.sim.render`.
        file: must end in .mp4 or .mkv.
        fps: frames per second.
        masks: also write ``NAME.masks.npz`` with ``masks``, shape (N, H, W) uint8.

    Raises:
        SimError: the file cannot be written.
        StorageFullError: no room left.
    """
    if file.suffix not in (".mp4", ".mkv"):
        raise SimError(f"{file}: the video's name must end in .mp4 or .mkv")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{file.stem}-", dir=file.parent) as folder:
            video, truths = Path(folder) / file.name, Path(folder) / "truth"
            kept: list[npt.NDArray[np.uint8]] = []
            with _encoder(video, fps) as encode, truths.open("wb") as lines:
                for picture, truth in frames:
                    encode(picture)
                    lines.write(encode_truth(truth))
                    if masks and truth.mask is not None:
                        kept.append(truth.mask)
                    yield truth
            if masks:
                packed = Path(folder) / "masks.npz"
                np.savez_compressed(packed, masks=np.stack(kept))
                packed.replace(mask_file(file))
            truths.replace(truth_file(file))
            video.replace(file)
    except (OSError, av.FFmpegError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise StorageFullError(f"{file}: no room left on the disk; free some") from None
        reason = getattr(error, "strerror", None) or error
        raise SimError(f"{file}: cannot be written: {reason}") from None


@contextlib.contextmanager
def _encoder(file: Path, fps: float) -> Iterator[Any]:
    container = av.open(os.fspath(file), "w")
    stream: Any = None

    def encode(picture: npt.NDArray[np.uint8]) -> None:
        nonlocal stream
        if stream is None:
            rate = Fraction(fps).limit_denominator(1001)
            stream = container.add_stream("libx264", rate=rate)
            stream.height, stream.width = picture.shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.options = {
                "crf": str(CRF),
                "preset": "slow",
                "g": str(round(fps * _KEYFRAME_S)),
                # One slice of time after another gives the same bytes on every run.
                "threads": "1",
            }
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        for packet in stream.encode(frame):
            container.mux(packet)

    try:
        yield encode
        if stream is None:
            raise SimError(f"{file.name}: no frame to write")
        for packet in stream.encode():
            container.mux(packet)
    finally:
        container.close()
