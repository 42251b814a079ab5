"""What a recognizer says; the seam behind which rules and learned models are exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from mizaru.cloud.recognize.adaptation import Sensitivity
from mizaru.vocabulary import Behavior, Pose, SyncKey


@dataclass(frozen=True, slots=True)
class Observation:
    """One representation, unpacked for recognition: all that a recognizer may see.

    Attributes:
        key: sync key κ_t.
        poses: in occlusion order π_t, the farthest first.
        aspect: image width / height, so that angles can be told.
    """

    key: SyncKey
    poses: tuple[Pose, ...]
    aspect: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A number with its unit that explains a finding."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class SubjectFinding:
    """What one subject does now: always one everyday behaviour, see `Finding` for risks.

    Attributes:
        box_xyxy: normalised (u0, v0, u1, v1).
        behavior: most telling behaviour (a risk if one holds, else the everyday one).
        confidence: [0, 1].
    """

    subject_id: int
    box_xyxy: tuple[float, float, float, float]
    behavior: Behavior
    confidence: float


@dataclass(frozen=True, slots=True)
class Risk:
    """Evidence, at one moment, for a risk behaviour.

    Attributes:
        behavior: a member of `mizaru.vocabulary.RISK`.
        confidence: [0, 1]; 0.5 is where the recognizer that ships just tells it, whatever
            operators said of the camera. Its log odds are the calibrated ones of the score less
            those of the operating point: how much the evidence outweighs the doubt.
        subject_ids: who; sorted; empty for a behaviour of the whole scene.
        zone: name of the zone it happened in, or "" for none.
        measures: numbers with units.
        reason: one sentence that says why, with the numbers.
        started_ms: camera clock when the behaviour began (e.g. onset of the descent).
    """

    behavior: Behavior
    confidence: float
    subject_ids: tuple[int, ...]
    zone: str
    measures: tuple[Measured, ...]
    reason: str
    started_ms: int


@dataclass(frozen=True, slots=True)
class Finding:
    """(R, A, C) of one representation.

    Attributes:
        dismissed: what looked like a risk and was none at the second look, said once each.
        evidence: risk → the highest confidence that anybody or the scene has of it now, told or
            not, for every risk that has a score; empty for a recognizer without scores.
    """

    key: SyncKey
    subjects: tuple[SubjectFinding, ...]
    risks: tuple[Risk, ...]
    dismissed: tuple[Risk, ...] = ()
    evidence: Mapping[Behavior, float] = field(default_factory=lambda: MappingProxyType({}))


class Recognizer(Protocol):
    """Streaming and causal; one instance per camera; fed in time order."""

    def observe(self, observation: Observation) -> Finding:
        """Take the next representation and say what is going on now."""
        ...

    def adapt(self, sensitivity: Sensitivity) -> None:
        """Be as sensitive as this from the next representation on; nothing is forgotten."""
        ...
