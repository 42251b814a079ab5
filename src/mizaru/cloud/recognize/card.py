"""The model card that machines read: ``weights/recognizer.json``, beside the weights.

Training writes it and the cloud checks it on load. Nothing that the recognizer needs to know of
its weights stands anywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct

from mizaru.cloud.recognize.features import CHANNELS, TICKS
from mizaru.cloud.recognize.outputs import ACTIONS, FALL, OUTPUTS
from mizaru.errors import ModelError
from mizaru.vocabulary import Behavior

Array = npt.NDArray[np.float32]

FORMAT: Final = 1
NOT_VALIDATED: Final = "not validated on real people"
REAL: Final = "real"
OUTPUT_NAMES: Final = (*(str(action) for action in ACTIONS), "fall", "aggression")
"""Names of the network's outputs, in order: the softmax over `ACTIONS`, then `FALL` and
`AGGRESSION`."""
LEARNED_RISKS: Final = (
    Behavior.FALL,
    Behavior.STRIKE,
    Behavior.PUSH,
    Behavior.SMOKE,
    Behavior.WAVE_FOR_HELP,
)
"""Risks whose score is held against an operating point; each needs one."""
MAX_LOGIT: Final = 8.0
"""Calibrated log odds are cut off here: nothing is surer than 1 in 3000."""

Probability = Annotated[float, Meta(gt=0.0, lt=1.0)]
Sentence = Annotated[str, Meta(min_length=1, max_length=500)]


class Platt(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="platt"):
    """log odds = a · logit + b."""

    a: Annotated[float, Meta(gt=0.0, le=100.0)] = 1.0
    b: Annotated[float, Meta(ge=-100.0, le=100.0)] = 0.0


class Knots(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="knots"):
    """Probability by straight lines between knots, constant beyond them.

    Attributes:
        logits: rising.
        probabilities: one per logit, never falling.
    """

    logits: Annotated[tuple[float, ...], Meta(min_length=2, max_length=64)]
    probabilities: Annotated[tuple[Probability, ...], Meta(min_length=2, max_length=64)]


Calibration = Platt | Knots


class OperatingPoint(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a score becomes a risk.

    Attributes:
        threshold: least score at which it is told.
        low: … and down to which it goes on; hysteresis.
        budget_per_camera_day: false alarms per camera-day that it was chosen for.
        chosen_on: data that it was chosen on, never what is reported.
    """

    threshold: Probability
    low: Probability
    budget_per_camera_day: Annotated[float, Meta(gt=0.0)]
    chosen_on: Sentence


class Validation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one behaviour was shown on.

    Attributes:
        status: ``real`` or ``not validated on real people``.
        data: data sets of real people, for ``real``; who is in them was never trained on.
        figures: e.g. ``{"event_recall": 0.95}``.
    """

    status: str
    data: tuple[Sentence, ...] = ()
    figures: dict[str, float] = {}


class TrainingSet(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One source that the weights learnt from."""

    name: Sentence
    licence: Sentence
    windows: Annotated[int, Meta(ge=0)] = 0


class Card(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that is known of one set of weights.

    Attributes:
        format: of this file, `FORMAT`.
        version: of the weights, e.g. ``"2026-11-21"``; shown in API and dashboard.
        sha256: of the ONNX file, 64 hex digits.
        ticks, channels: the window that the weights expect, must be `TICKS` and `CHANNELS`.
        outputs: must be `OUTPUT_NAMES`.
        temperature: the softmax is taken of the logits divided by it.
        calibration: output name → how its logit becomes a probability; for an action the logit
            is the log odds of its share of the softmax. Absent: taken as it is.
        operating_points: risk → where its score becomes one; all of `LEARNED_RISKS`. A score is
            what `mizaru.cloud.recognize.learned.trace` says, not a plain output.
        validation: behaviour → what it was shown on. Absent: not validated on real people.
        training: what it was trained on.
        architecture: in a few words.
        parameters: how many.
        seed: of the training.
        command: that made it.
        metrics: name → figure on held-out training data.
        notes: what else should be known.
    """

    format: int = FORMAT
    version: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,39}$")]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    ticks: int = TICKS
    channels: int = CHANNELS
    outputs: tuple[str, ...] = OUTPUT_NAMES
    temperature: Annotated[float, Meta(gt=0.0, le=100.0)] = 1.0
    calibration: dict[str, Calibration] = {}
    operating_points: dict[Behavior, OperatingPoint]
    validation: dict[Behavior, Validation] = {}
    training: Annotated[tuple[TrainingSet, ...], Meta(min_length=1)]
    architecture: Sentence
    parameters: Annotated[int, Meta(ge=0)] = 0
    seed: int
    command: Sentence
    metrics: dict[str, float] = {}
    notes: tuple[Sentence, ...] = ()

    def __post_init__(self) -> None:
        complaint = next(_complaints(self), None)
        if complaint:
            raise ValueError(complaint)

    def described(self) -> Mapping[Behavior, str]:
        """Behaviour → ``real: data sets`` or ``not validated on real people``, for all."""
        return {behavior: _described(self.validation.get(behavior)) for behavior in Behavior}


def load_card(file: Path) -> Card:
    """Read and check a card.

    Raises:
        ModelError: it is missing, damaged or does not fit this program.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=Card)
    except OSError as error:
        raise ModelError(
            f"{file}: cannot be read ({error.strerror or error}); install Mizaru again"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{file}: not a model card of this version ({error}); install Mizaru again, "
            "or train anew with `mizaru train recognizer`"
        ) from None


def save_card(card: Card, file: Path) -> None:
    """Write a card so that people can read it, too; whole or not at all."""
    part = file.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")
    part.replace(file)


class Calibrator:
    """Logits of the network → log odds that mean what they say, at most ±`MAX_LOGIT`.

    Args:
        card: temperature and calibration.
    """

    def __init__(self, card: Card) -> None:
        self._temperature = card.temperature
        self._a = np.ones(OUTPUTS)
        self._b = np.zeros(OUTPUTS)
        self._knots: list[tuple[int, Array, Array]] = []
        for name, calibration in card.calibration.items():
            output = OUTPUT_NAMES.index(name)
            if isinstance(calibration, Platt):
                self._a[output], self._b[output] = calibration.a, calibration.b
            else:
                x = np.asarray(calibration.logits, np.float32)
                y = np.asarray([logit(p) for p in calibration.probabilities], np.float32)
                self._knots.append((output, x, y))

    def __call__(self, logits: Array) -> Array:
        """Shape (N, OUTPUTS) float32 → log odds of the same shape, float32.

        Knots are joined in log odds, which never leaves the range of their probabilities.
        """
        scaled = logits[:, : len(ACTIONS)].astype(np.float64) / self._temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        shares = np.exp(scaled)
        shares /= shares.sum(axis=1, keepdims=True)
        shares = np.clip(shares, 1e-6, 1.0 - 1e-6)
        x = np.concatenate([np.log(shares / (1.0 - shares)), logits[:, FALL:]], axis=1)
        odds = x * self._a + self._b
        for output, knots, values in self._knots:
            odds[:, output] = np.interp(x[:, output], knots, values)
        return np.clip(odds, -MAX_LOGIT, MAX_LOGIT).astype(np.float32)


def logit(probability: float) -> float:
    """Log odds of a probability in (0, 1)."""
    return math.log(probability / (1.0 - probability))


def sigmoid(odds: float) -> float:
    """Probability of log odds."""
    return 1.0 / (1.0 + math.exp(-odds)) if odds >= 0.0 else 1.0 - 1.0 / (1.0 + math.exp(odds))


def _described(validation: Validation | None) -> str:
    if validation is None or validation.status != REAL:
        return NOT_VALIDATED
    return f"{REAL}: {', '.join(validation.data)}"


def _complaints(card: Card) -> Iterator[str]:
    for name, said, known in (
        ("format", card.format, FORMAT),
        ("ticks", card.ticks, TICKS),
        ("channels", card.channels, CHANNELS),
        ("outputs", card.outputs, OUTPUT_NAMES),
    ):
        if said != known:
            yield f"{name} is {said!r}, this program has {known!r}"
    for output, calibration in card.calibration.items():
        if output not in OUTPUT_NAMES:
            yield f"calibration of {output!r}, which is no output"
        if isinstance(calibration, Knots) and not _rises(calibration):
            yield f"the knots of {output!r} do not rise, or are not as many as probabilities"
    for risk in LEARNED_RISKS:
        if risk not in card.operating_points:
            yield f"no operating point for {risk}"
    for behavior, point in card.operating_points.items():
        if behavior not in LEARNED_RISKS:
            yield f"an operating point for {behavior}, which has no score"
        if point.low > point.threshold:
            yield f"low of {behavior} is above its threshold"
    for behavior, validation in card.validation.items():
        if validation.status not in (REAL, NOT_VALIDATED):
            yield f"validation of {behavior}: neither {REAL!r} nor {NOT_VALIDATED!r}"
        if (validation.status == REAL) is not bool(validation.data):
            yield f"validation of {behavior}: {REAL!r} names its data, nothing else does"


def _rises(knots: Knots) -> bool:
    x, y = knots.logits, knots.probabilities
    return (
        len(x) == len(y)
        and all(a < b for a, b in pairwise(x))
        and all(a <= b for a, b in pairwise(y))
    )
